use super::*;
use anyspend_domain::{Address, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Link {
    object: &'static str,
    name: &'static str,
    uses: u64,
    at: Time,
    to: Addr,
    metadata: BTreeMap<String, String>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    object: &'static str,
    uses: u64,
}

#[derive(Serialize)]
struct Wider {
    #[serde(flatten)]
    link: Link,
    secret: &'static str,
}

fn link() -> Link {
    let metadata = [("object", "payment_link"), ("uses", "theirs")];
    Link {
        object: "payment_link",
        name: "a",
        uses: 2,
        at: Time(Timestamp::from_millis(1_709_078_400_000).unwrap()),
        to: Addr(Address::parse("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48").unwrap()),
        metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        items: vec![Item { object: "payment_link_item", uses: 1 }],
    }
}

fn text(version: Version, view: &impl Serialize) -> String {
    String::from_utf8(version.render(view).unwrap()).unwrap()
}

/// A version that renames, drops and renders otherwise: what a module of its own would hold.
static TRIED: Dialect = Dialect {
    date: "2031-01-01",
    after: None,
    leaves: Leaves { time: |time| Tree::Text(time.to_iso8601()), address: Tree::Text },
    changes: &[
        Of { object: "payment_link", within: "", change: Change::Rename { from: "uses", to: "completions" } },
        Of { object: "payment_link", within: "", change: Change::Drop { name: "to" } },
        Of { object: "payment_link", within: "items", change: Change::Rename { from: "uses", to: "sold" } },
        Of {
            object: "payment_link",
            within: "",
            change: Change::Value {
                name: "metadata",
                rendered: |metadata| metadata.to_json().map_or(Tree::Null, Tree::Text),
            },
        },
    ],
};

/// One that comes after it.
static AFTER: Dialect = Dialect {
    date: "2030-01-01",
    after: Some(&TRIED),
    leaves: Leaves { time: |time| Tree::Number(time.millis().into()), address: Tree::Text },
    changes: &[Of { object: "payment_link", within: "", change: Change::Rename { from: "completions", to: "done" } }],
};

#[test]
fn versions_differ_in_times_and_addresses_only() {
    assert_eq!(
        text(Version::parse("2026-02-27").unwrap(), &link()),
        r#"{"object":"payment_link","name":"a","uses":2,"current_uses":2,"at":"2024-02-28T00:00:00Z","to":"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48","metadata":{"object":"payment_link","uses":"theirs"},"items":[{"object":"payment_link_item","uses":1}]}"#
    );
    let old: serde_json::Value = serde_json::from_str(&text(Version::parse("2024-02-28").unwrap(), &link())).unwrap();
    assert_eq!(old["at"], 1_709_078_400_000_u64);
    assert_eq!(old["to"], "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
    assert!(Version::parse("2025-01-01").is_none());
}

#[test]
fn a_version_is_its_changes_and_nothing_of_it_stands_elsewhere() {
    let shown: serde_json::Value = serde_json::from_str(&text(Version(&TRIED), &link())).unwrap();
    assert_eq!((&shown["completions"], &shown["current_uses"]), (&json!(2), &json!(2)));
    assert_eq!(shown["items"], json!([{"object": "payment_link_item", "sold": 1}]));
    assert_eq!(shown["metadata"], r#"{"object":"payment_link","uses":"theirs"}"#);
    assert!(shown.get("uses").is_none() && shown.get("to").is_none());
    let after: serde_json::Value = serde_json::from_str(&text(Version(&AFTER), &link())).unwrap();
    assert_eq!((&after["done"], &after["at"]), (&json!(2), &json!(1_709_078_400_000_u64)));

    assert_eq!(Version(&AFTER).name_of("payment_link", "uses"), "done");
    assert_eq!(Version(&AFTER).name_of("product", "uses"), "uses");
    let names = names_among(&[&TRIED, &AFTER], "payment_link", "uses");
    assert_eq!(names, ["uses", "current_uses", "completions", "done"]);
    // A parameter may be declared by either of two names.
    assert_eq!(names_among(&[], "event", "type"), ["type", "event_type"]);
    assert_eq!(names_among(&[], "payment_link_item", "uses"), ["uses"]);
}

#[test]
fn what_a_view_takes_in_changes_as_if_it_stood_alone_and_what_a_merchant_wrote_never_does() {
    let shown: serde_json::Value =
        serde_json::from_str(&text(Version::current(), &Wider { link: link(), secret: "s" })).unwrap();
    assert_eq!((&shown["current_uses"], &shown["secret"]), (&json!(2), &json!("s")));
    assert_eq!(shown["metadata"], json!({"object": "payment_link", "uses": "theirs"}));
}

#[test]
fn an_object_without_a_name_of_its_own_is_what_its_maker_says() {
    #[derive(Serialize)]
    struct Envelope {
        event: &'static str,
        data: Data,
    }
    #[derive(Serialize)]
    struct Data {
        checkout_session: Option<Session>,
    }
    #[derive(Serialize)]
    struct Session {
        client_reference_id: &'static str,
    }
    let session = Some(Session { client_reference_id: "r" });
    let event = Envelope { event: "e", data: Data { checkout_session: session } };
    assert_eq!(
        String::from_utf8(Version::current().render_as("webhook_event", &event).unwrap()).unwrap(),
        r#"{"event":"e","type":"e","data":{"checkout_session":{"client_reference_id":"r"},"checkoutSession":{"clientReferenceId":"r"}}}"#
    );
}
