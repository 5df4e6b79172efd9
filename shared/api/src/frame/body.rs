//! Reading what a request carries: its query, and its body as JSON or as a form.

use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::fields::{Body, Fields, ReadContext, Reading, read_body};
use crate::json::Json;
use crate::query::Query;
use crate::versions;
use anyspend_domain::{Code, Mode};
use http::{HeaderMap, header};

/// Largest request body.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;

impl Call {
    /// What must be right about a request whatever it asks for: query, idempotency key, body.
    pub(crate) fn check_shape(&self) -> Result<(), ApiError> {
        if self.requirements.is_page {
            return self.idempotency_key().map(|_| ());
        }
        self.read_query()?;
        self.idempotency_key()?;
        if self.requirements.changes {
            let json = self.json()?;
            if !self.requirements.takes_body {
                read_body::<Nothing>(json, self.read_context(Mode::Test)).strict()?;
            }
        }
        Ok(())
    }

    /// Reads the query parameters, if they have not been read yet: for what is read beside the check of the caller.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn read_query(&self) -> Result<(), ApiError> {
        if self.query.get().is_none() {
            let _ =
                self.query.set(Query::parse(&self.query_string, self.requirements.resource, self.requirements.query)?);
        }
        Ok(())
    }

    /// The query parameters, which the operation declared. A page reads [`Call::query_string`] itself: it must work
    /// whatever it is tagged with.
    #[expect(clippy::expect_used, reason = "set before any handler runs")]
    pub fn query(&self) -> &Query {
        self.query.get().expect("the query is parsed before the handler runs")
    }

    const fn read_context(&self, mode: Mode) -> ReadContext {
        ReadContext { mode, now: self.now }
    }

    /// The body as JSON, parsed once however often it is asked for.
    fn json(&self) -> Result<&Json, ApiError> {
        self.json.get_or_init(|| self.parse_json()).as_ref().map_err(Clone::clone)
    }

    fn parse_json(&self) -> Result<Json, ApiError> {
        let body = self.body_bytes()?;
        if body.is_empty() {
            return Ok(Json::Object(Vec::new()));
        }
        if !is_declared_as(&self.headers, "application/json") {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "The request body must be declared as 'Content-Type: application/json'.",
            ));
        }
        Json::parse(body)
            .map_err(|error| ApiError::new(Code::InvalidJson, format!("The request body is not valid JSON: {error}.")))
    }

    /// A text field of the body before anything was checked, for a read that runs beside the check of the caller.
    pub fn peek(&self, name: &'static str) -> Option<String> {
        let names = versions::names(self.requirements.resource, name);
        let is_named = |(key, _): &&(String, Json)| names.contains(&key.as_str());
        match self.json().ok()? {
            Json::Object(fields) => fields.iter().find(is_named).and_then(|(_, value)| match value {
                Json::String(text) => Some(text.clone()),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The body as far as it can be read, so that the decision's problems can be told in the same pass.
    ///
    /// # Errors
    /// When it is not even a JSON object.
    pub fn read_body<T: Body>(&self, caller: &Caller) -> Result<Reading<T>, ApiError> {
        Ok(read_body(self.json()?, self.read_context(caller.owner.mode)))
    }

    /// The same, for a caller without a mode of its own: `mode` is that of what the request is about.
    ///
    /// # Errors
    /// When it is not even a JSON object.
    pub fn read_body_in<T: Body>(&self, mode: Mode) -> Result<Reading<T>, ApiError> {
        Ok(read_body(self.json()?, self.read_context(mode)))
    }

    /// Reads what a form was turned into as if it had arrived as JSON.
    pub fn read_as<T: Body>(&self, json: &Json, mode: Mode) -> Reading<T> {
        read_body(json, self.read_context(mode))
    }

    /// The fields of a form a browser sent, in its order.
    ///
    /// # Errors
    /// 413 and 415.
    pub fn form(&self) -> Result<Vec<(String, String)>, ApiError> {
        let body = self.body_bytes()?;
        if !body.is_empty() && !is_declared_as(&self.headers, "application/x-www-form-urlencoded") {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "The form must be declared as 'Content-Type: application/x-www-form-urlencoded'.",
            ));
        }
        Ok(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn body<T: Body>(&self, caller: &Caller) -> Result<T, ApiError> {
        self.read_body(caller)?.strict()
    }
}

/// The body of operations that take none.
struct Nothing;

impl Body for Nothing {
    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// Whether the body is declared as this media type, with no charset or UTF-8.
fn is_declared_as(headers: &HeaderMap, media_type: &str) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let right = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
    right
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}
