//! Every way a request can fail, and the one envelope all of them are answered in.

use crate::codes::entry;
use anyspend_domain::problem::{MOST_PROBLEMS, quoted};
use anyspend_domain::{Code, Problem, Rejection};
use anyspend_store::StoreError;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Where the codes are explained.
const DOC_URL: &str = "https://docs.anyspend.com/platform-api/errors";

/// Most bytes that all problems of one answer take, as JSON.
const MOST_BYTES: usize = 14 * 1024;
/// Most characters of a sentence: some tell what there is to choose from.
const MOST_SENTENCE: usize = 1_000;

/// A failed request: what the caller is told, and what the log is told besides.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Never empty; the first is the error, all are in `errors`.
    problems: Vec<Problem>,
    /// For the log only.
    detail: Option<String>,
    /// Seconds after which trying again makes sense.
    pub(crate) retry_after: Option<u64>,
    /// The methods a path does have.
    pub(crate) allow: Option<String>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorEnvelope {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The class of error, which callers branch on first.
    #[serde(rename = "type")]
    #[schema(examples("invalid_request_error"))]
    pub kind: &'static str,
    /// The stable code.
    #[schema(examples("missing_required_field"))]
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the offending field, such as `items[2].amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Where the code is explained.
    pub doc_url: String,
    /// Everything that is wrong, when that is more than nothing in particular.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorItem>,
}

/// One of the things that are wrong, or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorItem {
    /// The stable code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

/// Whether a problem is about a field or about something in it.
fn lies_in(problem: &Problem, field: &str) -> bool {
    let rest = problem.param.as_deref().and_then(|param| param.strip_prefix(field));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl From<Problem> for ErrorItem {
    fn from(problem: Problem) -> Self {
        let mut message = problem.message;
        if let Some((end, _)) = message.char_indices().nth(MOST_SENTENCE) {
            message.truncate(end);
            message.push('…');
        }
        Self { code: problem.code.as_str(), message, param: problem.param }
    }
}

/// The problem of a body that names in `param` an object this caller does not have.
pub fn unknown_reference(object: &str, id: &str, param: &str) -> Problem {
    Problem { param: Some(param.to_owned()), ..Problem::new(Code::ResourceNotFound, absent(object, id)) }
}

fn absent(object: &str, id: &str) -> String {
    format!("No {object} found with id '{}'.", quoted(id))
}

impl ApiError {
    /// An error with one cause.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Problem::new(code, message).into()
    }

    /// "No payment_link found with id 'pl_x'."
    pub fn not_found(object: &str, id: &str) -> Self {
        Self::new(Code::ResourceNotFound, absent(object, id))
    }

    /// A fault of ours: the caller learns that, the log learns why.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(Code::InternalError, "An unexpected error occurred.") }
    }

    /// The database is away, or a request took too long.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            retry_after: Some(1),
            ..Self::new(Code::ServiceUnavailable, "The service is temporarily unavailable. Try again in a moment.")
        }
    }

    /// Field problems found while reading, then those the decision found in fields that read well.
    pub fn merged(read: Vec<Problem>, decided: Option<Rejection>) -> Option<Self> {
        let mut problems = read;
        problems.truncate(MOST_PROBLEMS);
        for problem in decided.into_iter().flat_map(Rejection::into_problems) {
            // What could not be read is not missing, and neither is what holds it.
            let told = problem.param.as_deref().is_some_and(|param| problems.iter().any(|known| lies_in(known, param)));
            if !told && problems.len() < MOST_PROBLEMS {
                problems.push(problem);
            }
        }
        (!problems.is_empty()).then_some(Self { problems, detail: None, retry_after: None, allow: None })
    }

    /// What was decided, unless reading found problems: then those and the decision's own are told at once.
    ///
    /// # Errors
    /// All problems, if there are any.
    pub fn settle<T>(read: Vec<Problem>, decided: Result<T, Rejection>) -> Result<T, Self> {
        match decided {
            Ok(value) => Self::merged(read, None).map_or(Ok(value), Err),
            Err(rejection) => {
                Err(Self::merged(read, Some(rejection)).unwrap_or_else(|| Self::internal("refused without a problem")))
            }
        }
    }

    /// The same with the fields of a body called by other names.
    #[must_use]
    pub(crate) fn naming_fields(mut self, name_of: impl Fn(&str) -> &str) -> Self {
        for problem in &mut self.problems {
            let Some(param) = &problem.param else { continue };
            let field = param.split(['.', '[']).next().unwrap_or_default();
            let name = name_of(field);
            if name != field {
                let renamed = format!("{name}{}", &param[field.len()..]);
                problem.message = problem.message.replace(&format!("'{param}'"), &format!("'{renamed}'"));
                problem.param = Some(renamed);
            }
        }
        self
    }

    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The first problem's code.
    pub fn code(&self) -> Code {
        self.problems.first().map_or(Code::InternalError, |problem| problem.code)
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        entry(self.code()).status
    }

    /// What the log is told besides.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Whether a kept answer to the same idempotent request outranks this error: whatever depends on the state of
    /// things does, a refusal of the caller or a fault of ours does not.
    pub(crate) fn yields_to_kept_answer(&self) -> bool {
        matches!(
            self.status(),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::PAYLOAD_TOO_LARGE
        )
    }

    /// The body.
    pub fn envelope(&self) -> ErrorEnvelope {
        let first = self.problems.first().cloned().map(ErrorItem::from);
        let code = self.code();
        let told = self.problems.iter().filter(|problem| problem.param.is_some() || self.problems.len() > 1);
        let mut room = MOST_BYTES;
        // The first problem is told in any case, by the error itself.
        let errors = told.cloned().map(ErrorItem::from).take_while(|item| {
            let bytes = serde_json::to_vec(item).map_or(MOST_BYTES, |json| json.len());
            room = room.saturating_sub(bytes);
            room > 0
        });
        ErrorEnvelope {
            error: ErrorBody {
                kind: entry(code).kind,
                code: code.as_str(),
                message: first.as_ref().map_or_else(String::new, |problem| problem.message.clone()),
                param: first.and_then(|problem| problem.param),
                doc_url: format!("{DOC_URL}#{code}"),
                errors: errors.collect(),
            },
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], detail: None, retry_after: None, allow: None }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::merged(Vec::new(), Some(rejection)).unwrap_or_else(|| Self::internal("a rejection without a problem"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error.to_string()),
            StoreError::Fault(_) => Self::internal(error.to_string()),
        }
    }
}
