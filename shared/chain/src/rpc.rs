//! One endpoint, asked one question at a time.
//!
//! Questions are not put together into JSON-RPC batches: some providers refuse them and most count them singly, and over
//! a connection that stays open they gain little.

use crate::pace::{ASKED_AGAIN, Pace};
use crate::refusal;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long one answer may take, from connecting to the last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer, in bytes; a page of logs is the largest that is asked for.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// An HTTP client that follows no redirects, reads no variables, and trusts the system's certificates.
pub(crate) type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why something about the chain is not known. None of these says anything about a payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The endpoint does not know it, or not yet: `null`.
    #[error("the endpoint knows nothing of it")]
    Absent,
    /// No answer in time, or no connection.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// An HTTP status other than 200.
    #[error("HTTP status {0}")]
    Http(u16),
    /// An error in JSON, whatever the HTTP status.
    #[error("the endpoint refused: {0}")]
    Refused(String),
    /// The question is about too many blocks, or its answer would be too large: smaller questions are answered.
    #[error("too much at once: {0}")]
    TooLarge(String),
    /// The question names too many addresses.
    #[error("too many addresses at once: {0}")]
    TooManyAddresses(String),
    /// It is asked too often, and says when to ask again, or does not.
    #[error("it is asked too often")]
    TooOften(Option<Duration>),
    /// Too much or too often: it does not say which.
    #[error("a limit was exceeded: {0}")]
    SomeLimit(String),
    /// It does not offer this method.
    #[error("it does not offer that: {0}")]
    NotOffered(String),
    /// An answer that cannot be one.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    /// The endpoint speaks for another chain.
    #[error("the endpoint speaks for chain {0}")]
    OtherChain(u64),
    /// Too few endpoints say the same.
    #[error("the endpoints do not agree")]
    Disagreement,
}

/// A JSON-RPC endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    http: Http,
    url: Uri,
    pace: Arc<Pace>,
    /// From then on it is not waited for.
    deadline: Option<Instant>,
}

/// Without the path and the query, where providers put access keys.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Endpoint {
    pub(crate) fn new(http: Http, url: &str) -> Result<Self, String> {
        let url: Uri = url.parse().map_err(|error| format!("an RPC endpoint is no URL: {error}"))?;
        if url.host().is_none() { Err("an RPC endpoint names no host".to_owned()) } else { Ok(Self::at(http, url)) }
    }

    fn at(http: Http, url: Uri) -> Self {
        Self { http, url, pace: Arc::default(), deadline: None }
    }

    /// The same endpoint, not waited for after `deadline`.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// What the log calls it.
    pub(crate) fn name(&self) -> &str {
        self.url.host().unwrap_or("?")
    }

    /// Asks a question at the endpoint's own pace: where it is asked too often, once more a little later. `null` is
    /// [`Unknown::Absent`].
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Unknown> {
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let mut attempt = 0;
        loop {
            let now = Instant::now();
            let deadline = self.deadline.unwrap_or(now + ANSWER_TIMEOUT);
            let turn = self.pace.turn(now, deadline).ok_or(Unknown::TooOften(None))?;
            tokio::time::sleep_until(turn).await;
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.send(question.clone())).await;
            let answer =
                answer.unwrap_or_else(|_| Err(Unknown::NoAnswer(format!("not within {} s", ANSWER_TIMEOUT.as_secs()))));
            match answer {
                Err(Unknown::TooOften(after)) => self.pace.slow_down(Instant::now(), attempt, after),
                // Whichever it was: should it have been "too often", then now it is not.
                Err(Unknown::SomeLimit(_)) if attempt < ASKED_AGAIN => {
                    self.pace.slow_down(Instant::now(), attempt, None);
                }
                Ok(result) => {
                    self.pace.answered();
                    return serde_json::from_value(result).map_err(|error| Unknown::Malformed(error.to_string()));
                }
                Err(unknown) => return Err(unknown),
            }
            attempt += 1;
            if attempt > ASKED_AGAIN {
                return Err(Unknown::TooOften(None));
            }
        }
    }

    async fn send(&self, question: String) -> Result<Value, Unknown> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(question)))
            .map_err(|error| Unknown::NoAnswer(error.to_string()))?;
        // The error's own text names no URL, which may hold an access key.
        let response = self.http.request(request).await.map_err(|error| Unknown::NoAnswer(error.to_string()))?;
        let (status, after) = (response.status().as_u16(), retry_after(response.headers()));
        match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => read(status, after, &body.to_bytes()),
            Err(_) if status != 200 => Err(refusal::in_http(status, after)),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Unknown::TooLarge(format!("an answer of more than {MAX_ANSWER_BYTES} bytes")))
            }
            Err(error) => Err(Unknown::NoAnswer(error.to_string())),
        }
    }
}

/// Seconds, the only form in which providers say it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The result in an answer.
fn read(status: u16, after: Option<Duration>, body: &[u8]) -> Result<Value, Unknown> {
    let malformed = |what: &dyn fmt::Display| Unknown::Malformed(what.to_string());
    // Some servers begin with a byte order mark.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    let error = parsed.as_ref().ok().and_then(|answer| answer.get("error")).filter(|error| !error.is_null());
    match error.map(|error| refusal::in_json(status, error)) {
        Some(Unknown::TooOften(_)) => return Err(Unknown::TooOften(after)),
        Some(unknown) => return Err(unknown),
        None if status != 200 => return Err(refusal::in_http(status, after)),
        None => {}
    }
    let mut answer = parsed.map_err(|error| malformed(&error))?;
    // Proxies make text of it.
    if answer.get("id").is_none_or(|id| *id != 1 && *id != "1") {
        return Err(malformed(&"it is not about this question"));
    }
    match answer.get_mut("result").map(Value::take) {
        None => Err(malformed(&"neither a result nor an error")),
        Some(Value::Null) => Err(Unknown::Absent),
        Some(result) => Ok(result),
    }
}

/// The HTTP client every endpoint is asked with.
///
/// # Errors
/// When the system has no certificates to trust.
pub(crate) fn http() -> Result<Http, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| format!("the system's certificates cannot be read: {error}"))?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_that_is_not_a_result_is_unknown() {
        let read = |text: &str| read(200, None, text.as_bytes());
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#,
            r#"{"jsonrpc":"2.0","id":"1","result":"0x1","error":null}"#,
            "\u{feff}{\"id\":1,\"result\":\"0x1\"}",
        ] {
            assert_eq!(read(text), Ok(json!("0x1")), "{text}");
        }
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Err(Unknown::Absent));
        assert!(matches!(read(r#"{"id":1,"error":{"code":-32000}}"#), Err(Unknown::Refused(_))));
        assert!(matches!(read(r#"{"id":1,"error":"busy","result":"0x1"}"#), Err(Unknown::Refused(_))));
        for text in ["", "<html>", "[]", "{}", r#"{"id":1}"#, r#"{"id":2,"result":"0x1"}"#] {
            assert!(matches!(read(text), Err(Unknown::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_shown_without_its_access_key() {
        let endpoint = Endpoint::new(http().unwrap(), "https://rpc.example.com/v2/secret?key=secret").unwrap();
        assert_eq!(format!("{endpoint:?}"), "rpc.example.com");
    }
}
