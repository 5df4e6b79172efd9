//! An embedded, DynamoDB-compatible engine on a port of this machine, for the local runner and the tests.
//!
//! The platform speaks to it through the AWS SDK, exactly as it speaks to DynamoDB: there is no second store. The
//! engine gets a thread of its own, because SQLite blocks.

use dynoxide::Database;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running engine. Dropping it stops it.
pub struct Embedded {
    url: String,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts an engine that keeps its data in `file`, or nowhere.
    ///
    /// # Errors
    /// When the file cannot be opened or no port is free.
    pub fn start(file: Option<&Path>) -> Result<Self, String> {
        let database = match file {
            None => Database::memory(),
            Some(file) => Database::new(&file.to_string_lossy()),
        }
        .map_err(|error| format!("cannot open the embedded database: {error}"))?;
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| format!("cannot listen for the embedded database: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = database.clone();
        let thread = std::thread::Builder::new()
            .name("embedded-dynamodb".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                    let shutdown = async {
                        let _ = stopped.await;
                    };
                    // A connection that never goes idle must not hold the process: data is safe after each answer.
                    let serving = dynoxide::server::serve_with_shutdown(listener, served, shutdown);
                    let _ = serving.await;
                });
            })
            .map_err(|error| error.to_string())?;
        Ok(Self { url: format!("http://{address}"), database, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the engine listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A handle that deletes items whose TTL has passed, as DynamoDB does by itself within days.
    pub fn sweeper(&self) -> impl Fn() -> Result<usize, String> + Send + Clone + 'static {
        let database = self.database.clone();
        move || database.sweep_ttl().map_err(|error| error.to_string())
    }

    /// Asks the engine to stop and waits for its thread, so that its file is closed.
    pub fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
