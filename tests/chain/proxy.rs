//! An endpoint that is not what it should be: it stands before the node and does to its answers what a test says.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What happens to an answer.
pub(crate) enum Malady {
    /// It is sent as the node gave it, or as the test changed it.
    None,
    /// Another body with status 200.
    Body(String),
    /// Another status.
    Status(u16),
    /// A status with headers and a body.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// As the node gave it, a little later.
    Slow,
    /// The connection breaks in the middle.
    Reset,
    /// Never.
    Silence,
}

/// What happens to an answer, given its question.
pub(crate) type Quirk = Box<dyn Fn(&Value, &mut Value) -> Malady + Send + Sync>;

type Doctor = Box<dyn Fn(&str, &mut Value) -> Malady + Send + Sync>;

#[derive(Clone)]
struct Shared {
    node: String,
    http: reqwest::Client,
    doctor: Arc<Mutex<Doctor>>,
    most_blocks: Arc<AtomicU64>,
    quirk: Arc<Mutex<Option<Quirk>>>,
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// A listening proxy; it ends with the test.
pub(crate) struct Proxy {
    pub(crate) url: String,
    doctor: Arc<Mutex<Doctor>>,
    most_blocks: Arc<AtomicU64>,
    quirk: Arc<Mutex<Option<Quirk>>>,
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    /// A proxy that changes nothing yet.
    pub(crate) async fn before(node: &str) -> Self {
        let doctor: Arc<Mutex<Doctor>> = Arc::new(Mutex::new(Box::new(|_, _| Malady::None)));
        let most_blocks = Arc::new(AtomicU64::new(u64::MAX));
        let (http, node) = (reqwest::Client::new(), node.to_owned());
        let (quirk, asked) = (Arc::default(), Arc::default());
        let shared = Shared {
            node,
            http,
            doctor: doctor.clone(),
            most_blocks: most_blocks.clone(),
            quirk: Arc::clone(&quirk),
            asked: Arc::clone(&asked),
        };
        let app = Router::new().fallback(answer).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, doctor, most_blocks, quirk, asked, serving }
    }

    /// From now on, this happens to every answer, given its method.
    pub(crate) fn suffers(&self, doctor: impl Fn(&str, &mut Value) -> Malady + Send + Sync + 'static) {
        *self.doctor.lock().unwrap() = Box::new(doctor);
    }

    /// From now on, logs are searched in at most so many blocks at once.
    pub(crate) fn searches_at_most(&self, blocks: u64) {
        self.most_blocks.store(blocks, Ordering::SeqCst);
    }

    /// From now on, this happens to every answer, given its question.
    pub(crate) fn has(&self, quirk: Quirk) {
        *self.quirk.lock().unwrap() = Some(quirk);
    }

    /// How often each method was asked since this was last asked.
    pub(crate) fn asked(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// From now on, nothing happens to answers.
    pub(crate) fn heals(&self) {
        *self.quirk.lock().unwrap() = None;
        self.suffers(|_, _| Malady::None);
    }
}

async fn answer(State(shared): State<Shared>, body: Bytes) -> Response {
    let question: Value = serde_json::from_slice(&body).unwrap();
    let method = question["method"].as_str().unwrap();
    *shared.asked.lock().unwrap().entry(method.to_owned()).or_default() += 1;
    let filter = &question["params"][0];
    if let (Some(first), Some(last)) = (filter["fromBlock"].as_str(), filter["toBlock"].as_str()) {
        let number = |text: &str| u64::from_str_radix(&text[2..], 16).unwrap();
        if number(last) - number(first) >= shared.most_blocks.load(Ordering::SeqCst) {
            let refusal = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"block range too large"}}"#;
            return Response::new(Body::from(refusal));
        }
    }
    let mut answer: Value = shared.http.post(&shared.node).json(&question).send().await.unwrap().json().await.unwrap();
    let quirk = shared.quirk.lock().unwrap().as_ref().map(|quirk| quirk(&question, &mut answer));
    let malady = quirk.unwrap_or_else(|| shared.doctor.lock().unwrap()(method, &mut answer));
    let respond = |status: u16, body: String| {
        Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Body::from(body)).unwrap()
    };
    match malady {
        Malady::None => respond(200, answer.to_string()),
        Malady::Body(body) => respond(200, body),
        Malady::Status(status) => respond(status, answer.to_string()),
        Malady::Reply(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Malady::Slow => {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            respond(200, answer.to_string())
        }
        Malady::Reset => {
            let broken = futures_util::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("broken"))]);
            Response::new(Body::from_stream(broken))
        }
        Malady::Silence => std::future::pending().await,
    }
}
