//! One endpoint, asked one question at a time.
//!
//! Questions are not put together into JSON-RPC batches: some providers refuse them and most count them singly, and over
//! a connection that stays open they gain little.

use reqwest::{Client, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// How long one answer may take, from the first byte sent to the last received.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest answer, in bytes; a page of logs is the largest that is asked for.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// How much of an endpoint's own error text goes into the log.
const MAX_ERROR_CHARS: usize = 200;

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
    client: Client,
    url: Url,
}

/// Without the path and the query, where providers put access keys.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Endpoint {
    pub(crate) fn new(client: Client, url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("an RPC endpoint is no URL: {error}"))?;
        Ok(Self { client, url })
    }

    /// What the log calls it.
    pub(crate) fn name(&self) -> &str {
        self.url.host_str().unwrap_or("?")
    }

    /// Asks a question. `null` is [`Unknown::Absent`].
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Unknown> {
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self.client.post(self.url.clone()).json(&question);
        let mut response = request.send().await.map_err(no_answer)?;
        if response.status().as_u16() != 200 {
            return Err(Unknown::Http(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                return Err(Unknown::Malformed(format!("more than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        read(&body)
    }
}

fn no_answer(error: reqwest::Error) -> Unknown {
    // The URL may hold an access key.
    Unknown::NoAnswer(error.without_url().to_string())
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
/// When TLS cannot be set up.
pub(crate) fn client() -> Result<Client, String> {
    // Fails when one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(ANSWER_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        // The environment has one home, and this is not it.
        .no_proxy()
        .build()
        .map_err(|error| format!("cannot set up TLS: {error}"))
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
        let endpoint = Endpoint::new(client().unwrap(), "https://rpc.example.com/v2/secret?key=secret").unwrap();
        assert_eq!(format!("{endpoint:?}"), "rpc.example.com");
    }
}
