//! The gate between a function and the table: it lets through what the function's policy in `template.yaml` allows,
//! refuses the rest as IAM would, and notes what was used.

use crate::template::Permission;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// A gate on a port of its own, for one instance of a function.
pub(crate) struct Gate {
    /// What the function believes to be DynamoDB.
    pub(crate) url: String,
    used: Arc<Mutex<BTreeSet<Permission>>>,
    serving: JoinHandle<()>,
}

impl Gate {
    pub(crate) async fn open(database: &str, allowed: BTreeSet<Permission>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let used: Arc<Mutex<BTreeSet<Permission>>> = Arc::default();
        let shared = Arc::new((database.to_owned(), allowed, used.clone(), reqwest::Client::new()));
        let app = axum::Router::new().fallback(move |request: Request| {
            let shared = shared.clone();
            async move {
                let (database, allowed, used, client) = &*shared;
                pass(database, allowed, used, client, request).await
            }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, used, serving }
    }

    /// What passed through so far.
    pub(crate) fn used(&self) -> BTreeSet<Permission> {
        self.used.lock().unwrap().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(
    database: &str,
    allowed: &BTreeSet<Permission>,
    used: &Mutex<BTreeSet<Permission>>,
    client: &reqwest::Client,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers["x-amz-target"].to_str().unwrap();
    let needed = needed(target.rsplit('.').next().unwrap(), &serde_json::from_slice(&body).unwrap());
    if let Some((action, resource)) = needed.difference(allowed).next() {
        let refusal = serde_json::json!({
            "__type": "com.amazon.coral.service#AccessDeniedException",
            "Message": format!("not authorized to perform: {action} on {resource}"),
        });
        let mut response = Response::new(Body::from(refusal.to_string()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    used.lock().unwrap().extend(needed);
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let answer = client.post(database).headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
    *response.status_mut() = status;
    let told = |name: &HeaderName| *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz");
    response.headers_mut().extend(
        headers.into_iter().filter(|(name, _): &(Option<HeaderName>, HeaderValue)| name.as_ref().is_some_and(told)),
    );
    response
}

/// What IAM would ask for: a transaction needs what its parts need, and an index is a resource of its own.
fn needed(operation: &str, request: &Value) -> BTreeSet<Permission> {
    let resource = request["IndexName"].as_str().map_or_else(|| "table".to_owned(), |name| format!("index/{name}"));
    let permission = |action: &str| (format!("dynamodb:{action}"), resource.clone());
    if operation != "TransactWriteItems" {
        return BTreeSet::from([permission(operation)]);
    }
    let parts = request["TransactItems"].as_array().unwrap().iter().flat_map(|part| part.as_object().unwrap().keys());
    parts
        .map(|part| match part.as_str() {
            "ConditionCheck" => permission("ConditionCheckItem"),
            part => permission(&format!("{part}Item")),
        })
        .collect()
}
