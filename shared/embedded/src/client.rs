//! The SDK's way to the engine: its HTTP requests are answered inside the process, by the engine's own thread.

use crate::engine::{self, Answer};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use std::io::{Error, ErrorKind};
use std::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

/// What the engine's thread is told.
pub(crate) enum Told {
    /// To answer a request.
    Answer {
        /// The operation's name, such as `GetItem`.
        operation: String,
        /// Its JSON.
        body: Vec<u8>,
        /// Where the answer goes; nobody may be waiting any more.
        to: oneshot::Sender<Answer>,
    },
    /// To end.
    Stop,
}

/// Answers requests one after the other, as SQLite would have them in any case, until it is told to stop.
pub(crate) fn serve(database: &Database, told: &Receiver<Told>) {
    while let Ok(Told::Answer { operation, body, to }) = told.recv() {
        let _ = to.send(engine::answer(database, &operation, &body));
    }
}

/// An HTTP client whose requests go nowhere but to the engine's thread.
pub(crate) fn to_engine(thread: Sender<Told>) -> SharedHttpClient {
    SharedHttpClient::new(InProcess { thread })
}

#[derive(Debug, Clone)]
struct InProcess {
    thread: Sender<Told>,
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().map(<[u8]>::to_vec);
        let thread = self.thread.clone();
        HttpConnectorFuture::new(async move {
            let body = body.ok_or_else(|| failed(ErrorKind::Unsupported, "a streamed request"))?;
            let (to, answer) = oneshot::channel();
            let stopped = || failed(ErrorKind::ConnectionRefused, "the embedded database has stopped");
            thread.send(Told::Answer { operation, body, to }).map_err(|_| stopped())?;
            let (status, json) = answer.await.map_err(|_| stopped())?;
            let status = StatusCode::try_from(status).map_err(|_| failed(ErrorKind::InvalidData, "a bad status"))?;
            Ok(HttpResponse::new(status, SdkBody::from(json)))
        })
    }
}

fn failed(kind: ErrorKind, why: &'static str) -> ConnectorError {
    ConnectorError::io(Error::new(kind, why).into())
}
