//! One HTTP connection to a process on this machine.
//!
//! hyper without a pool: a load on 64 connections has exactly 64, and the client takes as little as possible from
//! the machine it shares with what it measures.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept alive.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// An answer, and how long it took from sending the request to the last byte.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

impl Connection {
    /// Speaks HTTP on a connected socket.
    pub(crate) async fn new(socket: TcpStream) -> Result<Self, String> {
        let failed = |error: &dyn std::error::Error| format!("a connection failed: {error}");
        socket.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, driver) = handshake(TokioIo::new(socket)).await.map_err(|error| failed(&error))?;
        // It ends with the sender; what goes wrong before is told to the request in flight.
        tokio::spawn(driver);
        Ok(Self { sender })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let failed = |error: hyper::Error| format!("a request failed: {error}");
        let exchange = async {
            let began = Instant::now();
            self.sender.ready().await.map_err(failed)?;
            let answer = self.sender.send_request(request).await.map_err(failed)?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(failed)?.to_bytes();
            Ok(Answer { status, body, took: began.elapsed() })
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "a request was not answered in time".to_owned())?
    }
}
