//! Serves HTTP until it is asked to stop, and then for as long as requests in flight need.

use anyspend_api::road::PeerAddress;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::ListenerExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// How long requests in flight may take once the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until `stop` resolves, then lets requests in flight finish.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let app = app.layer(axum::middleware::map_request(note_peer));
    let (stopping, mut asked) = tokio::sync::watch::channel(false);
    let accepted = Arc::new(AtomicU64::new(0));
    let counter = accepted.clone();
    let listener = listener.tap_io(move |stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        // Answers are written whole: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            stop.await;
            let _ = stopping.send(true);
            quiet(&accepted).await;
        });
    let overdue = async {
        // An error means that serving ended, and the other branch with it.
        let _ = asked.wait_for(|asked| *asked).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = async { serving.await } => served.map_err(|error| format!("the server failed: {error}")),
        () = overdue => Ok(()),
    }
}

/// Waits until no connection has arrived for a moment: one that the kernel has taken in already would be reset when
/// the listener closes, together with the request on it.
async fn quiet(accepted: &AtomicU64) {
    const MOMENT: Duration = Duration::from_millis(100);
    const LONGEST: u32 = 20;
    let mut before = accepted.load(Ordering::Relaxed);
    for _ in 0..LONGEST {
        tokio::time::sleep(MOMENT).await;
        let now = accepted.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

async fn note_peer(mut request: Request) -> Request {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        request.extensions_mut().insert(PeerAddress(peer.ip()));
    }
    request
}
