//! The Lambda host: the same router as everywhere, behind API Gateway's events.

use crate::clock::Clock;
use crate::config::{Config, connection_from_env, log_filter};
use crate::operation::Group;
use crate::platform::Platform;
use crate::road::{PeerAddress, router};
use anyspend_store::Db;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use std::sync::Arc;
use tower::ServiceExt;

/// Serves a route group in the Lambda runtime until the environment ends.
///
/// # Errors
/// When the configuration is incomplete, or the runtime API is gone.
pub async fn lambda(group: Group) -> Result<(), lambda_http::Error> {
    crate::access_log::install(&log_filter());
    let config = Config::from_env()?;
    let (connection, table) = connection_from_env()?;
    let db = Db::new(connection.client(), &table);
    // The first calls open the TLS connections: better during the start, which is not billed to a caller's patience.
    // Two, because a request checks its caller and reads side by side.
    let (one, other) = tokio::join!(db.probe(), db.probe());
    if let Err(error) = one.and(other) {
        tracing::warn!(%error, "the table did not answer during the start");
    }
    let app = router(vec![group], Platform::new(db, config, Clock::System));
    lambda_http::run(tower::service_fn(move |mut request: Request| {
        if let Some(ip) = source_ip(&request) {
            request.extensions_mut().insert(PeerAddress(ip));
        }
        app.clone().oneshot(request.map(axum::body::Body::new))
    }))
    .await
}

/// Serves a job in the Lambda runtime: it runs each time its schedule fires, and what it says is the invocation's answer.
///
/// # Errors
/// When the configuration is incomplete, the job cannot be prepared, or the runtime API is gone.
pub async fn scheduled<J>(prepare: impl FnOnce(Arc<Platform>) -> Result<J, String>) -> Result<(), lambda_http::Error>
where
    J: AsyncFn() -> serde_json::Value,
{
    crate::access_log::install(&log_filter());
    let config = Config::from_env()?;
    let (connection, table) = connection_from_env()?;
    let job = prepare(Platform::new(Db::new(connection.client(), &table), config, Clock::System))?;
    let job = &job;
    lambda_runtime::run(lambda_runtime::service_fn(async move |_: lambda_runtime::LambdaEvent<serde_json::Value>| {
        Ok::<_, lambda_http::Error>(job().await)
    }))
    .await
}

/// The source IP API Gateway itself saw; never a header, which the caller could have written.
fn source_ip(request: &Request) -> Option<std::net::IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
