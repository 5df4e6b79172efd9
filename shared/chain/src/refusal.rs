//! What an endpoint means when it refuses: providers have no common words, and few common codes.
//!
//! The words are those of nodes and providers in their documents and in public reports. They are looked for in lower case.

use crate::rpc::Unknown;
use serde_json::Value;
use std::time::Duration;

/// How much of an endpoint's own error text goes into the log.
const MAX_ERROR_CHARS: usize = 200;

/// It is asked too often.
const TOO_OFTEN: &[&str] = &[
    "rate limit",
    "rate-limit",
    "ratelimit",
    "too many requests",
    "requests per second",
    "request limit",
    "request count exceeded",
    "per second capacity",
    "compute units",
    "throttl",
    "quota",
    "credits",
    "back off",
    "backoff",
    "slow down",
    "/second",
    "server is busy",
];

/// Codes for the same: QuickNode, Ankr and others, Base.
const TOO_OFTEN_CODES: &[i64] = &[429, -32_007, -32_029, -32_016, -32_097];

/// One question names too many addresses.
const TOO_MANY_ADDRESSES: &[&str] = &[
    "max addresses",
    "too many addresses",
    "addresses in filter",
    "max topics",
    "too many topics",
    "number of addresses",
    "maximum of 5,000 parameters",
    "too many parameters",
];

/// One question is about too many blocks, or its answer would have too many logs or bytes, or takes too long to find.
const TOO_LARGE: &[&str] = &[
    "query returned more than",
    "query exceeds",
    "response size",
    "response is too big",
    "response is too large",
    "response too large",
    "result set too large",
    "too many results",
    "too many logs",
    "logs matched",
    "max results",
    "block range is too",
    "block range too",
    "range is too",
    "range too large",
    "range too wide",
    "range limit",
    "range exceed",
    "exceeds limit of",
    "exceeds the range",
    "exceed maximum block range",
    "exceeds max block range",
    "maximum block range",
    "max block range",
    "maximum allowed",
    "maximum is set to",
    "is bigger than",
    "is greater than",
    "greater than the limit",
    "blocks distance",
    "too many blocks",
    "limited to",
    "up to a",
    "more than 10000",
    "limit the query",
    "smaller block range",
    "narrow",
    "query timeout",
    "query timed out",
    "request timed out",
    "execution timeout",
    "entity too large",
    "too large",
];

/// Infura and EIP-1474: a limit of either kind.
const LIMIT_EXCEEDED: i64 = -32_005;
/// JSON-RPC: there is no such method.
const NO_SUCH_METHOD: i64 = -32_601;

/// What an error in JSON means, given the HTTP status it came with.
pub(crate) fn in_json(status: u16, error: &Value) -> Unknown {
    let text: String = error.to_string().chars().take(MAX_ERROR_CHARS).collect();
    let lower = error.to_string().to_lowercase();
    let code = error.get("code").and_then(Value::as_i64);
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if status == 429 || code.is_some_and(|code| TOO_OFTEN_CODES.contains(&code)) || says(TOO_OFTEN) {
        Unknown::TooOften(None)
    } else if says(TOO_MANY_ADDRESSES) {
        Unknown::TooManyAddresses(text)
    } else if status == 413 || says(TOO_LARGE) {
        Unknown::TooLarge(text)
    } else if code == Some(LIMIT_EXCEEDED) {
        Unknown::SomeLimit(text)
    } else if code == Some(NO_SUCH_METHOD) {
        Unknown::NotOffered(text)
    } else if status != 200 {
        Unknown::Http(status)
    } else {
        Unknown::Refused(text)
    }
}

/// What an HTTP status means by itself, given what the endpoint says about when to ask again.
pub(crate) const fn in_http(status: u16, retry_after: Option<Duration>) -> Unknown {
    match status {
        429 => Unknown::TooOften(retry_after),
        413 => Unknown::TooLarge(String::new()),
        status => Unknown::Http(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn providers_words_for_too_much_too_often_and_anything_else_are_told_apart() {
        let of = |code: i64, message: &str| in_json(200, &json!({"code": code, "message": message}));
        for (code, message) in [
            (-32_602, "range 1000000 exceeds limit of 10000"),
            (-32_005, "query returned more than 10000 results"),
            (-32_602, "Query returned more than 10000 results. Try with this block range [0x118dc91, 0x1198cc3]."),
            (-32_600, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
            (-32_614, "eth_getLogs is limited to a 10,000 range"),
            (-32_000, "block range greater than 100 max: maximum allowed"),
            (-32_000, "block range is too wide (maximum 1024)"),
            (-32_602, "block range too large"),
            (-32_000, "exceed maximum block range: 50000"),
            (-32_602, "range 9009594 is bigger than range limit 2000"),
            (-32_005, "query timeout exceeded"),
            (-32_603, "request timed out"),
            (-32_008, "Response is too big"),
        ] {
            assert!(matches!(of(code, message), Unknown::TooLarge(_)), "{message}: {:?}", of(code, message));
        }
        for (code, message) in [
            (429, "Your app has exceeded its compute units per second capacity"),
            (-32_005, "daily request count exceeded, request rate limited"),
            (-32_007, "50/second request limit reached"),
            (-32_016, "over rate limit"),
            (-32_000, "Too Many Requests"),
        ] {
            assert_eq!(of(code, message), Unknown::TooOften(None), "{message}");
        }
        assert!(matches!(
            of(-32_602, "exceed max addresses or topics per search position"),
            Unknown::TooManyAddresses(_)
        ));
        assert!(matches!(of(-32_005, "limit exceeded"), Unknown::SomeLimit(_)));
        assert!(matches!(of(-32_601, "the method debug_traceBlockByNumber does not exist"), Unknown::NotOffered(_)));
        for message in
            ["header not found", "missing trie node 1c (path )", "block range extends beyond current head block"]
        {
            assert!(matches!(of(-32_000, message), Unknown::Refused(_)), "{message}: {:?}", of(-32_000, message));
        }
        assert_eq!(in_json(503, &json!("busy")), Unknown::Http(503));
        assert_eq!(in_http(429, Some(Duration::from_secs(2))), Unknown::TooOften(Some(Duration::from_secs(2))));
    }
}
