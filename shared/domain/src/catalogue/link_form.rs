//! What a payment link asks of its payer beyond money: form fields and a shipping option.

use crate::money::ShippingCost;
use crate::text::Name;
use crate::values::named::{named, named_in_fields};
use crate::{Invalid, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Most fields of a form.
pub const MAX_FORM_FIELDS: usize = 50;
/// Most shipping options of a link.
pub const MAX_SHIPPING_OPTIONS: usize = 20;
/// Most options of a select field.
pub const MAX_SELECT_OPTIONS: usize = 100;
/// The kinds of form field a checkout page can show.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// One of the given options.
    Select,
    /// Several lines of text.
    Textarea,
    /// A number.
    Number,
    /// Yes or no.
    Checkbox,
}

named!(FieldKind);
named_in_fields!(FieldKind);

/// An identifier inside a schema: what a submitted form is keyed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldId(String);

impl FieldId {
    /// Most characters.
    pub const MAX: usize = 64;

    /// Reads a field id.
    ///
    /// # Errors
    /// `invalid_field_value` when it is empty, longer than [`FieldId::MAX`] characters, or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        crate::text::bounded(&crate::pasted::line(text)?, 1, Self::MAX).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Unique within the form.
    pub id: FieldId,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// What the payer reads beside it.
    pub label: Name,
    /// Whether the payer must fill it.
    pub required: bool,
    /// Grey example text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Name>,
    /// The choices of a select field, and of no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<Name>>,
}

/// The fields a checkout page asks the payer for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSchema {
    /// In the order they are shown.
    pub fields: Vec<FormField>,
}

/// A way of sending goods, and its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingOption {
    /// Unique within the link.
    pub id: FieldId,
    /// What the payer reads.
    pub name: Name,
    /// Price in the token's smallest unit; "0" is free.
    pub amount: ShippingCost,
    /// E.g. "3-5".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_days: Option<Name>,
}

/// Complaints about ids that stand twice in a list, at the later place.
fn repeated<'a>(ids: impl Iterator<Item = &'a FieldId>, list: &str) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    ids.enumerate()
        .filter(|(_, id)| !seen.insert(*id))
        .map(|(index, _)| Problem::invalid(&format!("{list}[{index}].id"), "must be unique within the list"))
        .collect()
}

impl FormSchema {
    /// Checks what no single field can know.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = repeated(self.fields.iter().map(|field| &field.id), "form_schema.fields");
        for (index, field) in self.fields.iter().enumerate() {
            let param = format!("form_schema.fields[{index}].options");
            match (field.kind, &field.options) {
                (FieldKind::Select, None) => problems.push(Problem::missing(&param)),
                (FieldKind::Select, Some(options)) if options.is_empty() => {
                    problems.push(Problem::invalid(&param, "must not be empty"));
                }
                (kind, Some(_)) if kind != FieldKind::Select => {
                    problems.push(Problem::invalid(&param, "is for fields of type 'select' only"));
                }
                _ => {}
            }
        }
        problems
    }
}

/// Checks what no single shipping option can know.
pub fn shipping_problems(options: &[ShippingOption]) -> Vec<Problem> {
    repeated(options.iter().map(|option| &option.id), "shipping_options")
}
