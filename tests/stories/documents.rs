//! The documents lead where they say: what a reader would click or open is there.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What is built or installed, and no part of the repository.
const NOT_OURS: [&str; 5] = ["target", "node_modules", ".git", ".tools", ".aws-sam"];
/// Names with one of these endings are files.
const FILE_ENDINGS: [&str; 8] = [".rs", ".md", ".toml", ".yaml", ".yml", ".json", ".cjs", ".mjs"];

/// What one document says of other places.
#[derive(Debug, Default)]
struct Document {
    /// Its headings, as anchors.
    anchors: BTreeSet<String>,
    /// Where its links lead.
    links: Vec<String>,
    /// What it sets in backticks.
    codes: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every file of the repository, by its path from the root.
fn files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            if NOT_OURS.iter().any(|theirs| name == *theirs) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|one| one.is_alphanumeric() || "-_ ".contains(*one))
        .map(|one| if one == ' ' { '-' } else { one })
        .collect()
}

fn read(text: &str) -> Document {
    let mut document = Document::default();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        if let (Some(heading), Event::Text(text) | Event::Code(text)) = (&mut heading, &event) {
            heading.push_str(text);
        }
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => document.anchors.extend(heading.take().as_deref().map(anchor)),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                document.links.push(dest_url.to_string());
            }
            Event::Code(code) => document.codes.push(code.to_string()),
            _ => {}
        }
    }
    document
}

/// Every document of the repository, by its path from the root.
fn documents() -> BTreeMap<String, Document> {
    let names = files().into_iter().filter(|name| name.ends_with(".md"));
    names.map(|name| (name.clone(), read(&std::fs::read_to_string(root().join(name)).unwrap()))).collect()
}

/// A path from the root, with `..` followed.
fn joined(folder: &Path, relative: &str) -> String {
    let mut path = PathBuf::new();
    for part in folder.join(relative).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{relative} leads out of the repository"),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path.to_str().unwrap().to_owned()
}

/// Whether `name` is a file or a folder of the repository.
fn exists(files: &BTreeSet<String>, name: &str) -> bool {
    let folder = format!("{}/", name.trim_end_matches('/'));
    files.contains(name) || files.iter().any(|file| file.starts_with(&folder))
}

/// What is wrong with a path in backticks: `None` where it is right, or no path of this repository.
fn misplaced(files: &BTreeSet<String>, code: &str) -> Option<String> {
    let plain = |one: char| one.is_ascii_alphanumeric() || "/._-".contains(one);
    let is_path = !code.is_empty() && code.chars().all(plain) && !code.starts_with(['/', '.']);
    let is_file = FILE_ENDINGS.iter().any(|ending| code.len() > ending.len() && code.ends_with(ending));
    let is_below =
        code.split_once('/').is_some_and(|(top, _)| files.iter().any(|file| file.starts_with(&format!("{top}/"))));
    let ends = format!("/{code}");
    let right = exists(files, code) || is_file && files.iter().any(|file| file.ends_with(&ends));
    (is_path && (is_file || is_below) && !right).then(|| code.to_owned())
}

#[test]
fn every_link_between_documents_leads_to_a_file_and_a_heading_that_are_there() {
    let (files, documents) = (files(), documents());
    let mut followed = 0;
    for (name, document) in &documents {
        let folder = Path::new(name).parent().unwrap();
        for link in document.links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { name.clone() } else { joined(folder, path) };
            assert!(exists(&files, &target), "{name} links to {link}, which is not there");
            if !heading.is_empty() {
                let there = documents.get(&target).is_some_and(|target| target.anchors.contains(heading));
                assert!(there, "{name} links to {link}: {target} has no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed > 100, "only {followed} links were found");
}

#[test]
fn every_path_in_backticks_is_a_file_or_a_folder_of_the_repository() {
    let files = files();
    let wrong: Vec<_> = documents()
        .iter()
        .flat_map(|(name, document)| document.codes.iter().map(move |code| (name.clone(), code)))
        .filter_map(|(name, code)| misplaced(&files, code).map(|path| format!("{name}: {path}")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_path_that_is_not_there_is_noticed() {
    let files: BTreeSet<String> = ["docs/api.md", "shared/store/src/commit.rs"].map(str::to_owned).into();
    let wrong = |code| misplaced(&files, code).is_some();
    assert!(wrong("docs/gone.md") && wrong("shared/gone") && wrong("gone.rs") && wrong("store/commit.rs"));
    assert!(!wrong("docs/api.md") && !wrong("shared/store") && !wrong("commit.rs") && !wrong("src/commit.rs"));
    assert!(
        !wrong("GET /payment-links") && !wrong("functions/<name>") && !wrong("text/html") && !wrong("/api/v1/links")
    );
    assert_eq!(anchor("What it costs: `commit`, and why"), "what-it-costs-commit-and-why");
}

#[test]
fn every_decision_has_a_number_of_its_own_and_one_line_in_the_index() {
    let folder = "docs/decisions/";
    let documents = documents();
    let index: Vec<&String> = documents[&format!("{folder}README.md")].links.iter().collect();
    let mut decisions: Vec<&str> = documents.keys().filter_map(|name| name.strip_prefix(folder)).collect();
    decisions.retain(|name| *name != "README.md");
    assert_eq!(index, decisions, "the index has every decision, in order");
    for (place, name) in decisions.iter().enumerate() {
        let number = format!("{:04}", place + 1);
        assert!(name.starts_with(&number), "{name} is not number {number}");
        let first = documents[&format!("{folder}{name}")].anchors.iter().any(|anchor| anchor.starts_with(&number));
        assert!(first, "{name} does not begin with its number");
    }
}
