//! Rows: an object as an item, sealed parts included, and back.

use crate::error::StoreError;
use crate::schema::{self, Key};
use crate::vault::Vault;
use anyspend_domain::sealed::MARK;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The attributes that are sealed, in whichever row they stand.
const SEALED: [&str; 2] = ["buyer", "person"];

/// The key attributes of an item.
pub(crate) fn key_item(key: &Key) -> Item {
    HashMap::from([
        (schema::PK.to_owned(), AttributeValue::S(key.pk.clone())),
        (schema::SK.to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

/// A stored item from its key and its attributes; attributes that are null are left out. What is to be sealed is refused:
/// it must not be readable in the table.
pub(crate) fn row(key: &Key, attributes: &impl Serialize) -> Result<Item, StoreError> {
    let item = attributes_of(key, attributes)?;
    match item.iter().find(|(_, value)| marked(value).is_some()) {
        Some((name, _)) => Err(StoreError::Fault(format!("'{name}' would be stored in the clear"))),
        None => Ok(item),
    }
}

/// The same for an object with sealed parts, each bound to the object's id.
pub(crate) fn sealed_row(key: &Key, object: &impl Serialize, vault: &impl Vault) -> Result<Item, StoreError> {
    let mut item = attributes_of(key, object)?;
    let id = string(&item, "id").to_owned();
    for (name, value) in &mut item {
        let Some(open) = marked(value) else { continue };
        if !SEALED.contains(&name.as_str()) {
            return Err(StoreError::Fault(format!("'{name}' would be stored sealed and never opened")));
        }
        *value = AttributeValue::S(vault.seal(&from_value::<serde_json::Value>(open.clone())?, &id)?);
    }
    Ok(item)
}

fn attributes_of(key: &Key, attributes: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(attributes).map_err(|error| StoreError::Fault(error.to_string()))?;
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key_item(key));
    Ok(item)
}

/// What is in the clear of a value that is marked to be sealed.
fn marked(value: &AttributeValue) -> Option<&AttributeValue> {
    value.as_m().ok().filter(|fields| fields.len() == 1)?.get(MARK)
}

/// Reads an item's attributes.
pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item)
        .map_err(|error| StoreError::Fault(format!("an item cannot be read: {error}")))
}

/// Reads an object with sealed parts.
pub(crate) fn open<T: DeserializeOwned>(mut item: Item, vault: &impl Vault) -> Result<T, StoreError> {
    let id = string(&item, "id").to_owned();
    for name in SEALED {
        if let Some(AttributeValue::S(sealed)) = item.get(name) {
            let open = to_value(&vault.open::<serde_json::Value>(sealed, &id)?)?;
            item.insert(name.to_owned(), AttributeValue::M(HashMap::from([(MARK.to_owned(), open)])));
        }
    }
    read(item)
}

/// A value as an attribute.
pub(crate) fn to_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value).map_err(|error| StoreError::Fault(error.to_string()))
}

fn from_value<T: DeserializeOwned>(value: AttributeValue) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value(value).map_err(|error| StoreError::Fault(error.to_string()))
}

/// A string attribute; empty when absent.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// Rows that were read in no particular order, by the ids of their objects.
pub(crate) fn by_id(rows: Vec<Item>) -> HashMap<String, Item> {
    rows.into_iter().map(|item| (string(&item, "id").to_owned(), item)).collect()
}
