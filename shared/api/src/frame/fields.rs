//! Request bodies, read field by field: every problem is found in one pass, and the very calls that read a body
//! also describe it for the OpenAPI document, so the two cannot disagree.

mod texts;
mod values;

pub use values::{AnyText, Digits, List, MAX_SAFE_INTEGER, SentForm, Whole};

use crate::error::ApiError;
use crate::frame::problems::Problems;
use crate::json::Json;
use crate::versions;
use anyspend_domain::problem::{MOST_QUOTED, quoted};
use anyspend_domain::{Code, Invalid, Mode, Patch, Problem, Timestamp};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, SchemaType, Type};
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
    problems: &'a mut Problems,
}

impl Place<'_> {
    /// Something inside, e.g. `items[2]` or `metadata.plan`.
    fn inner<'b>(&'b mut self, path: &'b str) -> Place<'b> {
        Place { path, context: self.context, problems: self.problems }
    }

    fn refuse<T>(&mut self, invalid: Invalid) -> Option<T> {
        self.problems.add(|| invalid.at(self.path));
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
    /// The resource whose fields these are, by its `object`: they go by every name it has for them. Empty for what is no
    /// resource's.
    const RESOURCE: &'static str = "";

    /// Reads the fields. It must ask for every field before it gives up on any, both to find every problem and
    /// because describing a body runs this on nothing at all.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The fields of one object.
pub struct Fields<'a> {
    /// `None` while the body is only being described.
    object: Option<&'a [(String, Json)]>,
    path: String,
    resource: &'static str,
    context: ReadContext,
    known: Vec<&'static str>,
    problems: Problems,
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
    let mut fields = Fields::of(Some(object), String::new(), T::RESOURCE, context);
    let value = T::read(&mut fields);
    fields.complain_of_unknown();
    Reading { value, problems: fields.problems.into_kept() }
}

/// Describes a body as a JSON schema.
pub fn describe_body<T: Body>() -> RefOr<Schema> {
    let context = ReadContext { mode: Mode::Test, now: Timestamp::MAX };
    let mut fields = Fields::of(None, String::new(), T::RESOURCE, context);
    let _ = T::read(&mut fields);
    Schema::Object(fields.description.additional_properties(Some(AdditionalProperties::FreeForm(false))).build()).into()
}

impl<'a> Fields<'a> {
    fn of(object: Option<&'a [(String, Json)]>, path: String, resource: &'static str, context: ReadContext) -> Self {
        let description = ObjectBuilder::new();
        Self { object, path, resource, context, known: Vec::new(), problems: Problems::default(), description }
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
        path_in(&self.path, name)
    }

    fn json(&self, name: &str) -> Option<&'a Json> {
        self.object?.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Notes that a field is known, and returns every name it goes by.
    fn know<T: FieldValue>(&mut self, name: &'static str) -> Vec<&'static str> {
        let names = versions::names(self.resource, name);
        self.known.extend(&names);
        if self.object.is_none() {
            for name in &names {
                let description = std::mem::take(&mut self.description);
                self.description = description.property(*name, T::schema());
            }
        }
        names
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
        let names = self.know::<Nullable<T>>(name);
        self.read(&names)
    }

    /// Reads a field by whichever of its names it was sent; by two with different values, it contradicts itself.
    fn read<T: FieldValue>(&mut self, names: &[&'static str]) -> Patch<T> {
        let mut found: Option<(&str, &Json, Patch<T>)> = None;
        for name in names {
            let Some(json) = self.json(name) else { continue };
            let value = self.read_value(name, json);
            match &found {
                _ if !value.is_sent() => {}
                None => found = Some((name, json, value)),
                Some((one, other, _)) if *other != json => {
                    let path = self.path_of(name);
                    let must = || format!("contradicts '{one}', which is the same field");
                    self.problems.add(|| Problem::invalid(&path, must()));
                }
                Some(_) => {}
            }
        }
        found.map_or(Patch::Keep, |(_, _, value)| value)
    }

    fn read_value<T: FieldValue>(&mut self, name: &str, json: &Json) -> Patch<T> {
        if *json == Json::Null {
            return Patch::Clear;
        }
        let path = self.path_of(name);
        let mut place = Place { path: &path, context: self.context, problems: &mut self.problems };
        T::read(json, &mut place).map_or(Patch::Keep, Patch::Set)
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
        let names = self.know::<T>(name);
        self.requires(&[name]);
        let given = |name: &&str| !matches!(self.json(name), None | Some(Json::Null));
        if self.object.is_some() && !names.iter().any(given) {
            let path = self.path_of(name);
            self.problems.add(|| Problem::missing(&path));
        }
        match self.read(&names) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// A field that is missing, or empty, because of what stands beside it.
    pub fn lacks(&mut self, name: &str, sent: bool) {
        let path = self.path_of(name);
        let problem = if sent { Problem::invalid(&path, "must not be empty") } else { Problem::missing(&path) };
        // What cannot be read was complained of already.
        if !self.problems.name(problem.param.as_deref()) {
            self.problems.add(|| problem);
        }
    }

    fn complain_of_unknown(&mut self) {
        let names = self.object.unwrap_or_default().iter().map(|(name, _)| name.as_str());
        for name in names.filter(|name| !self.known.contains(name)) {
            self.problems.add(|| unknown_parameter(&path_in(&self.path, name), name, &self.known));
        }
    }
}

fn path_in(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
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
        let mut fields = Fields::of(Some(object), place.path.to_owned(), T::RESOURCE, place.context);
        let value = T::read(&mut fields);
        fields.complain_of_unknown();
        let flawless = fields.problems.is_empty();
        place.problems.append(fields.problems);
        value.filter(|_| flawless)
    }

    fn schema() -> RefOr<Schema> {
        describe_body::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::text::Name;

    #[derive(Debug)]
    struct Sample {
        limit: u64,
    }

    impl Body for Sample {
        const RESOURCE: &'static str = "payment_link";

        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            let limit = fields.required::<Whole<1, 10>>("max_uses");
            let _ = fields.optional::<Name>("name");
            let _ = fields.patch::<bool>("active");
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
