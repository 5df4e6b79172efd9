//! Who buys, as the merchant or the buyer said. All of it is personal, and sealed where it is stored.

use crate::text::{CustomerName, Email, Name, PostalCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a buyer filled into one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FormValue {
    /// A ticked or empty box.
    Flag(bool),
    /// Everything else, numbers included: they stay as they were written.
    Text(String),
}

/// What a buyer filled in, by the fields' ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormData(pub BTreeMap<String, FormValue>);

/// Where goods are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingAddress {
    /// Who receives them, where it is not the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CustomerName>,
    /// Street and number.
    pub line1: Name,
    /// Floor, flat, company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<Name>,
    /// Town.
    pub city: Name,
    /// State, province or region, where addresses have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Name>,
    /// Postal code, where the country has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<PostalCode>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
}

/// Who buys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// E-mail address.
    pub email: Option<Email>,
    /// Name.
    pub name: Option<CustomerName>,
    /// What was filled into the link's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form_data: Option<FormData>,
    /// Where goods are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<ShippingAddress>,
}
