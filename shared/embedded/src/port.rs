//! A port for other processes: functions under test, benchmarks, a second runner. The runner itself opens none.

use dynoxide::Database;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A port of this machine on which the engine answers whoever asks. Dropping it closes it.
#[derive(Debug)]
pub struct Port {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    pub(crate) fn open(database: Database) -> Result<Self, String> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| format!("cannot listen for the embedded database: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("embedded-dynamodb-port".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                    let shutdown = async {
                        let _ = stopped.await;
                    };
                    let _ = dynoxide::server::serve_with_shutdown(listener, database, shutdown).await;
                });
            })
            .map_err(|error| error.to_string())?;
        Ok(Self { url: format!("http://{address}"), stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // The thread ends by itself: a connection that never goes idle must not hold whoever drops this.
        drop(self.thread.take());
    }
}
