//! Request bodies, read field by field: every problem is found in one pass, and the very calls that read a body
//! also describe it for the OpenAPI document, so the two cannot disagree.

use crate::error::ApiError;
use crate::json::Json;
use anyspend_domain::api_key::Permission;
use anyspend_domain::country::CountryCode;
use anyspend_domain::discount_code::{CodeText, ReductionType};
use anyspend_domain::link_form::{FieldId, FieldKind};
use anyspend_domain::metadata::MetadataPatch;
use anyspend_domain::money::ShippingCost;
use anyspend_domain::payer_answers::{MAX_LINES, Sent};
use anyspend_domain::problem::{MOST_PROBLEMS, MOST_QUOTED, quoted};
use anyspend_domain::product::ProductType;
use anyspend_domain::settlement::WalletSignature;
use anyspend_domain::text::{Caption, ClientReference, CustomerName, Description, Email, Name, ThemeColor, UtmTag};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::webhook::Wish;
use anyspend_domain::{
    Address, Amount, Code, Invalid, Metadata, Mode, Patch, Problem, ProductId, Timestamp, VisitorId,
};
use std::collections::BTreeMap;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};

/// What reading a value depends on besides the value.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext {
    /// Test mode allows more.
    pub mode: Mode,
    /// The moment of the request.
    pub now: Timestamp,
}

/// Where a value stands, and where its problems go.
pub struct Place<'a> {
    path: &'a str,
    context: ReadContext,
    problems: &'a mut Vec<Problem>,
}

impl Place<'_> {
    fn refuse<T>(&mut self, invalid: Invalid) -> Option<T> {
        // Past the most that are told, further problems would only cost time and memory.
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(invalid.at(self.path));
        }
        None
    }
}

/// A value that can stand in a body field.
pub trait FieldValue: Sized {
    /// Reads it, or says what is wrong.
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self>;
    /// Describes it.
    fn schema() -> RefOr<Schema>;
}

/// An object whose fields are known by name.
pub trait Body: Sized {
    /// Reads the fields. It must ask for every field before it gives up on any, both to find every problem and
    /// because describing a body runs this on nothing at all.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The fields of one object.
pub struct Fields<'a> {
    /// `None` while the body is only being described.
    object: Option<&'a [(String, Json)]>,
    path: String,
    context: ReadContext,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
    description: ObjectBuilder,
}

/// A body as far as it could be read, and what is wrong with it.
pub struct Reading<T> {
    /// The body; `None` when too much is wrong.
    pub value: Option<T>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

impl<T> Reading<T> {
    /// The body, if nothing is wrong.
    ///
    /// # Errors
    /// All problems at once.
    pub fn strict(self) -> Result<T, ApiError> {
        match (self.value, ApiError::merged(self.problems, None)) {
            (Some(value), None) => Ok(value),
            (_, Some(error)) => Err(error),
            (None, None) => Err(ApiError::internal("a body could not be read, and nothing is wrong with it")),
        }
    }

    /// The body beside what is wrong with its fields, for a decision that finds its own problems in the same pass.
    ///
    /// # Errors
    /// All problems at once, when there is no body to decide on.
    pub fn parts(mut self) -> Result<(T, Vec<Problem>), ApiError> {
        match self.value.take() {
            Some(value) => Ok((value, self.problems)),
            None => self.strict().map(|value| (value, Vec::new())),
        }
    }
}

/// Reads a body.
pub fn read_body<T: Body>(json: &Json, context: ReadContext) -> Reading<T> {
    let Json::Object(object) = json else {
        let message = format!("The request body must be a JSON object, not {}.", json.kind());
        return Reading { value: None, problems: vec![Problem::new(Code::InvalidJson, message)] };
    };
    let mut fields = Fields::of(Some(object), String::new(), context);
    let value = T::read(&mut fields);
    fields.complain_of_unknown();
    Reading { value, problems: fields.problems }
}

/// Describes a body as a JSON schema.
pub fn describe_body<T: Body>() -> RefOr<Schema> {
    let context = ReadContext { mode: Mode::Test, now: Timestamp::MAX };
    let mut fields = Fields::of(None, String::new(), context);
    let _ = T::read(&mut fields);
    Schema::Object(fields.description.additional_properties(Some(AdditionalProperties::FreeForm(false))).build()).into()
}

impl<'a> Fields<'a> {
    fn of(object: Option<&'a [(String, Json)]>, path: String, context: ReadContext) -> Self {
        let description = ObjectBuilder::new();
        Self { object, path, context, known: Vec::new(), problems: Vec::new(), description }
    }

    /// The moment of the request.
    pub const fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Whether any field at all was sent.
    pub fn is_empty(&self) -> bool {
        self.object.is_some_and(<[_]>::is_empty)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn json(&self, name: &str) -> Option<&'a Json> {
        self.object?.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn know<T: FieldValue>(&mut self, name: &'static str) {
        self.known.push(name);
        if self.object.is_none() {
            let description = std::mem::take(&mut self.description);
            self.description = description.property(name, T::schema());
        }
    }

    /// Names fields as required, for the description; the decision is the domain's.
    pub fn requires(&mut self, names: &[&'static str]) {
        for name in names {
            let description = std::mem::take(&mut self.description);
            self.description = description.required(*name);
        }
    }

    /// A field that may be absent, `null` or a value.
    pub fn patch<T: FieldValue>(&mut self, name: &'static str) -> Patch<T> {
        self.know::<Nullable<T>>(name);
        self.read(name)
    }

    fn read<T: FieldValue>(&mut self, name: &'static str) -> Patch<T> {
        let path = self.path_of(name);
        match self.json(name) {
            None => Patch::Keep,
            Some(Json::Null) => Patch::Clear,
            Some(json) => {
                let mut place = Place { path: &path, context: self.context, problems: &mut self.problems };
                T::read(json, &mut place).map_or(Patch::Keep, Patch::Set)
            }
        }
    }

    /// A field with two names, of which a request may use either; both with different values contradict.
    pub fn patch_with_alias<T: FieldValue + PartialEq>(&mut self, name: &'static str, alias: &'static str) -> Patch<T> {
        let (one, other) = (self.patch::<T>(name), self.patch::<T>(alias));
        if one.is_sent() && other.is_sent() && one != other {
            let path = self.path_of(alias);
            self.problems.push(Problem::invalid(&path, format!("contradicts '{name}', which is the same field")));
        }
        if one.is_sent() { one } else { other }
    }

    /// A field that may be absent; `null` means absent.
    pub fn optional<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        match self.patch(name) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// A field that must be there.
    pub fn required<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        self.know::<T>(name);
        self.requires(&[name]);
        let absent = self.object.is_some() && matches!(self.json(name), None | Some(Json::Null));
        if absent {
            let path = self.path_of(name);
            self.problems.push(Problem::missing(&path));
        }
        match self.read(name) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    fn complain_of_unknown(&mut self) {
        let names = self.object.unwrap_or_default().iter().map(|(name, _)| name.as_str());
        let unknown = names.filter(|name| !self.known.contains(name)).take(MOST_PROBLEMS);
        let problems: Vec<_> = unknown.map(|name| unknown_parameter(&self.path_of(name), name, &self.known)).collect();
        self.problems.extend(problems);
    }
}

/// An `unknown_parameter`, with the nearest known name if one is near.
pub fn unknown_parameter(path: &str, name: &str, known: &[&str]) -> Problem {
    /// Names less alike than this are not what was meant.
    const LIKENESS: f64 = 0.8;
    // A long name is like none, and comparing it takes time.
    let comparable = known.iter().filter(|_| name.len() <= MOST_QUOTED);
    let nearest = comparable
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let hint = nearest.map_or_else(String::new, |(_, name)| format!(" — did you mean '{name}'?"));
    let shown = quoted(path);
    Problem {
        code: Code::UnknownParameter,
        message: format!("Unknown parameter '{shown}'{hint}").trim_end().to_owned()
            + if hint.is_empty() { "." } else { "" },
        param: Some(shown.into_owned()),
    }
}

/// Describes a value that may also be `null`; it is never read.
struct Nullable<T>(std::marker::PhantomData<T>);

impl<T: FieldValue> FieldValue for Nullable<T> {
    fn read(_: &Json, _: &mut Place<'_>) -> Option<Self> {
        None
    }

    fn schema() -> RefOr<Schema> {
        let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
        OneOfBuilder::new().item(T::schema()).item(null).into()
    }
}

impl<T: Body> FieldValue for T {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let Json::Object(object) = json else {
            return place.refuse(Invalid::new(format!("must be an object, not {}", json.kind())));
        };
        let mut fields = Fields::of(Some(object), place.path.to_owned(), place.context);
        let value = T::read(&mut fields);
        fields.complain_of_unknown();
        let flawless = fields.problems.is_empty();
        let room = MOST_PROBLEMS.saturating_sub(place.problems.len());
        place.problems.extend(fields.problems.into_iter().take(room));
        value.filter(|_| flawless)
    }

    fn schema() -> RefOr<Schema> {
        describe_body::<T>()
    }
}

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
            let mut place = Place { path: &path, context: place.context, problems: place.problems };
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
pub(crate) fn whole(number: &serde_json::Number) -> Option<u64> {
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
                .and_then(Self::from_millis)
                .ok_or_else(|| Invalid::new("must be milliseconds since 1970, before the year 10000")),
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
            .minimum(Some(0.0));
        OneOfBuilder::new().item(iso).item(millis).into()
    }
}

impl FieldValue for MetadataPatch {
    fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
        let Json::Object(pairs) = json else {
            return place.refuse(Invalid::new(format!("must be an object of strings, not {}", json.kind())));
        };
        let mut flawless = true;
        let mut patch = Self::new();
        for (key, value) in pairs {
            let path = format!("{}.{}", place.path, quoted(key));
            let mut place = Place { path: &path, context: place.context, problems: place.problems };
            if !(1..=Metadata::MAX_KEY_LENGTH).contains(&key.chars().count()) {
                let must = format!("must have a key of 1 to {} characters", Metadata::MAX_KEY_LENGTH);
                place.refuse::<()>(Invalid::new(must));
                flawless = false;
                continue;
            }
            match value {
                Json::Null => {
                    patch.insert(key.clone(), None);
                }
                Json::String(text) if text.chars().count() <= Metadata::MAX_VALUE_LENGTH => {
                    patch.insert(key.clone(), Some(text.clone()));
                }
                Json::String(_) => {
                    let must = format!("must be at most {} characters long", Metadata::MAX_VALUE_LENGTH);
                    place.refuse::<()>(Invalid::new(must));
                    flawless = false;
                }
                other => {
                    let must = format!("must be a string, not {}", other.kind());
                    place.refuse::<()>(Invalid::new(must));
                    flawless = false;
                }
            }
        }
        flawless.then_some(patch)
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
        let mut flawless = true;
        let mut sent = BTreeMap::new();
        for (id, value) in pairs {
            let value = match value {
                Json::Null => continue,
                Json::String(text) => Sent::Text(text.clone()),
                Json::Number(number) => Sent::Number(number.to_string()),
                Json::Bool(flag) => Sent::Flag(*flag),
                Json::Array(_) | Json::Object(_) => {
                    let path = format!("{}.{}", place.path, quoted(id));
                    let mut place = Place { path: &path, context: place.context, problems: place.problems };
                    let must = format!("must be a string, number or boolean, not {}", value.kind());
                    place.refuse::<()>(Invalid::new(must));
                    flawless = false;
                    continue;
                }
            };
            sent.insert(id.clone(), value);
        }
        flawless.then_some(Self(sent))
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

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

macro_rules! string_fields {
    ($($type:ty = $parse:expr, $schema:expr;)*) => {$(
        impl FieldValue for $type {
            fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
                let Json::String(text) = json else {
                    return place.refuse(Invalid::new(format!("must be a string, not {}", json.kind())));
                };
                let parse: fn(&str, &ReadContext) -> Result<$type, Invalid> = $parse;
                parse(text, &place.context).map_or_else(|invalid| place.refuse(invalid), Some)
            }

            fn schema() -> RefOr<Schema> {
                let schema: ObjectBuilder = $schema;
                schema.into()
            }
        }
    )*};
}

string_fields! {
    Name = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    Description = |text, _| Self::parse(text), string().max_length(Some(Self::MAX));
    Caption = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    ClientReference = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    CustomerName = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    UtmTag = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    Email = |text, _| Self::parse(text),
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Email))).max_length(Some(Self::MAX));
    ThemeColor = |text, _| Self::parse(text), string().pattern(Some("^#[0-9a-fA-F]{6}$"));
    WebUrl = |text, context| Self::parse(text, context.mode),
        string().format(Some(SchemaFormat::Custom("uri".to_owned()))).max_length(Some(Self::MAX));
    Amount = |text, _| Self::parse(text),
        string().pattern(Some("^[1-9][0-9]{0,77}$")).description(Some("In the token's smallest unit"));
    ShippingCost = |text, _| Self::parse(text),
        string().pattern(Some("^(0|[1-9][0-9]{0,77})$")).description(Some("In the token's smallest unit"));
    Address = |text, _| Self::parse(text), string().pattern(Some("^0x[0-9a-fA-F]{40}$"));
    TxHash = |text, _| Self::parse(text), string().pattern(Some("^0x[0-9a-fA-F]{64}$"));
    WalletSignature = |text, _| Self::parse(text), string().pattern(Some("^0x[0-9a-fA-F]{130}$"));
    ProductId = |text, _| Self::from_field(text), string().pattern(Some("^prod_[0-9A-Za-z]+$"));
    VisitorId = |text, _| Self::parse(text).ok_or_else(|| Invalid::new("must be a visitor id such as 'vis_…'")),
        string().pattern(Some("^vis_[0-9A-Za-z]+$"));
    CountryCode = |text, _| Self::parse(text),
        string().pattern(Some("^[A-Za-z]{2}$")).description(Some("ISO 3166-1 alpha-2"));
    CodeText = |text, _| Self::parse(text),
        string().pattern(Some("^[A-Za-z0-9_-]{1,50}$")).description(Some("Kept in upper case"));
    ReductionType = |text, _| Self::parse(text), string().enum_values(Some(Self::ALL.map(|(name, _)| name)));
    FieldId = |text, _| Self::parse(text), string().min_length(Some(1)).max_length(Some(Self::MAX));
    FieldKind = |text, _| Self::parse(text), string().enum_values(Some(Self::ALL.map(|(name, _)| name)));
    ProductType = |text, _| Self::parse(text), string().enum_values(Some(Self::ALL.map(|(name, _)| name)));
    Wish = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES));
    Permission = |text, _| Self::parse(text), string().enum_values(Some(Self::ALL.map(Self::as_str)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sample {
        limit: u64,
    }

    impl Body for Sample {
        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            let limit = fields.required::<Whole<1, 10>>("max_uses");
            let _ = fields.optional::<Name>("name");
            let _ = fields.patch_with_alias::<bool>("active", "is_active");
            Some(Self { limit: limit?.0 })
        }
    }

    fn read(text: &str) -> Reading<Sample> {
        let context = ReadContext { mode: Mode::Test, now: Timestamp::MAX };
        read_body(&Json::parse(text.as_bytes()).unwrap(), context)
    }

    #[test]
    fn everything_that_is_wrong_is_found_in_one_pass() {
        let problems = read(r#"{"max_use": 3, "name": 5, "active": true, "is_active": false}"#).problems;
        let codes: Vec<_> = problems.iter().map(|problem| (problem.code, problem.param.as_deref().unwrap())).collect();
        assert_eq!(
            codes,
            [
                (Code::MissingRequiredField, "max_uses"),
                (Code::InvalidFieldValue, "name"),
                (Code::InvalidFieldValue, "is_active"),
                (Code::UnknownParameter, "max_use"),
            ]
        );
        assert!(problems[3].message.contains("did you mean 'max_uses'?"));
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_zero_fraction_and_nothing_else() {
        assert_eq!(read(r#"{"max_uses": 5.0}"#).strict().unwrap().limit, 5);
        for text in ["5.5", "-1", "0", "11", "1e30", "\"5\"", "true", "[]", "null"] {
            assert!(read(&format!(r#"{{"max_uses": {text}}}"#)).strict().is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_that_is_read_is_described() {
        let schema = serde_json::to_value(describe_body::<Sample>()).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["max_uses"]));
        assert_eq!(schema["properties"]["max_uses"]["maximum"], 10);
        assert_eq!(schema["additionalProperties"], false);
    }
}
