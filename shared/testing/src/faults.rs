//! Faults below the SDK: a call that is cut before it was sent or after it took effect, a process that dies there, a
//! database that throttles, transactions that meet.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call is sent.
    DieBefore,
    /// The process dies after the call took effect and before its answer arrives.
    DieAfter,
    /// The connection breaks before the call is sent.
    CutBefore,
    /// The connection breaks after the call took effect and before its answer arrives.
    CutAfter,
    /// DynamoDB throttles.
    Throttle,
    /// A transaction meets another one; other calls are left alone.
    Conflict,
}

/// Decides what happens to the n-th call, counted from 1, given the name of its operation.
pub type Plan = Box<dyn Fn(u32, &str) -> Option<Fault> + Send + Sync>;

/// What goes wrong below one SDK client.
#[derive(Default)]
pub struct Faults {
    plan: Mutex<Option<Plan>>,
    calls: AtomicU32,
    died: Notify,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl Faults {
    /// From now on, calls are counted from 1 and this happens to them.
    pub fn plan(&self, plan: impl Fn(u32, &str) -> Option<Fault> + Send + Sync + 'static) {
        self.calls.store(0, Ordering::SeqCst);
        *self.plan.lock().unwrap() = Some(Box::new(plan));
    }

    /// From now on, nothing goes wrong.
    pub fn heal(&self) {
        *self.plan.lock().unwrap() = None;
    }

    /// Calls since the plan was made.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Runs a request until it ends or the process dies; then it is dropped on the spot, and `None` comes back.
    pub async fn until_death<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = request => Some(done),
        }
    }

    fn next(&self, operation: &str) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.plan.lock().unwrap().as_ref().and_then(|plan| plan(call, operation))
    }
}

/// An HTTP client with faults above it.
pub fn under(inner: SharedHttpClient, faults: Arc<Faults>) -> SharedHttpClient {
    SharedHttpClient::new(FaultyClient { inner, faults })
}

#[derive(Debug)]
struct FaultyClient {
    inner: SharedHttpClient,
    faults: Arc<Faults>,
}

impl HttpClient for FaultyClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: self.faults.clone() })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Arc<Faults>,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let fault = self.faults.next(&operation);
        let (inner, faults) = (self.inner.clone(), self.faults.clone());
        HttpConnectorFuture::new(async move {
            match fault {
                None => inner.call(request).await,
                Some(Fault::DieBefore) => die(&faults).await,
                Some(Fault::DieAfter) => {
                    let _ = inner.call(request).await;
                    die(&faults).await
                }
                Some(Fault::CutBefore) => Err(cut()),
                Some(Fault::CutAfter) => {
                    let _ = inner.call(request).await;
                    Err(cut())
                }
                Some(Fault::Throttle) => Ok(refusal("ProvisionedThroughputExceededException", "")),
                Some(Fault::Conflict) if operation == "TransactWriteItems" => Ok(refusal(
                    "TransactionCanceledException",
                    r#","CancellationReasons":[{"Code":"TransactionConflict"}]"#,
                )),
                Some(Fault::Conflict) => inner.call(request).await,
            }
        })
    }
}

async fn die(faults: &Faults) -> Result<HttpResponse, ConnectorError> {
    faults.died.notify_one();
    std::future::pending().await
}

fn cut() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

fn refusal(code: &str, more: &str) -> HttpResponse {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"injected"{more}}}"#);
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}
