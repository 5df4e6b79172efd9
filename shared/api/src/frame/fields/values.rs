//! Values that are more than a text: numbers, times, arrays, and objects whose keys are the caller's.

use super::texts::string;
use super::{FieldValue, Place};
use crate::json::Json;
use anyspend_domain::metadata::MetadataPatch;
use anyspend_domain::payer_answers::{MAX_LINES, Sent};
use anyspend_domain::problem::quoted;
use anyspend_domain::{Invalid, Metadata, Timestamp};
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// An array of `MIN` to `MAX` elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T: FieldValue, const MIN: usize, const MAX: usize> FieldValue for List<T, MIN, MAX> {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let Json::Array(elements) = json else {
            return place.refuse(Invalid::new(format!("must be an array, not {}", json.kind())));
        };
        if elements.len() > MAX {
            return place.refuse(Invalid::new(format!("must have at most {MAX} elements, and has {}", elements.len())));
        }
        if elements.len() < MIN {
            return place.refuse(Invalid::new("must not be empty"));
        }
        let mut values = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let path = format!("{}[{index}]", place.path);
            let mut place = place.inner(&path);
            values.extend(T::read(element, &mut place));
        }
        (values.len() == elements.len()).then_some(Self(values))
    }

    fn schema() -> RefOr<Schema> {
        let min = (MIN > 0).then_some(MIN);
        Schema::Array(ArrayBuilder::new().items(T::schema()).min_items(min).max_items(Some(MAX)).build()).into()
    }
}

/// A whole number from `MIN` to `MAX`. JSON has one kind of number, so `5.0` is 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u64, const MAX: u64>(pub u64);

/// The largest whole number every JSON reader keeps exactly: 2^53 − 1.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// The number as a whole one, if it is.
fn whole(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        // "5.0" arrives as a float. Printed without exponent or fraction it is the integer's own digits.
        number
            .as_f64()
            .filter(|value| value.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(value))
            .and_then(|value| format!("{value:.0}").parse().ok())
    })
}

impl<const MIN: u64, const MAX: u64> FieldValue for Whole<MIN, MAX> {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let value = match json {
            Json::Number(number) => whole(number),
            _ => None,
        };
        match value.filter(|value| (MIN..=MAX).contains(value)) {
            Some(value) => Some(Self(value)),
            None => place.refuse(Invalid::new(format!("must be a whole number from {MIN} to {MAX}"))),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds are at most 2^53 - 1")]
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(MIN as f64))
            .maximum(Some(MAX as f64))
            .into()
    }
}

/// A whole number that may be too large for JSON's: a string of digits, or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits(pub String);

impl FieldValue for Digits {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let digits = match json {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => whole(number).map(|number| number.to_string()),
            _ => None,
        };
        match digits {
            Some(digits) => Some(Self(digits)),
            None => place.refuse(Invalid::new("must be a whole number, or a string of digits")),
        }
    }

    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1.0));
        OneOfBuilder::new().item(string().pattern(Some("^[1-9][0-9]{0,77}$"))).item(number).into()
    }
}

/// A text as it was sent, for what is judged by itself later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyText(pub String);

impl FieldValue for AnyText {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        match json {
            Json::String(text) => Some(Self(text.clone())),
            other => place.refuse(Invalid::new(format!("must be a string, not {}", other.kind()))),
        }
    }

    fn schema() -> RefOr<Schema> {
        string().into()
    }
}

impl FieldValue for bool {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        match json {
            Json::Bool(value) => Some(*value),
            other => place.refuse(Invalid::new(format!("must be true or false, not {}", other.kind()))),
        }
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean)).into()
    }
}

impl FieldValue for Timestamp {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let read = match json {
            Json::String(text) => Self::parse(text),
            Json::Number(number) => whole(number)
                .ok_or_else(|| Invalid::new("must be whole milliseconds since 1970"))
                .and_then(Self::from_sent_millis),
            other => {
                Err(Invalid::new(format!("must be an ISO 8601 time or milliseconds since 1970, not {}", other.kind())))
            }
        };
        read.map_or_else(|invalid| place.refuse(invalid), Some)
    }

    fn schema() -> RefOr<Schema> {
        let iso = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let millis = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(100_000_000_000.0))
            .description(Some("Milliseconds; what is so small that it must be seconds is refused"));
        OneOfBuilder::new().item(iso).item(millis).into()
    }
}

impl FieldValue for MetadataPatch {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let Json::Object(pairs) = json else {
            return place.refuse(Invalid::new(format!("must be an object of strings, not {}", json.kind())));
        };
        let before = place.problems.found();
        let mut patch = Self::new();
        for (key, value) in pairs {
            let path = format!("{}.{}", place.path, quoted(key));
            let mut place = place.inner(&path);
            let value = match value {
                Json::Null => Ok(None),
                Json::String(text) => Metadata::check_value(text).map(Some),
                other => Err(Invalid::new(format!("must be a string, not {}", other.kind()))),
            };
            match Metadata::check_key(key).and_then(|key| Ok((key, value?))) {
                Ok((key, value)) => {
                    patch.insert(key, value);
                }
                Err(invalid) => {
                    place.refuse::<()>(invalid);
                }
            }
        }
        (place.problems.found() == before).then_some(patch)
    }

    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .max_length(Some(Metadata::MAX_VALUE_LENGTH));
        Schema::Object(
            ObjectBuilder::new()
                .additional_properties(Some(value))
                .max_properties(Some(Metadata::MAX_KEYS))
                .description(Some("Keys of 1 to 40 characters. An update merges; a key sent as null is removed."))
                .build(),
        )
        .into()
    }
}

/// What was sent for a link's form, by the fields' ids; a field sent as `null` is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentForm(pub BTreeMap<String, Sent>);

impl FieldValue for SentForm {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let Json::Object(pairs) = json else {
            return place.refuse(Invalid::new(format!("must be an object, not {}", json.kind())));
        };
        let before = place.problems.found();
        let mut sent = BTreeMap::new();
        for (id, value) in pairs {
            let value = match value {
                Json::Null => continue,
                Json::String(text) => Sent::Text(text.clone()),
                Json::Number(number) => Sent::Number(number.to_string()),
                Json::Bool(flag) => Sent::Flag(*flag),
                Json::Array(_) | Json::Object(_) => {
                    let path = format!("{}.{}", place.path, quoted(id));
                    let mut place = place.inner(&path);
                    place.refuse::<()>(Invalid::new(format!(
                        "must be a string, number or boolean, not {}",
                        value.kind()
                    )));
                    continue;
                }
            };
            sent.insert(id.clone(), value);
        }
        (place.problems.found() == before).then_some(Self(sent))
    }

    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]))
            .max_length(Some(MAX_LINES));
        let description = "By the ids of the link's form fields: a boolean for a checkbox, a string for every other field; a number may also be sent as a number.";
        Schema::Object(ObjectBuilder::new().additional_properties(Some(value)).description(Some(description)).build())
            .into()
    }
}
