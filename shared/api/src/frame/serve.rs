//! The Lambda host: the same router as everywhere, behind API Gateway's events; and jobs, behind a schedule's.

use crate::clock::Clock;
use crate::config::{Config, connection_from_env, kms_from_env, log_filter};
use crate::operation::Group;
use crate::platform::Platform;
use crate::road::{PeerAddress, router};
use anyspend_domain::Timestamp;
use anyspend_store::{Db, StoreError};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::fmt;
use std::sync::Arc;
use tower::ServiceExt;

/// Serves a route group in the Lambda runtime until the environment ends.
///
/// # Errors
/// When the configuration is incomplete, or the runtime API is gone.
pub async fn lambda(group: Group) -> Result<(), lambda_http::Error> {
    let platform = platform().await?;
    let app = router(vec![group], platform);
    lambda_http::run(tower::service_fn(move |mut request: Request| {
        if let Some(ip) = source_ip(&request) {
            request.extensions_mut().insert(PeerAddress(ip));
        }
        app.clone().oneshot(request.map(axum::body::Body::new))
    }))
    .await
}

/// What a function's environment makes of it, with its connections open.
async fn platform() -> Result<Arc<Platform>, lambda_http::Error> {
    crate::access_log::install(&log_filter());
    let mut config = Config::from_env()?;
    let (connection, table) = connection_from_env()?;
    let db = Db::new(connection.client(), &table);
    // The first calls open the TLS connections: better during the start, which is not billed to a caller's patience.
    // Two, because a request checks its caller and reads side by side.
    let kms = kms_from_env(&connection, &table).filter(|_| config.secret.is_none());
    let opened = Box::pin(async {
        match &kms {
            Some(kms) => kms.master_secret(&db).await.map(Some),
            None => Ok(None),
        }
    });
    let (one, other, opened) = tokio::join!(db.probe(), db.probe(), opened);
    if let Err(error) = one.and(other) {
        tracing::warn!(%error, "the table did not answer during the start");
    }
    // Without the key nobody's session or sealed data can be read: better to start again than to answer so.
    config.secret = config.secret.or(opened?);
    Ok(Platform::new(db, config, Clock::System))
}

/// Runs a job that looks at its events, in the Lambda runtime, until the environment ends. `prepare` makes the job once;
/// what a run answers is what the service that sent the event sees.
///
/// # Errors
/// When the configuration is incomplete, the job cannot be prepared, or the runtime API is gone.
pub async fn on_events<J, A>(prepare: impl FnOnce(Arc<Platform>) -> Result<J, String>) -> Result<(), lambda_http::Error>
where
    J: AsyncFn(serde_json::Value) -> Result<A, String>,
    A: Serialize,
{
    let job = prepare(platform().await?)?;
    let job = &job;
    let run = async move |event: LambdaEvent<serde_json::Value>| {
        job(event.payload).await.map_err(|error| {
            tracing::error!(error, "job failed");
            lambda_http::Error::from(error)
        })
    };
    lambda_runtime::run(lambda_runtime::service_fn(run)).await
}

/// Runs a job in the Lambda runtime, once per event of its schedule, until the environment ends. What the event says does
/// not matter; a run that fails is one that the schedule repeats.
///
/// # Errors
/// When the configuration is incomplete, or the runtime API is gone.
pub async fn scheduled<J, Run, Done>(job: J) -> Result<(), lambda_http::Error>
where
    J: Fn(Db, Timestamp) -> Run,
    Run: Future<Output = Result<Done, StoreError>>,
    Done: Serialize + fmt::Debug,
{
    crate::access_log::install(&log_filter());
    let (connection, table) = connection_from_env()?;
    let db = Db::new(connection.client(), &table);
    let run = async |_: LambdaEvent<IgnoredAny>| {
        let db = db.metered();
        let done = job(db.clone(), Clock::System.now()).await;
        let cost = db.cost();
        match &done {
            Ok(done) => tracing::info!(?done, calls = cost.calls, wru = cost.wru, rru = cost.rru_text(), "job done"),
            Err(error) => tracing::error!(%error, calls = cost.calls, wru = cost.wru, "job failed"),
        }
        done.map_err(lambda_http::Error::from)
    };
    lambda_runtime::run(lambda_runtime::service_fn(run)).await
}

/// The source IP API Gateway itself saw; never a header, which the caller could have written.
fn source_ip(request: &Request) -> Option<std::net::IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
