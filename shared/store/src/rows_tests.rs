//! A table that an earlier version wrote is read unchanged: rows as version 0.1 stored them, read and written back.

use crate::audit::RecordedEvent;
use crate::db::{Item, StoreError, open, read, row, sealed_row, string};
use crate::idempotency::{IdempotencyScope, KeptAnswer};
use crate::list::{self, Columns, Ending, ListId};
use crate::outbox::{self, OutboxEvent};
use crate::schema::{self, Key};
use crate::statistics::Ledger;
use crate::vault::{BLIND_BYTES, Blind, Vault};
use crate::{Write, api_keys, idempotency, organizations, webhook_deliveries, webhooks};
use crate::{checkout_sessions, customers, discount_codes, payment_links, products, settlement, transactions};
use anyspend_domain::ShortCode;
use anyspend_domain::api_key::ApiKey;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::customer::Customer;
use anyspend_domain::discount_code::DiscountCode;
use anyspend_domain::followed::Followed;
use anyspend_domain::organization::Organization;
use anyspend_domain::product::Product;
use anyspend_domain::statistics::Day;
use anyspend_domain::transaction::Transaction;
use anyspend_domain::webhook::Webhook;
use anyspend_domain::webhook_delivery::Delivery;
use anyspend_lists::{JournalEntry, TreeKind, changes, trees};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// Seals by saying so, so that a row can be looked at.
struct Readable;

impl Vault for Readable {
    fn seal<T: Serialize>(&self, value: &T, context: &str) -> Result<String, StoreError> {
        Ok(format!("sealed for {context}: {}", serde_json::to_string(value).unwrap()))
    }

    fn open<T: DeserializeOwned>(&self, sealed: &str, context: &str) -> Result<T, StoreError> {
        Ok(serde_json::from_str(sealed.strip_prefix(&format!("sealed for {context}: ")).unwrap()).unwrap())
    }

    fn blind(&self, _: &str, _: &str) -> Result<Blind, StoreError> {
        Ok([0; BLIND_BYTES])
    }
}

/// The rows of a kind.
fn rows(kind: &str) -> Vec<Item> {
    let all: HashMap<String, Vec<serde_dynamo::Item>> = serde_json::from_str(include_str!("rows_of_0_1.json")).unwrap();
    let rows: Vec<Item> = all[kind].iter().map(|item| item.clone().into()).collect();
    assert!(!rows.is_empty());
    rows
}

/// A sealed text without what the order of its fields says.
fn unsealed(mut item: Item) -> Item {
    for name in ["buyer", "person"] {
        if let Some(sealed) = item.get(name).and_then(|value| value.as_s().ok()) {
            let (context, json) = sealed.split_once(": ").unwrap();
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            let plain = format!("{context}: {value}");
            item.insert(name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(plain));
        }
    }
    item
}

/// Reads each row of a kind, and expects what is written of it to be the row again, apart from attributes that another
/// write sets.
fn same<T>(kind: &str, others: &[&str], read: impl Fn(Item) -> Result<T, StoreError>, write: impl Fn(&T) -> Item) {
    for mut item in rows(kind) {
        let written = write(&read(item.clone()).unwrap());
        item.retain(|name, _| !others.contains(&name.as_str()));
        assert_eq!(unsealed(written), unsealed(item), "{kind}");
    }
}

/// The row that the first of some writes puts.
fn put(writes: &[Write]) -> Item {
    writes[0].stored().unwrap().clone()
}

#[test]
fn objects_of_an_earlier_version_are_read_and_written_as_they_were() {
    same("PROD", &[], read::<Product>, |product| put(&products::create(product).unwrap()));
    same("ORG", &[], read::<Organization>, |one| organizations::create(one).unwrap().stored().unwrap().clone());
    same(
        "SESSION",
        &[],
        |item| open::<CheckoutSession>(item, &Readable),
        |session| put(&checkout_sessions::create(session, &Readable).unwrap()),
    );
    same(
        "TX",
        &[],
        |item| open::<Transaction>(item, &Readable),
        |transaction| put(&transactions::record(transaction, None, &Readable).unwrap()),
    );
    same(
        "CUST",
        &[],
        |item| open::<Customer>(item, &Readable),
        |customer| put(&customers::record(customer, None, &Readable).unwrap()),
    );
    same("DC#HEAD", &["reservations", "batch"], read::<DiscountCode>, |code| {
        let mut item = put(&discount_codes::create(code, None).unwrap());
        item.remove("reservations");
        item
    });
    same("KEY", &["bucket_began", "bucket_taken"], api_keys::api_key, |key: &ApiKey| {
        put(&api_keys::create(key).unwrap())
    });
    same("WEBHOOKS#wh", &[], read::<Webhook>, |webhook| put(&webhooks::create(webhook).unwrap()));
    same("DELIVERY", &["writer"], read::<Delivery>, |delivery| {
        webhook_deliveries::create(delivery).unwrap().stored().unwrap().clone()
    });
    same("OUTBOX", &[], read::<OutboxEvent>, |event| outbox::emit(event).unwrap().stored().unwrap().clone());
    same("FOLLOW", &[], read::<Followed>, |one| settlement::follow(one).unwrap().stored().unwrap().clone());
}

#[test]
fn links_answers_and_events_of_an_earlier_version_are_read_as_they_were() {
    let parts: Vec<Item> = ["LINK#HEAD", "LINK#TERMS", "LINK#ITEMS"].into_iter().flat_map(rows).collect();
    let mut links: HashMap<String, Vec<Item>> = HashMap::new();
    for part in parts {
        links.entry(string(&part, schema::PK).to_owned()).or_default().push(part);
    }
    let mut whole = 0;
    for parts in links.into_values() {
        let Some(link) = payment_links::assemble(parts.clone()).unwrap() else { continue };
        let written: HashMap<_, _> =
            payment_links::rows(&link).unwrap().into_iter().map(|row| (string(&row, "sk").to_owned(), row)).collect();
        for part in parts {
            assert_eq!(written[string(&part, "sk")], part);
        }
        whole += 1;
    }
    assert!(whole > 0);
    assert_eq!(payment_links::assemble(rows("LINK#HEAD deleted")).unwrap(), None);
    let scope = IdempotencyScope { owner: read::<Product>(rows("PROD").remove(0)).unwrap().owner, key: String::new() };
    same("IDEM", &["pk"], read::<KeptAnswer>, |answer| {
        let mut item = idempotency::keep(&scope, answer, answer.expires_at).unwrap().stored().unwrap().clone();
        item.remove("pk");
        item
    });
    let event: RecordedEvent = read(rows("AUDIT").remove(0)).unwrap();
    assert_eq!((event.event_type.as_str(), event.status_code), ("organization.updated", 200));
}

#[test]
fn statistics_of_an_earlier_version_are_read_and_written_as_they_were() {
    let rows = rows("STATS");
    let totals = rows.iter().find(|row| string(row, "sk") == "TOTALS").unwrap();
    let code = ShortCode::parse(string(totals, "pk").split_once('#').unwrap().1).unwrap();
    let day = Day::numbered(totals["day"].as_n().unwrap().parse().unwrap());
    let mut ledger = Ledger::empty(&code, day);
    for row in &rows {
        ledger.enter(row.clone()).unwrap();
    }
    for (bucket, counted) in ledger.counted.clone() {
        ledger.note(bucket, counted);
    }
    let key = |row: &Item| (string(row, "pk").to_owned(), string(row, "sk").to_owned());
    let unversioned = |mut row: Item| {
        row.remove("version");
        row
    };
    let written = ledger.writes(day).unwrap();
    let written: HashMap<_, _> = written.iter().filter_map(Write::stored).map(|row| (key(row), row.clone())).collect();
    assert_eq!(written.len(), rows.len());
    for row in rows {
        assert_eq!(unversioned(written[&key(&row)].clone()), unversioned(row));
    }
}

#[test]
fn what_names_a_person_is_never_stored_in_the_clear() {
    let item = rows("SESSION").into_iter().find(|item| item.contains_key("buyer")).unwrap();
    let session: CheckoutSession = open(item, &Readable).unwrap();
    let key = Key::checkout_session(&session.id);
    assert!(matches!(row(&key, &session), Err(StoreError::Fault(_))));
    let sealed = sealed_row(&key, &session, &Readable).unwrap();
    assert!(string(&sealed, "buyer").starts_with(&format!("sealed for {}: ", session.id)));
    let elsewhere = HashMap::from([("whom", session.buyer)]);
    assert!(matches!(sealed_row(&key, &elsewhere, &Readable), Err(StoreError::Fault(_))));
}

/// Reads each journal row of a kind of object, and expects what it tells to be the row again.
fn told_again<T: Columns>() {
    for item in rows(&format!("JOURNAL#{}", T::OBJECT)) {
        let row = list::journal_row::<T>(&item).unwrap();
        let (id, forgets, told) = (row.id.clone(), row.forgets, changes([row].iter()));
        let told = JournalEntry::of(told[&id].base.as_ref(), told[&id].now.as_ref()).unwrap().unwrap();
        let bytes = |name: &str| item.get(name).map(|value| value.as_b().unwrap().as_ref().to_vec());
        assert_eq!((told.was, told.is, forgets), (bytes("was"), bytes("is"), item.contains_key("forgets")), "{id}");
    }
}

#[test]
fn lists_of_an_earlier_version_are_read_and_written_as_they_were() {
    told_again::<payment_links::LinkColumns>();
    told_again::<products::ProductColumns>();
    told_again::<checkout_sessions::SessionColumns>();
    told_again::<transactions::TransactionColumns>();
    told_again::<customers::CustomerColumns>();
    told_again::<discount_codes::DiscountCodeColumns>();
    let owner = read::<Product>(rows("PROD").remove(0)).unwrap().owner;
    let list = ListId::all::<customers::CustomerColumns>(&owner);
    let trees = trees::<customers::CustomerColumns>().map(TreeKind::name).collect::<Vec<_>>();
    for kind in ["LISTDIR#customer##due", "LISTDIR#customer#all#created_at"] {
        let item = rows(kind).remove(0);
        let tree = string(&item, "sk").to_owned();
        assert!(trees.contains(&tree), "{tree}");
        let directory = list::directory(Some(item.clone())).unwrap();
        assert!(directory.version > 0);
        assert_eq!(list::directory_row(&list, &tree, &directory), item);
    }
    let ending: Ending = read(rows("LISTOVER").remove(0)).unwrap();
    assert!(ending.what.starts_with("pl_") && ending.done_at.is_none());
}
