//! The gate between a function and the table: it lets through what the function's policy in `template.yaml` allows,
//! refuses the rest as IAM would, and notes what was used.

use crate::template::{Grants, Permission};
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
    pub(crate) async fn open(database: &str, allowed: Grants) -> Self {
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
    allowed: &Grants,
    used: &Mutex<BTreeSet<Permission>>,
    client: &reqwest::Client,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers["x-amz-target"].to_str().unwrap();
    let (operation, asked) = (target.rsplit('.').next().unwrap(), serde_json::from_slice(&body).unwrap());
    let (needed, partitions) = (needed(operation, &asked), partitions(operation, &asked));
    if let Some((action, resource)) = needed.iter().find(|permission| !allowed.allow(permission, &partitions)) {
        let refusal = serde_json::json!({
            "__type": "com.amazon.coral.service#AccessDeniedException",
            "Message": format!("not authorized to perform: {action} on {resource}, {partitions:?}"),
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

/// What IAM calls the leading keys of a request: the partitions of the table, or of the index, that it names.
fn partitions(operation: &str, request: &Value) -> BTreeSet<String> {
    let of = |item: &Value| item["pk"]["S"].as_str().map(str::to_owned);
    let tables = || request["RequestItems"].as_object().unwrap().values();
    match operation {
        "Query" => queried(request).into_iter().collect(),
        "BatchGetItem" => tables().flat_map(|table| table["Keys"].as_array().unwrap()).filter_map(of).collect(),
        "BatchWriteItem" => {
            let each = tables().flat_map(|table| table.as_array().unwrap());
            each.filter_map(|one| of(&one["PutRequest"]["Item"]).or_else(|| of(&one["DeleteRequest"]["Key"]))).collect()
        }
        "TransactWriteItems" => {
            let parts =
                request["TransactItems"].as_array().unwrap().iter().flat_map(|part| part.as_object().unwrap().values());
            parts.filter_map(|part| of(&part["Item"]).or_else(|| of(&part["Key"]))).collect()
        }
        _ => of(&request["Item"]).or_else(|| of(&request["Key"])).into_iter().collect(),
    }
}

/// The partition a query names: the value its key condition compares first.
fn queried(request: &Value) -> Option<String> {
    let condition = request["KeyConditionExpression"].as_str()?;
    let value = condition.split_once('=')?.1.trim_start();
    let placeholder = value.split(|c: char| c.is_whitespace() || c == ')').next()?;
    request["ExpressionAttributeValues"][placeholder]["S"].as_str().map(str::to_owned)
}

#[test]
fn the_partitions_of_a_request_are_found_wherever_it_names_them() {
    use serde_json::json;
    let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "x"}});
    let query = json!({"KeyConditionExpression": "(#pk = :pk) AND #sk > :sk",
        "ExpressionAttributeValues": {":pk": {"S": "A"}, ":sk": {"S": "B"}}});
    for (operation, request, wanted) in [
        ("GetItem", json!({"Key": key("A")}), vec!["A"]),
        ("PutItem", json!({"Item": key("A")}), vec!["A"]),
        ("Query", query, vec!["A"]),
        ("BatchGetItem", json!({"RequestItems": {"t": {"Keys": [key("A"), key("B")]}}}), vec!["A", "B"]),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"t": [{"PutRequest": {"Item": key("A")}}, {"DeleteRequest": {"Key": key("B")}}]}}),
            vec!["A", "B"],
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"Item": key("A")}}, {"Update": {"Key": key("B")}},
                {"ConditionCheck": {"Key": key("C")}}]}),
            vec!["A", "B", "C"],
        ),
    ] {
        let found: Vec<String> = partitions(operation, &request).into_iter().collect();
        assert_eq!(found, wanted, "{operation}");
    }
}
