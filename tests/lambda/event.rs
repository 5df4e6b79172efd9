//! API Gateway's events, and what a function answers them with.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The key that every fixture presents.
pub(crate) const FIXTURE_KEY: &str = "asp_test_EventsFixtureKey0123456789abcdef";
/// The short code of the link that fixtures name.
pub(crate) const FIXTURE_SHORT_CODE: &str = "Fixture1";
/// The time-ordered part of the ids that fixtures name.
pub(crate) const FIXTURE_TOKEN: &str = "01JD00000000000000000EVENT";

/// Every fixture of `events/`: its name without `.json`, and the event.
pub(crate) fn fixtures() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(crate::root().join("events")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path: PathBuf| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

fn read(path: &PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An event as API Gateway would send it for a request with the fixtures' key.
pub(crate) struct Event(Value);

impl Event {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let mut event = read(&crate::root().join("events/payment-links-list.json"));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        event["queryStringParameters"] =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect::<BTreeMap<_, _>>().into_iter().collect();
        event["requestContext"]["http"]["path"] = path.into();
        event["requestContext"]["http"]["method"] = method.into();
        Self(event)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    pub(crate) fn body(mut self, body: &Value) -> Self {
        self.0["body"] = body.to_string().into();
        self.header("content-type", "application/json")
    }

    /// From another address than the fixtures'.
    pub(crate) fn sent_from(mut self, ip: &str) -> Self {
        self.0["requestContext"]["http"]["sourceIp"] = ip.into();
        self
    }

    pub(crate) fn into_json(self) -> Value {
        self.0
    }
}

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads the answer of a function to API Gateway.
    pub(crate) fn read(response: &Value) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in response["headers"].as_object().into_iter().flatten() {
            headers.insert(name.to_lowercase(), value.as_str().unwrap().to_owned());
        }
        for (name, values) in response["multiValueHeaders"].as_object().into_iter().flatten() {
            headers.insert(name.to_lowercase(), values[0].as_str().unwrap().to_owned());
        }
        assert_eq!(response["isBase64Encoded"], json!(false), "JSON needs no Base64: {response}");
        Self {
            status: response["statusCode"].as_u64().unwrap_or_else(|| panic!("not an answer: {response}")),
            headers,
            body: response["body"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, if the status is the expected one.
    pub(crate) fn expect(&self, status: u64) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// The error's code, once it is clear that the whole envelope is ours.
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        let code = error["code"].as_str().unwrap_or_else(|| panic!("not our envelope: {self:?}"));
        assert!(error["type"].as_str().is_some_and(|kind| kind.ends_with("_error")), "{self:?}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 5), "{self:?}");
        assert!(error["doc_url"].as_str().is_some_and(|url| url.ends_with(code)), "{self:?}");
        code.to_owned()
    }
}
