//! The road every request walks: routing, the caller, the operation, and one way out for answers and errors alike.

use crate::access_log::RequestLine;
use crate::call::{Arrived, Call, MAX_BODY_BYTES, Streamed};
use crate::error::ApiError;
use crate::operation::{Audience, Group, Operation, Reply};
use crate::platform::Platform;
use anyspend_domain::token_bucket::INTERVAL_SECONDS;
use anyspend_domain::{Code, RequestId};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::routing::any;
use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request may take before it is answered with 503; less than the gateway's 30 s, so that the answer is
/// ours.
const REQUEST_DEADLINE: Duration = Duration::from_secs(25);
/// How long a browser may remember what a preflight answered: the longest any browser does.
const PREFLIGHT_SECONDS: u32 = 86_400;
/// The headers a script of another site may send.
const ACCEPTED_HEADERS: &str = "Content-Type, Idempotency-Key, AnySpend-Version";
/// The headers a script of another site may read.
const EXPOSED_HEADERS: &str = "Request-Id, AnySpend-Version, Idempotent-Replayed, Retry-After, RateLimit, \
     RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";
/// The name a request that matches no route is logged under.
const NO_ROUTE: &str = "(no route)";

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

    /// Who reads what is said about the path as a whole.
    fn audience(&self) -> Audience {
        self.by_method.first().map_or(Audience::Servers, |operation| operation.audience)
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
                async move { travel(platform, Some(operations), request).await }
            }),
        );
    }
    router.fallback(move |request: Request| {
        let platform = platform.clone();
        async move { travel(platform, None, request).await }
    })
}

/// How a request ends.
enum Outcome {
    Answered(Reply),
    Failed(ApiError),
    /// `OPTIONS`: what the path can do.
    Options(String),
}

async fn travel(platform: Arc<Platform>, path: Option<Arc<PathOperations>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let now = platform.clock.now();
    let request_id = RequestId::generate(now);
    let head = request.method() == Method::HEAD;
    let operation = path.as_ref().and_then(|path| path.find(request.method()));
    let (mut parts, body) = request.into_parts();
    let params = path_params(&mut parts).await;
    let client_ip = client_ip(&parts.extensions, &parts.headers, platform.config.trusted_proxies);
    let body = match &operation {
        Some(operation) if operation.changes() => {
            match tokio::time::timeout(REQUEST_DEADLINE, read_to_limit(body)).await {
                Ok(body) => body,
                Err(_) => Err(ApiError::unavailable("the request body did not arrive in time")),
            }
        }
        _ => Ok(Bytes::new()),
    };
    let known_params = params.is_some();
    let call = Arc::new(Call::new(
        platform,
        operation.clone(),
        now,
        request_id,
        Arrived {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query_string: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            client_ip,
            params: params.unwrap_or_default(),
            body,
        },
    ));
    let changes_by_key = operation.as_ref().is_some_and(|operation| operation.changes_by_key());
    if let Err(refusal) = call.check_door(changes_by_key) {
        return leave(&call, path.as_deref(), Outcome::Failed(refusal), head, started);
    }
    let outcome = match (&path, operation) {
        (Some(path), _) if call.method == Method::OPTIONS => Outcome::Options(path.allow()),
        (Some(_), Some(operation)) if known_params => match run(&operation, call.clone()).await {
            Ok(reply) => Outcome::Answered(reply),
            Err(error) => Outcome::Failed(error),
        },
        (Some(path), None) => Outcome::Failed(method_not_allowed(&call, path.allow())),
        _ => Outcome::Failed(ApiError::new(
            Code::RouteNotFound,
            format!("There is no route {} {}.", call.method, shortened(&call.path)),
        )),
    };
    leave(&call, path.as_deref(), outcome, head, started)
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

/// The path's parameters, decoded; `None` when they are not UTF-8, which is a path that names nothing.
async fn path_params(parts: &mut http::request::Parts) -> Option<Vec<(String, String)>> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    Some(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
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

fn leave(call: &Call, path: Option<&PathOperations>, outcome: Outcome, head: bool, started: Instant) -> Response<Body> {
    let notes = call.notes().clone();
    let audience = path.map_or(Audience::Servers, PathOperations::audience);
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("request-id", call.request_id.to_string());
    set("x-content-type-options", "nosniff".to_owned());
    set("strict-transport-security", "max-age=63072000; includeSubDomains".to_owned());
    set("cache-control", "no-store".to_owned());
    if let Some(allowance) = &notes.allowance {
        let wait = allowance.resets_at.millis_since(call.now).div_ceil(1_000);
        set("x-ratelimit-limit", allowance.limit.to_string());
        set("x-ratelimit-remaining", allowance.remaining.to_string());
        set("x-ratelimit-reset", allowance.reset_unix_seconds().to_string());
        set("ratelimit-policy", format!("\"default\";q={};w={INTERVAL_SECONDS}", allowance.limit));
        set("ratelimit", format!("\"default\";r={};t={wait}", allowance.remaining));
    }
    if let Audience::AnySite = audience {
        set("access-control-allow-origin", "*".to_owned());
        set("access-control-expose-headers", EXPOSED_HEADERS.to_owned());
    }
    let mut error = None;
    let mut own_headers = HeaderMap::new();
    let mut streamed = None;
    let (status, body, version, replayed) = match outcome {
        Outcome::Answered(Reply::Whole(answer)) => {
            own_headers = answer.headers;
            (answer.status, answer.body, answer.version, answer.replayed)
        }
        Outcome::Answered(Reply::Streamed(answer)) => {
            let version = answer.version;
            own_headers = answer.headers.clone();
            streamed = Some(answer);
            (StatusCode::OK, Vec::new(), version, false)
        }
        Outcome::Options(allow) => {
            if let Audience::AnySite = audience {
                set("access-control-allow-methods", allow.clone());
                set("access-control-allow-headers", ACCEPTED_HEADERS.to_owned());
                set("access-control-max-age", PREFLIGHT_SECONDS.to_string());
            }
            set("allow", allow);
            (StatusCode::NO_CONTENT, Vec::new(), call.version(), false)
        }
        Outcome::Failed(failure) => {
            let failure = error.insert(failure);
            if let Some(seconds) = failure.retry_after {
                set("retry-after", seconds.to_string());
            }
            if let Some(allow) = failure.allow.take() {
                set("allow", allow);
            }
            if failure.status() == StatusCode::UNAUTHORIZED {
                set("www-authenticate", "Bearer".to_owned());
            }
            let body = match audience {
                Audience::People(page) => {
                    let page = page(call, failure);
                    own_headers = page.headers;
                    page.body
                }
                Audience::Servers | Audience::AnySite => serde_json::to_vec(&failure.envelope()).unwrap_or_default(),
            };
            (failure.status(), body, call.version(), false)
        }
    };
    set("anyspend-version", version.name().to_owned());
    if replayed {
        set("idempotent-replayed", "true".to_owned());
    }
    if !body.is_empty() {
        set("content-type", "application/json".to_owned());
    }
    let (cost, duration) = (call.db.cost(), started.elapsed());
    if call.platform.config.server_timing || notes.mode == Some(anyspend_domain::Mode::Test) {
        set("server-timing", server_timing(&cost, duration));
    }
    RequestLine {
        at: call.now,
        request_id: call.request_id.as_str(),
        method: call.method.as_str(),
        route: path.map_or(NO_ROUTE, |path| path.path),
        status: status.as_u16(),
        duration,
        cost,
        error: error.as_ref(),
        actor: notes.caller.as_ref().map(|caller| caller.actor_id.as_str()),
        replayed,
    }
    .write();
    headers.extend(own_headers);
    let length = body.len();
    // How long a streamed answer becomes is not known before it has been sent.
    let length_known = streamed.is_none();
    let mut response = Response::new(match streamed {
        _ if head => Body::empty(),
        Some(streamed) => flowing(call.request_id.to_string(), streamed),
        None => Body::from(body),
    });
    *response.status_mut() = status;
    if head && length_known {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.headers_mut() = headers;
    response
}

/// A body that is made while it is sent. The request's line tells what it cost until its first byte; what goes wrong
/// afterwards is told to the log here, and to the client by a transfer that breaks off.
fn flowing(request_id: String, streamed: Streamed) -> Body {
    Body::from_stream(
        streamed
            .body
            .inspect_err(move |error| {
                tracing::error!(request_id, error = error.detail().unwrap_or_default(), "a streamed answer broke off");
            })
            .map_err(|_| std::io::Error::other("the answer broke off")),
    )
}

fn server_timing(cost: &anyspend_store::Cost, duration: Duration) -> String {
    let milliseconds = |duration: Duration| format!("{}.{:03}", duration.as_millis(), duration.as_micros() % 1_000);
    format!(
        "total;dur={}, db;dur={};desc=\"calls={} depth={} rru={} wru={}\"",
        milliseconds(duration),
        milliseconds(cost.busy),
        cost.calls,
        cost.depth,
        cost.rru_text(),
        cost.wru + cost.index_wru,
    )
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
