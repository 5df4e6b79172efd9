//! The Lambda host: the same router as everywhere, behind API Gateway's events; and jobs, behind a schedule's
//! or the stream's.

use crate::clock::Clock;
use crate::config::{Config, connection_from_env, kms_from_env, log_filter};
use crate::job::{Afterwards, Job, Run};
use crate::operation::Group;
use crate::platform::Platform;
use crate::road::{PeerAddress, router};
use anyspend_store::Db;
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::DynamoDbEventResponse;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
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

/// What sets a job's function off: a batch of the table's stream, or anything else, which is its schedule, or somebody by
/// hand.
#[derive(Debug, Deserialize)]
pub struct Trigger {
    /// The batch.
    #[serde(rename = "Records")]
    pub records: Option<Vec<EventRecord>>,
}

/// What the service that sent the event is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum JobAnswer<S> {
    /// What a run did.
    Ran(S),
    /// Which records of a batch have to come again.
    Took(DynamoDbEventResponse),
}

/// Runs a job in the Lambda runtime, once per event, until the environment ends. A run that fails is one that the next
/// event repeats.
///
/// # Errors
/// When the configuration is incomplete, the job cannot be prepared, or the runtime API is gone.
pub async fn job<J: Job>() -> Result<(), lambda_http::Error> {
    let platform = platform().await?;
    let job = J::prepare(platform.clone())?;
    let (job, platform) = (&job, &*platform);
    let run = async move |event: LambdaEvent<Trigger>| {
        handle(platform, job, event.payload).await.map_err(lambda_http::Error::from)
    };
    lambda_runtime::run(lambda_runtime::service_fn(run)).await
}

/// Does what one event asks of a job.
///
/// # Errors
/// What the run failed of.
pub async fn handle<J: Job>(platform: &Platform, job: &J, trigger: Trigger) -> Result<JobAnswer<J::Summary>, J::Error> {
    let run = Run::of::<J>(platform, Afterwards::Frozen);
    match trigger.records {
        Some(records) => {
            let taken = job.take(&run, records).await;
            if let Err(error) = &taken {
                tracing::error!(job = J::NAME, %error, "a batch of the stream could not be taken");
            }
            taken.map(JobAnswer::Took)
        }
        None => {
            let done = job.run(&run).await;
            run.log(J::NAME, &done);
            done.map(JobAnswer::Ran)
        }
    }
}

/// The source IP API Gateway itself saw; never a header, which the caller could have written.
fn source_ip(request: &Request) -> Option<std::net::IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
