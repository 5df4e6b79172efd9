//! The OpenAPI document is the code.

use crate::app;
use std::collections::BTreeSet;
use std::path::Path;

#[tokio::test]
async fn the_committed_document_is_generated_from_the_code_and_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let generated = anyspend_local::openapi_json().unwrap();
    if update_asked() {
        std::fs::write(&file, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    assert!(committed == generated, "docs/openapi.json is out of date: run `cargo xtask openapi`");
    let served = app().await.anonymous("192.0.2.1").get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(served["openapi"], "3.1.0");
}

#[expect(clippy::disallowed_methods, reason = "a developer's switch, not a deployment's")]
fn update_asked() -> bool {
    std::env::var_os("UPDATE_OPENAPI").is_some()
}

#[test]
fn every_operation_has_an_id_of_its_own_and_every_reference_leads_somewhere() {
    let document: serde_json::Value = serde_json::from_str(&anyspend_local::openapi_json().unwrap()).unwrap();
    let mut ids = BTreeSet::new();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            // A page shows itself, whatever its address says.
            let refuses = path.starts_with("/api/").then_some("400");
            for status in refuses.into_iter().chain(["500", "503"]) {
                assert!(operation["responses"][status].is_object(), "{method} {path} {status}");
            }
        }
    }
    let routes: usize = anyspend_local::groups().iter().map(|group| group.operations.len()).sum();
    assert_eq!(operations, routes);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
