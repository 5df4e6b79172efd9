//! domain ← lists ← store ← api ← functions: the arrows between the crates go one way, and within a crate those between
//! its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn dependencies(manifest: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(manifest).join("Cargo.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_layer_knows_only_the_layers_below_it() {
    let ours = [
        "anyspend-domain",
        "anyspend-lists",
        "anyspend-store",
        "anyspend-api",
        "anyspend-embedded",
        "anyspend-testing",
        "anyspend-local",
        "payment-links",
        "checkout",
        "checkout-sessions",
        "compact-lists",
        "end-sessions",
        "products",
        "transactions",
        "customers",
        "discount-codes",
        "quick-pay",
        "account",
        "webhooks",
        "platform",
        "anyspend-chain",
        "anyspend-sender",
        "rollup-stats",
        "settle",
    ];
    let mut allowed = vec![
        ("shared/domain", vec![]),
        ("shared/lists", vec!["anyspend-domain"]),
        ("shared/store", vec!["anyspend-domain", "anyspend-lists"]),
        ("shared/api", vec!["anyspend-domain", "anyspend-store"]),
        ("shared/chain", vec!["anyspend-domain"]),
        ("shared/sender", vec!["anyspend-domain"]),
        ("shared/embedded", vec![]),
    ];
    for function in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")).unwrap() {
        let name = function.unwrap().file_name().into_string().unwrap();
        let path: &'static str = Box::leak(format!("functions/{name}").into_boxed_str());
        let mut layers = vec!["anyspend-domain", "anyspend-store", "anyspend-api"];
        // The one that connects to whomever merchants name.
        if name == "deliver-webhooks" {
            layers.push("anyspend-sender");
        }
        // The one that asks chains, which nobody else need carry.
        if name == "settle" {
            layers.push("anyspend-chain");
        }
        allowed.push((path, layers));
    }
    for (package, allowed) in allowed {
        for dependency in dependencies(package) {
            assert!(
                !ours.contains(&dependency.as_str()) || allowed.contains(&dependency.as_str()),
                "{package} must not know {dependency}"
            );
        }
    }
}

#[test]
fn the_domain_and_the_lists_know_no_http_no_aws_and_no_runtime() {
    for dependency in ["shared/domain", "shared/lists"].into_iter().flat_map(dependencies) {
        assert!(
            !["tokio", "http", "axum", "lambda_http"].contains(&dependency.as_str()) && !dependency.starts_with("aws")
        );
    }
}

/// The files of one crate, by their module's path (empty for the root), without their tests.
struct Crate {
    name: String,
    modules: BTreeMap<String, String>,
    /// What the root gives other names, and where that is.
    aliases: BTreeMap<String, String>,
}

impl Crate {
    fn read(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for (path, text) in sources(&folder.join("src")) {
            let relative = path.strip_prefix(folder.join("src")).unwrap().with_extension("");
            let parts = relative
                .iter()
                .map(|part| part.to_str().unwrap())
                .filter(|part| !["lib", "main", "mod"].contains(part));
            let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
            modules.entry(parts.collect::<Vec<_>>().join("::")).or_insert_with(String::new).push_str(&text);
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let mut this = Self { name, modules, aliases: BTreeMap::new() };
        let root = &this.modules[""];
        for path in uses(root, "pub use ").into_iter().chain(uses(root, "use ")) {
            this.aliases.insert(path.rsplit("::").next().unwrap().to_owned(), path);
        }
        this
    }

    /// The module that a path begins with, seen from `module`; none of another crate.
    fn resolve(&self, module: &str, path: &str) -> Option<&str> {
        let mut at: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let mut parts = path.split("::").peekable();
        match parts.peek() {
            Some(&"crate") => {
                parts.next();
                at.clear();
            }
            Some(&"self") => {
                parts.next();
            }
            Some(&"super") => {
                while parts.next_if_eq(&"super").is_some() {
                    at.pop();
                }
            }
            Some(first) => {
                let child = [&at[..], &[*first]].concat().join("::");
                self.modules.get_key_value(&child)?;
            }
            None => return None,
        }
        at.extend(parts);
        if let Some(from) =
            at.first().and_then(|first| self.aliases.get(*first)).filter(|_| !self.modules.contains_key(at[0]))
        {
            let expanded = [from.as_str(), &at[1..].join("::")].join("::");
            return self.resolve("", &format!("crate::{expanded}"));
        }
        (0..=at.len())
            .rev()
            .find_map(|length| self.modules.get_key_value(&at[..length].join("::")))
            .map(|(name, _)| name.as_str())
    }

    /// Which modules each module imports. A re-export gives a name and needs nothing, so it is no import.
    fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let of = |(module, text): (&'_ String, &String)| {
            uses(text, "use ")
                .iter()
                .filter_map(|path| self.resolve(module, path))
                .filter(|other| *other != module.as_str())
                .collect()
        };
        self.modules.iter().map(|entry| (entry.0.as_str(), of(entry))).collect()
    }
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The paths that the statements of a file beginning with `keyword` name, one each.
fn uses(text: &str, keyword: &str) -> Vec<String> {
    let lines = text.lines();
    let mut found = Vec::new();
    let mut statement = String::new();
    for line in lines {
        if statement.is_empty() && !line.starts_with(keyword) {
            continue;
        }
        statement.push_str(line.trim());
        if statement.ends_with(';') {
            expand("", statement.trim_start_matches(keyword).trim_end_matches(';'), &mut found);
            statement.clear();
        }
    }
    found
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expand(before: &str, tree: &str, found: &mut Vec<String>) {
    let Some((path, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap().trim();
        found.push(format!("{before}{path}"));
        return;
    };
    let inner = inner.strip_suffix('}').unwrap();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, byte) in inner.bytes().chain([b',']).enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                let part = inner[start..at].trim();
                if !part.is_empty() {
                    expand(&format!("{before}{path}"), part, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Everything that can be reached from a module by its imports.
fn reached<'m>(imports: &BTreeMap<&'m str, BTreeSet<&'m str>>, from: &'m str) -> BTreeSet<&'m str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        for other in &imports[module] {
            if seen.insert(*other) {
                next.push(other);
            }
        }
    }
    seen
}

fn crates() -> Vec<Crate> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("local")];
    for group in ["shared", "functions"] {
        folders.extend(std::fs::read_dir(root.join(group)).unwrap().map(|entry| entry.unwrap().path()));
    }
    folders.iter().filter(|folder| folder.join("src").is_dir()).map(|folder| Crate::read(folder)).collect()
}

#[test]
fn no_more_than_two_files_of_a_crate_need_each_other() {
    let mut circles = BTreeSet::new();
    for one in crates() {
        let imports = one.imports();
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            imports.keys().map(|module| (*module, reached(&imports, module))).collect();
        for module in imports.keys() {
            let circle: Vec<&str> =
                reach[module].iter().filter(|other| reach[*other].contains(module)).copied().collect();
            if circle.len() > 2 {
                circles.insert(format!("{}: {}", one.name, circle.join(", ")));
            }
        }
    }
    assert!(circles.is_empty(), "circles of imports:\n{}", circles.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_frame_names_no_resource() {
    let api = crates().into_iter().find(|one| one.name == "api").unwrap();
    for (module, text) in api.modules.iter().filter(|(module, _)| module.starts_with("frame")) {
        let named = text.split("crate::").skip(1).map(|rest| {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
            format!("crate::{}", rest[..end.unwrap_or(rest.len())].trim_end_matches(':'))
        });
        for path in named {
            let other = api.resolve(module, &path).unwrap_or_default();
            assert!(!other.starts_with("resources"), "{module} names {path}");
        }
    }
    assert!(api.modules.keys().any(|module| module.starts_with("frame::")), "the frame was found");
}

#[test]
fn what_a_use_statement_names_is_read_from_it() {
    let text =
        "use crate::a::{b, c::{D, E}};\nuse super::f as g;\npub use crate::h;\nuse crate::{\n    i::J,\n    k,\n};\n";
    assert_eq!(
        uses(text, "use "),
        ["crate::a::b", "crate::a::c::D", "crate::a::c::E", "super::f", "crate::i::J", "crate::k"]
    );
}
