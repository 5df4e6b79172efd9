//! domain ← lists ← store ← api ← functions: the arrows between the crates go one way.

use std::path::Path;

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
