//! Query parameters: declared by the operation, refused when unknown or repeated.

use crate::error::ApiError;
use crate::fields::unknown_parameter;
use anyspend_domain::problem::MOST_PROBLEMS;
use anyspend_domain::{Code, Invalid, Problem, Timestamp};
use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};

/// Most characters of a moment in a filter.
const MOMENT: usize = 40;

/// A query parameter an operation takes.
#[derive(Debug, Clone, Copy)]
pub struct QueryParam {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What it may be.
    pub kind: QueryKind,
}

/// What a query parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum QueryKind {
    /// A whole number within bounds.
    Whole(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any text, at most this many characters.
    Text(usize),
    /// A date, an ISO 8601 time or milliseconds.
    Moment,
}

impl QueryKind {
    /// Its JSON schema.
    #[expect(clippy::cast_precision_loss, reason = "bounds are at most 2^53 - 1")]
    pub fn schema(self) -> ObjectBuilder {
        let builder = ObjectBuilder::new();
        match self {
            Self::Whole(min, max) => builder
                .schema_type(SchemaType::new(Type::Integer))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(min as f64))
                .maximum(Some(max as f64)),
            Self::Bool => builder.schema_type(SchemaType::new(Type::Boolean)),
            Self::OneOf(values) => {
                builder.schema_type(SchemaType::new(Type::String)).enum_values(Some(values.iter().copied()))
            }
            Self::Moment => Self::Text(MOMENT).schema(),
            Self::Text(max) => builder.schema_type(SchemaType::new(Type::String)).max_length(Some(max)),
        }
    }
}

/// The parameters of one request.
#[derive(Clone)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Query {
    /// Reads a query string against what the operation declares.
    ///
    /// # Errors
    /// Unknown and repeated parameters, as many as are told at once.
    pub fn parse(text: &str, declared: &[QueryParam]) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let known: Vec<&str> = declared.iter().map(|param| param.name).collect();
        let mut seen = HashSet::new();
        let wrong = pairs.iter().filter_map(|(name, _)| match known.contains(&name.as_str()) {
            false => Some(unknown_parameter(name, name, &known)),
            true if seen.insert(name) => None,
            true => Some(Problem::invalid(name, "must not be repeated")),
        });
        let problems = wrong.take(MOST_PROBLEMS).collect();
        ApiError::merged(problems, None).map_or(Ok(Self { pairs }), Err)
    }

    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text of at most `max` characters.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn text_within(&self, name: &str, max: usize) -> Result<Option<&str>, Problem> {
        match self.text(name) {
            Some(text) if text.chars().count() > max => {
                Err(Problem::invalid(name, format!("must be at most {max} characters long")))
            }
            text => Ok(text),
        }
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn whole(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits.then(|| text.parse::<u64>().ok()).flatten().filter(|value| bounds.contains(value));
        value.map(Some).ok_or_else(|| {
            Problem::invalid(name, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
        })
    }

    /// A bound in time: a date, an ISO 8601 time or milliseconds. A date as the upper bound means the end of that day.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn moment(&self, name: &str, upper: bool) -> Result<Option<Timestamp>, Problem> {
        self.text(name).map(|text| Timestamp::parse_filter(text, upper).map_err(|invalid| invalid.at(name))).transpose()
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::invalid(name, "must be 'true' or 'false'")),
        }
    }

    /// The same parameter by either of two names.
    ///
    /// # Errors
    /// `invalid_field_value` when one is neither true nor false, or they contradict each other.
    pub fn bool_with_alias(&self, name: &str, alias: &str) -> Result<Option<bool>, Problem> {
        match (self.bool(name)?, self.bool(alias)?) {
            (Some(one), Some(other)) if one != other => {
                Err(Problem::invalid(alias, format!("contradicts '{name}', which is the same parameter")))
            }
            (one, other) => Ok(one.or(other)),
        }
    }

    /// One of a few values.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter and what it may be.
    pub fn one_of<'v>(&self, name: &str, values: &[&'v str]) -> Result<Option<&'v str>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        values
            .iter()
            .find(|value| **value == text)
            .map(|value| Some(*value))
            .ok_or_else(|| Problem::invalid(name, format!("must be one of: {}", values.join(", "))))
    }
}

/// The problem of a cursor that was not issued by this list.
pub fn invalid_cursor() -> Problem {
    Invalid {
        code: Code::InvalidFieldValue,
        must: "is not a cursor of this list; take it from 'next_cursor'".to_owned(),
    }
    .at("cursor")
}
