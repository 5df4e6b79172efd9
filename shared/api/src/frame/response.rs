//! The one way out: what every response says in its headers, and the line in the log.

use crate::access_log::RequestLine;
use crate::answer::{Reply, Streamed};
use crate::call::{Call, RequestContext};
use crate::error::ApiError;
use crate::operation::Audience;
use crate::versions::Version;
use anyspend_domain::Mode;
use anyspend_domain::token_bucket::{Allowance, INTERVAL_SECONDS};
use anyspend_store::Cost;
use axum::body::Body;
use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use std::time::{Duration, Instant};

/// How long a browser may remember what a preflight answered: the longest any browser does.
const PREFLIGHT_SECONDS: u32 = 86_400;
/// The headers a script of another site may send.
const ACCEPTED_HEADERS: &str = "Content-Type, Idempotency-Key, AnySpend-Version";
/// The headers a script of another site may read.
const EXPOSED_HEADERS: &str = "Request-Id, AnySpend-Version, Idempotent-Replayed, Retry-After, RateLimit, \
     RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";
/// The name a request that matches no route is logged under.
const NO_ROUTE: &str = "(no route)";

/// How a request ends.
pub(crate) enum Outcome {
    Answered(Reply),
    Failed(ApiError),
    /// `OPTIONS`: what the path can do.
    Options(String),
}

/// The route a request matched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// Its path, with `{parameters}`.
    pub(crate) path: &'static str,
    /// Who reads what is said about it.
    pub(crate) audience: Audience,
}

/// Headers under construction.
#[derive(Default)]
struct Headers(HeaderMap);

impl Headers {
    fn set(&mut self, name: &'static str, value: impl AsRef<str>) {
        if let Ok(value) = HeaderValue::try_from(value.as_ref()) {
            self.0.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A response, as far as its outcome decides it.
struct Rendered {
    status: StatusCode,
    version: Version,
    replayed: bool,
    body: Payload,
    /// Headers of the answer's own, which stand before the ones every response has.
    own: HeaderMap,
    error: Option<ApiError>,
}

enum Payload {
    Whole(Vec<u8>),
    Streamed(Streamed),
}

/// Makes the response of what a request came to, and writes its line.
pub(crate) fn respond(
    call: &Call,
    route: Option<Route>,
    outcome: Outcome,
    head: bool,
    started: Instant,
) -> Response<Body> {
    let context = call.context().clone();
    let audience = route.map_or(Audience::Servers, |route| route.audience);
    let mut headers = Headers::default();
    set_common(&mut headers, call, audience);
    if let Some(allowance) = &context.allowance {
        set_rate_limit(&mut headers, call, allowance);
    }
    let rendered = match outcome {
        Outcome::Answered(reply) => answered(reply),
        Outcome::Options(allow) => options(&mut headers, call, audience, allow),
        Outcome::Failed(error) => failed(&mut headers, call, audience, error),
    };
    headers.set("anyspend-version", rendered.version.name());
    if rendered.replayed {
        headers.set("idempotent-replayed", "true");
    }
    if matches!(&rendered.body, Payload::Whole(body) if !body.is_empty()) {
        headers.set("content-type", "application/json");
    }
    let (cost, duration) = (call.db.cost(), started.elapsed());
    if call.platform.config.server_timing || context.mode == Some(Mode::Test) {
        headers.set("server-timing", server_timing(&cost, duration));
    }
    log(call, route, &context, &rendered, cost, duration);
    assemble(call, headers.0, rendered, head)
}

fn set_common(headers: &mut Headers, call: &Call, audience: Audience) {
    headers.set("request-id", call.request_id.as_str());
    headers.set("x-content-type-options", "nosniff");
    headers.set("strict-transport-security", "max-age=63072000; includeSubDomains");
    headers.set("cache-control", "no-store");
    if let Audience::AnySite = audience {
        headers.set("access-control-allow-origin", "*");
        headers.set("access-control-expose-headers", EXPOSED_HEADERS);
    }
}

fn set_rate_limit(headers: &mut Headers, call: &Call, allowance: &Allowance) {
    let wait = allowance.resets_at.millis_since(call.now).div_ceil(1_000);
    headers.set("x-ratelimit-limit", allowance.limit.to_string());
    headers.set("x-ratelimit-remaining", allowance.remaining.to_string());
    headers.set("x-ratelimit-reset", allowance.reset_unix_seconds().to_string());
    headers.set("ratelimit-policy", format!("\"default\";q={};w={INTERVAL_SECONDS}", allowance.limit));
    headers.set("ratelimit", format!("\"default\";r={};t={wait}", allowance.remaining));
}

fn answered(reply: Reply) -> Rendered {
    match reply {
        Reply::Whole(answer) => Rendered {
            status: answer.status,
            version: answer.version,
            replayed: answer.replayed,
            body: Payload::Whole(answer.body),
            own: answer.headers,
            error: None,
        },
        Reply::Streamed(answer) => Rendered {
            status: StatusCode::OK,
            version: answer.version,
            replayed: false,
            own: answer.headers.clone(),
            body: Payload::Streamed(answer),
            error: None,
        },
    }
}

fn options(headers: &mut Headers, call: &Call, audience: Audience, allow: String) -> Rendered {
    if let Audience::AnySite = audience {
        headers.set("access-control-allow-methods", &allow);
        headers.set("access-control-allow-headers", ACCEPTED_HEADERS);
        headers.set("access-control-max-age", PREFLIGHT_SECONDS.to_string());
    }
    headers.set("allow", allow);
    Rendered {
        status: StatusCode::NO_CONTENT,
        version: call.version(),
        replayed: false,
        body: Payload::Whole(Vec::new()),
        own: HeaderMap::new(),
        error: None,
    }
}

fn failed(headers: &mut Headers, call: &Call, audience: Audience, error: ApiError) -> Rendered {
    if let Some(seconds) = error.retry_after {
        headers.set("retry-after", seconds.to_string());
    }
    if let Some(allow) = &error.allow {
        headers.set("allow", allow);
    }
    if error.status() == StatusCode::UNAUTHORIZED {
        headers.set("www-authenticate", "Bearer");
    }
    let (own, body) = match audience {
        Audience::People(page) => {
            let page = page(call, &error);
            (page.headers, page.body)
        }
        Audience::Servers | Audience::AnySite => {
            (HeaderMap::new(), serde_json::to_vec(&error.envelope()).unwrap_or_default())
        }
    };
    Rendered {
        status: error.status(),
        version: call.version(),
        replayed: false,
        body: Payload::Whole(body),
        own,
        error: Some(error),
    }
}

fn log(
    call: &Call,
    route: Option<Route>,
    context: &RequestContext,
    rendered: &Rendered,
    cost: Cost,
    duration: Duration,
) {
    RequestLine {
        at: call.now,
        request_id: call.request_id.as_str(),
        method: call.method.as_str(),
        route: route.map_or(NO_ROUTE, |route| route.path),
        status: rendered.status.as_u16(),
        duration,
        cost,
        error: rendered.error.as_ref(),
        actor: context.caller.as_ref().map(|caller| caller.actor_id.as_str()),
        replayed: rendered.replayed,
    }
    .write();
}

/// The response of all this; without its body for a `HEAD`.
fn assemble(call: &Call, mut headers: HeaderMap, rendered: Rendered, head: bool) -> Response<Body> {
    headers.extend(rendered.own);
    let body = match rendered.body {
        Payload::Whole(body) if head => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            Body::empty()
        }
        Payload::Whole(body) => Body::from(body),
        // How long a streamed answer becomes is not known before it has been sent.
        Payload::Streamed(_) if head => Body::empty(),
        Payload::Streamed(streamed) => flowing(call.request_id.to_string(), streamed),
    };
    let mut response = Response::new(body);
    *response.status_mut() = rendered.status;
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

fn server_timing(cost: &Cost, duration: Duration) -> String {
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
