//! Query parameters: declared by the operation, refused when unknown or repeated.

use crate::error::ApiError;
use crate::fields::unknown_parameter;
use crate::versions;
use anyspend_domain::pasted::{machine_form, verbatim};
use anyspend_domain::problem::MOST_PROBLEMS;
use anyspend_domain::{Code, Invalid, Problem, Timestamp};
use std::borrow::Cow;
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
    /// `true` or `false`, or `1` or `0`.
    Bool,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// One of these fields of the resource, by any of its names.
    FieldOf(&'static [&'static str]),
    /// Any text, at most this many characters.
    Text(usize),
    /// A date, an ISO 8601 time or milliseconds.
    Moment,
}

impl QueryKind {
    /// Its JSON schema, as a parameter of an operation on a resource.
    #[expect(clippy::cast_precision_loss, reason = "bounds are at most 2^53 - 1")]
    pub fn schema(self, resource: &str) -> ObjectBuilder {
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
            Self::FieldOf(fields) => builder
                .schema_type(SchemaType::new(Type::String))
                .enum_values(Some(fields.iter().flat_map(|field| versions::names(resource, field)))),
            Self::Moment => Self::Text(MOMENT).schema(resource),
            Self::Text(max) => builder.schema_type(SchemaType::new(Type::String)).max_length(Some(max)),
        }
    }
}

/// The parameters of one request.
#[derive(Clone)]
pub struct Query {
    resource: &'static str,
    pairs: Vec<(String, String)>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Query {
    /// Reads a query string against what the operation on a resource declares.
    ///
    /// # Errors
    /// Unknown and repeated parameters, as many as are told at once.
    pub fn parse(text: &str, resource: &'static str, declared: &[QueryParam]) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let known: Vec<&str> = declared.iter().flat_map(|param| versions::names(resource, param.name)).collect();
        let mut seen = HashSet::new();
        let wrong = pairs.iter().filter_map(|(name, _)| match known.contains(&name.as_str()) {
            false => Some(unknown_parameter(name, name, &known)),
            true if seen.insert(name) => None,
            true => Some(Problem::invalid(name, "must not be repeated")),
        });
        let problems = wrong.take(MOST_PROBLEMS).collect();
        ApiError::merged(problems, None).map_or(Ok(Self { resource, pairs }), Err)
    }

    /// What was sent under the names of a parameter: the names and their texts.
    fn sent(&self, name: &'static str) -> impl Iterator<Item = (&'static str, &str)> {
        let text = |name: &str| self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        versions::names(self.resource, name).into_iter().filter_map(move |name| Some((name, text(name)?)))
    }

    /// Reads a parameter by whichever of its names it was sent; by two with different values, it contradicts itself.
    fn read<'q, T: PartialEq>(
        &'q self,
        name: &'static str,
        read: impl Fn(&str, &'q str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        let mut found: Option<(&str, T)> = None;
        for (sent, text) in self.sent(name) {
            let value = read(sent, text)?;
            match &found {
                None => found = Some((sent, value)),
                Some((one, other)) if *other != value => {
                    return Err(Problem::invalid(sent, format!("contradicts '{one}', which is the same parameter")));
                }
                Some(_) => {}
            }
        }
        Ok(found.map(|(_, value)| value))
    }

    /// The same of what machines compare, whatever it was pasted with. Empty it means nothing: a filter that is lost by
    /// mistake must not show, or export, everything.
    fn read_given<T: PartialEq>(
        &self,
        name: &'static str,
        read: impl Fn(&str, &str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        self.read(name, |name, text| match &*machine_form(text) {
            "" => Err(Problem::invalid(name, "must not be empty: leave the parameter out, or give it a value")),
            text => read(name, text),
        })
    }

    /// A parameter's text, as it was sent.
    pub fn text(&self, name: &'static str) -> Option<&str> {
        self.sent(name).next().map(|(_, text)| text)
    }

    /// An id, code or name that machines compare, whatever it was pasted with.
    pub fn identifier(&self, name: &'static str) -> Option<Cow<'_, str>> {
        self.text(name).map(machine_form)
    }

    /// A name machines compare, of at most `max` characters.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter, also where it is empty.
    pub fn identifier_within(&self, name: &'static str, max: usize) -> Result<Option<String>, Problem> {
        self.text_within(name, max)?;
        self.read_given(name, |_, text| Ok(text.to_owned()))
    }

    /// A text of at most `max` characters, without control characters.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn text_within(&self, name: &'static str, max: usize) -> Result<Option<&str>, Problem> {
        self.read(name, |name, text| {
            if text.chars().count() > max {
                return Err(Problem::invalid(name, format!("must be at most {max} characters long")));
            }
            verbatim(text).map_err(|invalid| invalid.at(name))?;
            Ok(text)
        })
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn whole(&self, name: &'static str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        self.read_given(name, |name, text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let value = digits.then(|| text.parse::<u64>().ok()).flatten().filter(|value| bounds.contains(value));
            value.ok_or_else(|| {
                Problem::invalid(name, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
            })
        })
    }

    /// A bound in time: a date, an ISO 8601 time or milliseconds. A date as the upper bound means the end of that day.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn moment(&self, name: &'static str, upper: bool) -> Result<Option<Timestamp>, Problem> {
        self.text_within(name, MOMENT)?;
        self.read_given(name, |name, text| Timestamp::parse_filter(text, upper).map_err(|invalid| invalid.at(name)))
    }

    /// `true` or `false`, in any case, or `1` or `0`: what libraries make of a boolean.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter.
    pub fn bool(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.read_given(name, |name, text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Problem::invalid(name, "must be 'true' or 'false'")),
        })
    }

    /// One of a few values.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter and what it may be.
    pub fn one_of(&self, name: &'static str, values: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        self.read_given(name, |name, text| {
            let value = values.iter().copied().find(|value| *value == text);
            value.ok_or_else(|| Problem::invalid(name, format!("must be one of: {}", values.join(", "))))
        })
    }

    /// One of a few fields of the resource, by any of its names.
    ///
    /// # Errors
    /// `invalid_field_value` naming the parameter and what it may be.
    pub fn field_of(&self, name: &'static str, fields: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let named: Vec<_> = fields.iter().map(|field| (*field, versions::names(self.resource, field))).collect();
        self.read_given(name, |name, text| {
            let field = named.iter().find(|(_, names)| names.contains(&text)).map(|(field, _)| *field);
            field.ok_or_else(|| {
                let names: Vec<_> = named.iter().flat_map(|(_, names)| names.iter().copied()).collect();
                Problem::invalid(name, format!("must be one of: {}", names.join(", ")))
            })
        })
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
