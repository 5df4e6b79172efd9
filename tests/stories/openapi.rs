//! The OpenAPI document is the code.

use crate::app;
use anyspend_api::codes::{entry, is_warning};
use anyspend_domain::Code;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::{EventData, WebhookEvent};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A file of the documentation.
fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

#[track_caller]
fn assert_committed(name: &str, generated: &str) {
    if update_asked() {
        std::fs::write(document(name), generated).unwrap();
    }
    let committed = std::fs::read_to_string(document(name)).unwrap_or_default();
    assert!(committed == generated, "docs/{name} is out of date: run `cargo xtask openapi`");
}

#[tokio::test]
async fn the_committed_document_is_generated_from_the_code_and_served() {
    assert_committed("openapi.json", &anyspend_local::openapi_json().unwrap());
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

#[test]
fn the_committed_tables_are_generated_from_the_code() {
    let mut text = String::from(
        "# Tables\n\nMade from the code by `cargo xtask openapi`.\n\n## Error codes\n\n\
         | HTTP | type | code | what it means | what to do |\n|---|---|---|---|---|\n",
    );
    for code in Code::ALL.iter().copied() {
        let entry = entry(code);
        let (status, kind) = if is_warning(code) { ("", "warning") } else { (entry.status.as_str(), entry.kind) };
        writeln!(text, "| {status} | `{kind}` | `{code}` | {} | {} |", code.meaning(), entry.remedy).unwrap();
    }
    text.push_str("\n## Permissions\n\n| permission | what it allows |\n|---|---|\n");
    for permission in Permission::ALL {
        writeln!(text, "| `{}` | {} |", permission.as_str(), permission.meaning()).unwrap();
    }
    text.push_str("\n## Audit events\n\n| `event_type` | `resource_type` | what happened |\n|---|---|---|\n");
    for event in AuditEventType::ALL {
        writeln!(text, "| `{}` | `{}` | {} |", event.as_str(), event.resource_type(), event.meaning()).unwrap();
    }
    assert_committed("tables.md", &text);
}

#[test]
fn the_page_on_webhooks_lists_every_event_as_the_code_knows_it() {
    let page = std::fs::read_to_string(document("webhooks.md")).unwrap();
    let (_, table) = page.split_once("| event | when | `data` |\n|---|---|---|\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: Vec<String> = WebhookEvent::ALL
        .iter()
        .map(|event| {
            let data = match event.data() {
                EventData::Transaction => "the transaction",
                EventData::CheckoutSession => "the checkout session",
                EventData::Ping => "`{\"object\": \"ping\", …}`",
            };
            format!("| `{}` | {} | {data} |", event.as_str(), event.when())
        })
        .collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), rows);
}
