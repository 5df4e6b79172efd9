//! The road every request walks: routing, the caller, the operation, and one way out for answers and errors alike
//! (`response.rs`).

use crate::answer::Reply;
use crate::body::MAX_BODY_BYTES;
use crate::call::{Call, IncomingRequest, REQUEST_DEADLINE};
use crate::error::ApiError;
use crate::operation::{Audience, Group, Operation};
use crate::page_address;
use crate::platform::Platform;
use crate::requirements::Requirements;
use crate::response::{Outcome, Route, respond};
use anyspend_domain::pasted::machine_form;
use anyspend_domain::{Code, RequestId};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::routing::any;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// The client's address as the host of the process knows it: the socket's peer, or the gateway's source IP. The
/// host puts it into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// The operations of one path, by method.
#[derive(Debug, Clone)]
struct PathOperations {
    path: &'static str,
    by_method: Vec<Arc<Operation>>,
}

impl PathOperations {
    /// The operation for a method; HEAD is GET without the body.
    fn find(&self, method: &Method) -> Option<Arc<Operation>> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.by_method.iter().find(|operation| operation.method == *wanted).cloned()
    }

    /// Its name in the log, and who reads what is said about the path as a whole.
    fn route(&self) -> Route {
        let audience = self.by_method.first().map_or(Audience::Servers, |operation| operation.audience);
        Route { path: self.path, audience }
    }

    /// The `Allow` header.
    fn allow(&self) -> String {
        let mut methods: Vec<&str> = self.by_method.iter().map(|operation| operation.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        methods.join(", ")
    }
}

/// The router of one process: the same for one group in a Lambda and for all groups in one process.
pub fn router(groups: Vec<Group>, platform: Arc<Platform>) -> Router {
    let mut paths: BTreeMap<&'static str, PathOperations> = BTreeMap::new();
    for operation in groups.into_iter().flat_map(|group| group.operations) {
        let path = operation.path;
        let entry = paths.entry(path).or_insert_with(|| PathOperations { path, by_method: Vec::new() });
        entry.by_method.push(Arc::new(operation));
    }
    let mut router = Router::new();
    for (path, operations) in paths {
        let (platform, operations) = (platform.clone(), Arc::new(operations));
        router = router.route(
            path,
            any(move |request: Request| {
                let (platform, operations) = (platform.clone(), operations.clone());
                async move { handle(platform, Some(operations), request).await }
            }),
        );
    }
    router.fallback(move |request: Request| {
        let platform = platform.clone();
        async move { handle(platform, None, request).await }
    })
}

/// Takes one request from its arrival to its response.
async fn handle(platform: Arc<Platform>, path: Option<Arc<PathOperations>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let now = platform.clock.now();
    let head = request.method() == Method::HEAD;
    let operation = path.as_ref().and_then(|path| path.find(request.method()));
    let requirements = operation.as_ref().map_or(Requirements::NONE, |operation| operation.requirements());
    let (mut parts, body) = request.into_parts();
    let params = path_params(&mut parts).await;
    let known_params = params.is_some();
    let incoming = IncomingRequest {
        client_ip: client_ip(&parts.extensions, &parts.headers, platform.config.trusted_proxies),
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query_string: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        params: params.unwrap_or_default(),
        body: if requirements.changes { read_in_time(body).await } else { Ok(Bytes::new()) },
        requirements,
    };
    let call = Arc::new(Call::new(platform, now, RequestId::generate(now), incoming));
    let outcome = match page_address::meant(&call.platform, &call.method, &call.path) {
        _ if let Err(refusal) = call.check_door() => Outcome::Failed(refusal),
        Some(address) => moved(&call, &address),
        None if known_params => arrive(&call, path.as_deref(), operation).await,
        None => no_route(&call),
    };
    let route = path.as_ref().map(|path| path.route());
    respond(&call, route, outcome, head, started)
}

/// What becomes of a request at its path.
async fn arrive(call: &Arc<Call>, path: Option<&PathOperations>, operation: Option<Arc<Operation>>) -> Outcome {
    match (path, operation) {
        (Some(path), _) if call.method == Method::OPTIONS => Outcome::Options(path.allow()),
        (Some(_), Some(operation)) => match run(&operation, call.clone()).await {
            Ok(reply) => Outcome::Answered(reply),
            Err(error) => Outcome::Failed(error),
        },
        (Some(path), None) => Outcome::Failed(method_not_allowed(call, path.allow())),
        (None, _) => no_route(call),
    }
}

fn no_route(call: &Call) -> Outcome {
    let message = format!("There is no route {} {}.", call.method, shortened(&call.path));
    Outcome::Failed(ApiError::new(Code::RouteNotFound, message))
}

/// The address that was meant, for good; the query goes along byte for byte.
fn moved(call: &Call, address: &str) -> Outcome {
    let separator = if call.query_string.is_empty() { "" } else { "?" };
    match call.redirect(StatusCode::PERMANENT_REDIRECT, &format!("{address}{separator}{}", call.query_string)) {
        Ok(answer) => Outcome::Answered(Reply::Whole(answer)),
        Err(error) => Outcome::Failed(error),
    }
}

async fn run(operation: &Operation, call: Arc<Call>) -> Result<Reply, ApiError> {
    let running = AssertUnwindSafe(async {
        match (operation.run(call.clone()).await, call.platform.config.largest_answer) {
            (Err(error), _) => call.kept_answer_instead_of(error).await.map(Reply::Whole),
            (Ok(Reply::Streamed(streamed)), Some(most)) => streamed.whole(most).await.map(Reply::Whole),
            (answered, _) => answered,
        }
    })
    .catch_unwind();
    match tokio::time::timeout(REQUEST_DEADLINE, running).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(ApiError::internal(format!("panicked: {}", text.unwrap_or_default())))
        }
        Err(_) => Err(ApiError::unavailable("the request took too long")),
    }
}

fn method_not_allowed(call: &Call, allow: String) -> ApiError {
    let message = format!("{} is not allowed on {}. Allowed: {allow}.", call.method, shortened(&call.path));
    let mut error = ApiError::new(Code::MethodNotAllowed, message);
    error.allow = Some(allow);
    error
}

fn shortened(path: &str) -> String {
    const MOST: usize = 200;
    if path.chars().count() <= MOST { path.to_owned() } else { path.chars().take(MOST).chain(['…']).collect() }
}

/// The path's parameters, decoded and as machines compare them, since ids are pasted too; `None` when they are not UTF-8,
/// which is a path that names nothing.
async fn path_params(parts: &mut http::request::Parts) -> Option<Vec<(String, String)>> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    Some(params.iter().map(|(name, value)| (name.to_owned(), machine_form(value).into_owned())).collect())
}

async fn read_in_time(body: Body) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(REQUEST_DEADLINE, read_to_limit(body)).await;
    read.unwrap_or_else(|_| Err(ApiError::unavailable("the request body did not arrive in time")))
}

async fn read_to_limit(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(ApiError::new(
            Code::PayloadTooLarge,
            format!("The request body must be at most {MAX_BODY_BYTES} bytes."),
        )),
        Err(_) => Err(ApiError::new(Code::InvalidJson, "The request body could not be read to its end.")),
    }
}

/// The peer's address, or, behind `trusted` proxies, the address the outermost of them saw. A gateway that hands the
/// request to this process may have added the address it was called from, which is the peer's: that one is no proxy's word
/// about a client.
fn client_ip(extensions: &http::Extensions, headers: &HeaderMap, trusted: usize) -> Option<IpAddr> {
    let peer = extensions.get::<PeerAddress>().map(|peer| peer.0);
    if trusted == 0 {
        return peer;
    }
    let mut forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    if forwarded.last().and_then(|last| last.parse().ok()) == peer {
        forwarded.pop();
    }
    // Each proxy appends the address it was called from, so the client is `trusted` entries from the right.
    forwarded.len().checked_sub(trusted).and_then(|index| forwarded[index].parse().ok()).or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_is_believed_only_behind_trusted_proxies() {
        let mut extensions = http::Extensions::new();
        extensions.insert(PeerAddress("10.0.0.1".parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2".parse().unwrap());
        let seen = |trusted| client_ip(&extensions, &headers, trusted).unwrap().to_string();
        assert_eq!(seen(0), "10.0.0.1");
        assert_eq!(seen(1), "10.0.0.2");
        assert_eq!(seen(2), "203.0.113.9");
        assert_eq!(seen(9), "10.0.0.1");
        // API Gateway behind CloudFront: the viewer's address is CloudFront's word, the last one the gateway's own.
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.1".parse().unwrap());
        let seen = |trusted| client_ip(&extensions, &headers, trusted).unwrap().to_string();
        assert_eq!((seen(0).as_str(), seen(1).as_str()), ("10.0.0.1", "203.0.113.9"));
    }
}
