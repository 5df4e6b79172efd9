//! An embedded, DynamoDB-compatible engine on a port of this machine, for the local runner and the tests.
//!
//! The platform speaks to it through the AWS SDK, exactly as it speaks to DynamoDB: there is no second store. The
//! engine gets a thread of its own, because SQLite blocks.

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{Database, ImportOptions};
use std::collections::HashMap;
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

    /// Stores items past the port, for tools that load more than requests could in reasonable time.
    ///
    /// # Errors
    /// When the table does not exist or a value is of a type the platform does not use.
    pub fn load(&self, table: &str, items: Vec<HashMap<String, AttributeValue>>) -> Result<(), String> {
        let items = items.into_iter().map(attributes).collect::<Result<_, _>>()?;
        self.database.import_items(table, items, ImportOptions::default()).map_err(|error| error.to_string())?;
        Ok(())
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

fn attributes(map: HashMap<String, AttributeValue>) -> Result<HashMap<String, dynoxide::AttributeValue>, String> {
    map.into_iter().map(|(name, value)| Ok((name, attribute(value)?))).collect()
}

/// The engine's form of the SDK's value.
fn attribute(value: AttributeValue) -> Result<dynoxide::AttributeValue, String> {
    use dynoxide::AttributeValue as Stored;
    Ok(match value {
        AttributeValue::S(text) => Stored::S(text),
        AttributeValue::N(number) => Stored::N(number),
        AttributeValue::B(bytes) => Stored::B(bytes.into_inner()),
        AttributeValue::Bool(truth) => Stored::BOOL(truth),
        AttributeValue::Null(null) => Stored::NULL(null),
        AttributeValue::L(list) => Stored::L(list.into_iter().map(attribute).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Stored::M(attributes(map)?),
        other => return Err(format!("no item of the platform has a value like {other:?}")),
    })
}
