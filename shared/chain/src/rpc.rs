//! One endpoint, asked one question at a time.
//!
//! Questions are not put together into JSON-RPC batches: some providers refuse them and most count them singly, and over
//! a connection that stays open they gain little.

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// How long one answer may take, from connecting to the last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer, in bytes; a page of logs is the largest that is asked for.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// How much of an endpoint's own error text goes into the log.
const MAX_ERROR_CHARS: usize = 200;

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
        if url.host().is_none() { Err("an RPC endpoint names no host".to_owned()) } else { Ok(Self { http, url }) }
    }

    /// What the log calls it.
    pub(crate) fn name(&self) -> &str {
        self.url.host().unwrap_or("?")
    }

    /// Asks a question. `null` is [`Unknown::Absent`].
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Unknown> {
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.send(question.to_string())).await;
        read(&answer.map_err(|_| Unknown::NoAnswer(format!("not within {} s", ANSWER_TIMEOUT.as_secs())))??)
    }

    async fn send(&self, question: String) -> Result<Bytes, Unknown> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(question)))
            .map_err(|error| Unknown::NoAnswer(error.to_string()))?;
        // The error's own text names no URL, which may hold an access key.
        let response = self.http.request(request).await.map_err(|error| Unknown::NoAnswer(error.to_string()))?;
        if response.status().as_u16() != 200 {
            return Err(Unknown::Http(response.status().as_u16()));
        }
        match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Unknown::Malformed(format!("more than {MAX_ANSWER_BYTES} bytes")))
            }
            Err(error) => Err(Unknown::NoAnswer(error.to_string())),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unknown> {
    let malformed = |what: &dyn fmt::Display| Unknown::Malformed(what.to_string());
    let mut answer: Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        return Err(Unknown::Refused(error.to_string().chars().take(MAX_ERROR_CHARS).collect()));
    }
    if answer.get("id").is_none_or(|id| *id != 1) {
        return Err(malformed(&"it is not about this question"));
    }
    match answer.get_mut("result").map(Value::take) {
        None => Err(malformed(&"neither a result nor an error")),
        Some(Value::Null) => Err(Unknown::Absent),
        Some(result) => serde_json::from_value(result).map_err(|error| malformed(&error)),
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
        let read = |text: &str| read::<String>(text.as_bytes());
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#), Ok("0x1".to_owned()));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Err(Unknown::Absent));
        assert!(matches!(read(r#"{"id":1,"error":{"code":-32000}}"#), Err(Unknown::Refused(_))));
        assert!(matches!(read(r#"{"id":1,"error":"busy","result":"0x1"}"#), Err(Unknown::Refused(_))));
        for text in ["", "<html>", "[]", "{}", r#"{"id":1}"#, r#"{"id":2,"result":"0x1"}"#, r#"{"id":1,"result":7}"#] {
            assert!(matches!(read(text), Err(Unknown::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_shown_without_its_access_key() {
        let endpoint = Endpoint::new(http().unwrap(), "https://rpc.example.com/v2/secret?key=secret").unwrap();
        assert_eq!(format!("{endpoint:?}"), "rpc.example.com");
    }
}
