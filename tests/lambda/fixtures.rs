//! Every event of `events/` through the release binary it is meant for.

use crate::agreement::{base_operation, function_of, is_for_a_job};
use crate::event::fixtures;
use crate::template::Template;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// What the fixtures are answered with that are not simply `<group>-<operation>`, which an operation answers with its
/// own status. Without a code, it is a success.
const CASES: &[(&str, u64, &str)] = &[
    ("account-create-api-key-missing-key", 401, "key_missing"),
    ("checkout-link-page-limited", 429, ""),
    ("checkout-link-page-unknown", 404, ""),
    ("checkout-open-session-options", 204, ""),
    ("checkout-sessions-expire-discounted", 200, ""),
    ("payment-links-create-base64", 201, ""),
    ("payment-links-create-invalid-json", 400, "invalid_json"),
    ("payment-links-create-invalid-utf8", 400, "invalid_json"),
    ("payment-links-create-missing-fields", 400, "missing_required_field"),
    ("payment-links-create-missing-key", 401, "key_missing"),
    ("payment-links-create-text-body", 415, "unsupported_media_type"),
    ("payment-links-list-2024", 200, ""),
    ("payment-links-list-head", 200, ""),
    ("payment-links-list-options", 204, ""),
    ("payment-links-list-unknown-parameter", 400, "unknown_parameter"),
    ("payment-links-list-wrong-method", 405, "method_not_allowed"),
    ("payment-links-retrieve-by-short-code", 200, ""),
    ("payment-links-retrieve-not-found", 404, "resource_not_found"),
    ("payment-links-retrieve-unknown-path", 404, "route_not_found"),
    ("payment-links-update-nothing", 400, "no_updates_provided"),
    ("platform-health-head", 200, ""),
    ("platform-unknown-route", 404, "route_not_found"),
    ("platform-unknown-route-root", 404, "route_not_found"),
    ("quick-pay-create-ipv6", 201, ""),
    ("quick-pay-create-wrong-method", 405, "method_not_allowed"),
];

/// Fixtures that are sent this often before, once to the same instance and then to another one: what they are about is
/// that an instance does not know yet what others have let through.
const REPEATED: &[(&str, usize)] = &[("checkout-link-page-limited", 60)];

/// The status and the code a fixture is to be answered with.
fn expected(name: &str) -> (u64, &'static str) {
    if let Some((_, status, code)) = CASES.iter().find(|(case, _, _)| *case == name) {
        return (*status, code);
    }
    let operation = base_operation(name).unwrap_or_else(|| panic!("CASES does not say what answers {name}"));
    (u64::from(operation.answer.status.as_u16()), "")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fixture_is_answered_as_expected_and_every_permission_is_needed() {
    let mut used: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for (name, event) in fixtures() {
        let function = function_of(&name);
        let world = World::start().await;
        let instance = world.instance(&function).await;
        if is_for_a_job(&name) {
            let done = instance.run(&event).await;
            assert!(
                done.get("batchItemFailures").is_none_or(|failed| failed == &serde_json::json!([])),
                "{name}: {done}"
            );
            used.entry(function).or_default().extend(instance.gate.used());
            continue;
        }
        let (status, code) = expected(&name);
        let before = REPEATED.iter().find(|(repeated, _)| *repeated == name).map_or(0, |(_, times)| *times);
        if before > 0 {
            instance.invoke(&event).await;
            let another = world.instance(&function).await;
            for _ in 1..before {
                another.invoke(&event).await;
            }
        }
        let answer = instance.invoke(&event).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert!(answer.header("request-id").starts_with("req_"), "{name}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
        match (event["requestContext"]["http"]["method"].as_str().unwrap(), code) {
            ("HEAD", _) | ("OPTIONS", _) => assert_eq!(answer.body, "", "{name}"),
            _ if (300..400).contains(&status) => assert!(!answer.header("location").is_empty(), "{name}"),
            _ if answer.header("content-type").starts_with("text/html") => {
                assert!(answer.body.starts_with("<!DOCTYPE html>"), "{name}");
            }
            _ if ["text/css", "text/csv"].iter().any(|kind| answer.header("content-type").starts_with(kind)) => {
                assert!(!answer.body.is_empty(), "{name}");
            }
            (_, "") => assert!(answer.json().is_object(), "{name}"),
            (_, code) => assert_eq!(answer.code(), code, "{name}"),
        }
        used.entry(function).or_default().extend(instance.gate.used());
    }
    for function in Template::load().functions() {
        let mut used = used[&function.binary].clone();
        if !function.key_actions.is_empty() {
            // Whichever function starts first of all keeps the wrapped data key.
            used.insert(("dynamodb:PutItem".to_owned(), "table".to_owned()));
        }
        let permissions = function.grants.permissions();
        let idle: Vec<_> = permissions.difference(&used).collect();
        assert!(idle.is_empty(), "{} may do what it never does: {idle:?}", function.logical_id);
    }
}

#[test]
fn every_expected_case_is_a_fixture() {
    let fixtures = fixtures();
    let missing: Vec<_> = CASES.iter().filter(|(name, _, _)| !fixtures.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
