//! What a request is answered with, when all goes well.

use crate::call::Call;
use crate::error::ApiError;
use crate::versions::Version;
use anyspend_domain::Problem;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use std::fmt;

/// A successful answer, already rendered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
    /// Headers of its own, before the ones every answer has: without a `Content-Type`, a body is JSON.
    pub headers: HeaderMap,
    /// The version it was rendered in.
    pub version: Version,
    /// Whether this is the first answer to an idempotency key, again.
    pub replayed: bool,
    /// Whether the body shows a secret or a person, and is sealed where it is kept.
    pub bears_secret: bool,
}

impl Answer {
    fn new(status: StatusCode, version: Version, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { status, body, headers, version, replayed: false, bears_secret: false }
    }

    /// The same answer with one header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same answer, which shows a secret or a person if `bears_secret`: then it is sealed where it is kept.
    #[must_use]
    pub fn sealed_if(self, bears_secret: bool) -> Self {
        Self { bears_secret, ..self }
    }
}

/// A successful answer that is made while it is sent, so that it never stands in memory as a whole.
///
/// An error after the first byte cannot be told any more: then the transfer breaks off, which no client takes for the end.
pub struct Streamed {
    /// Headers of its own, `Content-Type` among them.
    pub headers: HeaderMap,
    /// The version it is rendered in.
    pub version: Version,
    /// The body, piece by piece, none of it made before it is asked for.
    pub body: BoxStream<'static, Result<Bytes, ApiError>>,
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl Streamed {
    /// All of the answer, for a host that sends it as one JSON string of at most `most` bytes.
    ///
    /// # Errors
    /// What goes wrong on the way, and what the answer is longer than that.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Answer, ApiError> {
        let (mut body, mut sent) = (Vec::new(), 0_usize);
        while let Some(piece) = self.body.try_next().await? {
            sent = sent.saturating_add(escaped_length(&piece));
            if sent > most {
                let must = "must be later, or 'to' earlier: the answer is longer than this deployment can send at once";
                return Err(Problem::invalid("from", must).into());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer::new(StatusCode::OK, self.version, self.headers, body))
    }
}

/// How long text is as a JSON string.
fn escaped_length(text: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(escaped).sum()
}

/// What a handler hands back.
#[derive(Debug)]
pub enum Reply {
    /// All of the answer.
    Whole(Answer),
    /// An answer that is made while it is sent.
    Streamed(Streamed),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Whole(answer)
    }
}

impl From<Streamed> for Reply {
    fn from(streamed: Streamed) -> Self {
        Self::Streamed(streamed)
    }
}

impl Call {
    /// Renders a view in the version in force.
    ///
    /// # Errors
    /// When it cannot be rendered, which is a fault of ours.
    pub fn answer(&self, status: StatusCode, view: &impl Serialize) -> Result<Answer, ApiError> {
        let version = self.version();
        let body = version.render(view).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Answer::new(status, version, HeaderMap::new(), body))
    }

    /// Answers with something else than JSON.
    pub fn answer_with(&self, status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Answer::new(status, self.version(), headers, body)
    }

    /// Sends the caller elsewhere.
    ///
    /// # Errors
    /// When the address cannot stand in a header, which is a fault of ours.
    pub fn redirect(&self, status: StatusCode, to: &str) -> Result<Answer, ApiError> {
        let location = HeaderValue::from_bytes(to.as_bytes()).map_err(|error| ApiError::internal(error.to_string()))?;
        let headers = HeaderMap::from_iter([(header::LOCATION, location)]);
        Ok(Answer::new(status, self.version(), headers, Vec::new()))
    }
}
