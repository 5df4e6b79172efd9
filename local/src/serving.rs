//! Serves HTTP until it is asked to stop, and then for as long as requests in flight need. Whoever connects and says
//! nothing, or not all of it, is waited for only so long and takes nobody's place.

use crate::connections::{Admitted, Connections, Most};
use anyspend_api::road::PeerAddress;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_io_timeout::TimeoutWriter;
use tower::ServiceExt;

/// How long requests in flight may take once the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// Most bytes of a request's head. Every connection may hold as many.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How many connections there may be.
const MOST: Most = Most { in_all: 512, of_one: 256 };
/// How long to wait after the system had no connection to give, e.g. because too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a whole head: from the start of the connection, or from the answer before.
    pub(crate) head: Duration,
    /// For the client to take anything more of an answer.
    pub(crate) answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(20), answer: Duration::from_secs(30) }
    }
}

/// Serves until `stop` resolves, then lets requests in flight finish. `proxied` says that connections are a proxy's, so
/// that many of one address are no reason to let one go.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    proxied: bool,
    patience: Patience,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let most = if proxied { Most { of_one: MOST.in_all, ..MOST } } else { MOST };
    let connections = Connections::new(most);
    // Every connection holds a receiver: the last one gone, all have ended.
    let (stopping, asked) = watch::channel(());
    let mut ending = std::pin::pin!(stop);
    let mut last_call = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending, if last_call.is_none() => {
                last_call = Some(LastCall::default());
                continue;
            }
            () = LastCall::wait(last_call.as_mut()) => break,
        };
        if let Some(last_call) = &mut last_call {
            last_call.again();
        }
        match accepted {
            Ok((stream, peer)) => {
                if let Some(admitted) = connections.admit(peer.ip()) {
                    let asked = asked.clone();
                    tokio::spawn(attend(stream, peer, app.clone(), Arc::new(admitted), patience, asked));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken in");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop((listener, asked));
    let _ = stopping.send(());
    let _ = tokio::time::timeout(DRAIN, stopping.closed()).await;
    Ok(())
}

/// The moments after the process was asked to stop, in which connections are still taken in until none has arrived for
/// a moment: one that the kernel has taken in already would be reset when the listener closes, together with the
/// request on it.
struct LastCall {
    rounds: u32,
    until: Pin<Box<tokio::time::Sleep>>,
}

impl Default for LastCall {
    fn default() -> Self {
        Self { rounds: 0, until: Box::pin(tokio::time::sleep(Self::MOMENT)) }
    }
}

impl LastCall {
    const MOMENT: Duration = Duration::from_millis(100);
    /// So many connections more prolong it.
    const LONGEST: u32 = 20;

    /// Another connection has arrived.
    fn again(&mut self) {
        if self.rounds < Self::LONGEST {
            self.rounds += 1;
            self.until.as_mut().reset(tokio::time::Instant::now() + Self::MOMENT);
        }
    }

    async fn wait(last_call: Option<&mut Self>) {
        match last_call {
            Some(last_call) => last_call.until.as_mut().await,
            None => std::future::pending().await,
        }
    }
}

/// Serves one connection to its end.
async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    admitted: Arc<Admitted>,
    patience: Patience,
    mut asked: watch::Receiver<()>,
) {
    // Answers are written whole: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(patience.answer));
    let place = admitted.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (app, place) = (app.clone(), place.clone());
        async move { answer(app, request, peer, place).await }
    });
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
    );
    // What goes wrong on a connection is its client's affair: the requests on it have their own lines in the log.
    tokio::select! {
        _ = serving.as_mut() => {}
        () = admitted.let_go() => {}
        _ = asked.changed() => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

async fn answer(
    app: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    place: Arc<Admitted>,
) -> Result<Response<Body>, Infallible> {
    let arrived = place.clone();
    let mut request = request.map(|body| Body::new(Watched::new(body, move || arrived.works())));
    request.extensions_mut().insert(PeerAddress(peer.ip()));
    let response = app.oneshot(request).await?;
    Ok(response.map(|body| {
        // Somebody may still be taking it in.
        place.works();
        Body::new(Watched::new(body, move || place.waits()))
    }))
}

/// A body, and what to do once it has been had or given up.
struct Watched<B> {
    body: B,
    done: Option<Box<dyn FnOnce() + Send>>,
}

impl<B: http_body::Body> Watched<B> {
    fn new(body: B, done: impl FnOnce() + Send + 'static) -> Self {
        let mut watched = Self { body, done: Some(Box::new(done)) };
        if watched.body.is_end_stream() {
            watched.finish();
        }
        watched
    }
}

impl<B> Watched<B> {
    fn finish(&mut self) {
        if let Some(done) = self.done.take() {
            done();
        }
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(&polled, Poll::Ready(None | Some(Err(_)))) || (polled.is_ready() && self.body.is_end_stream()) {
            self.finish();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const IMPATIENT: Patience = Patience { head: Duration::from_millis(50), answer: Duration::from_secs(30) };

    /// A server that answers every request, and where it is.
    async fn server(patience: Patience) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(|| async { "done" });
        tokio::spawn(serve(listener, app, false, patience, std::future::pending()));
        address
    }

    /// What comes back until the server closes the connection.
    async fn heard(address: SocketAddr, said: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        String::from_utf8(heard).unwrap()
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_and_a_connection_that_stays_idle_are_given_up() {
        let address = server(IMPATIENT).await;
        for half in ["", "GET / HTTP/1.1\r\nHost: loc"] {
            assert!(!heard(address, half.as_bytes()).await.contains("done"), "{half}");
        }
        let idle = heard(address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(idle.starts_with("HTTP/1.1 200") && idle.ends_with("done"), "{idle}");
    }

    #[tokio::test]
    async fn a_head_of_several_times_64_kibibytes_is_refused() {
        let address = server(Patience::default()).await;
        // What one read brings may pass the bound by as much again.
        let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(4 * MAX_HEAD_BYTES));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may close before it has had all of it.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        assert!(!String::from_utf8_lossy(&heard).contains("200 OK"));
    }
}
