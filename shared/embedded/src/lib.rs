//! An embedded, DynamoDB-compatible engine for the local runner and the tests.
//!
//! The platform speaks to it through the AWS SDK, exactly as it speaks to DynamoDB: there is no second store. The SDK's
//! requests are answered inside the process, so no other program of the machine, and no page in a browser on it, can
//! reach the data. The engine gets a thread of its own, because SQLite blocks.

mod client;
mod engine;
mod port;

pub use port::Port;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::types::AttributeValue;
use client::Told;
use dynoxide::{Database, ImportOptions};
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// A running engine. Dropping it stops it.
pub struct Embedded {
    database: Database,
    told: Sender<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts an engine that keeps its data in `file`, or nowhere.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn start(file: Option<&Path>) -> Result<Self, String> {
        let database = match file {
            None => Database::memory(),
            Some(file) => Database::new(&file.to_string_lossy()),
        }
        .map_err(|error| format!("cannot open the embedded database: {error}"))?;
        let (told, orders) = channel();
        let served = database.clone();
        let thread = std::thread::Builder::new()
            .name("embedded-dynamodb".to_owned())
            .spawn(move || client::serve(&served, &orders))
            .map_err(|error| error.to_string())?;
        Ok(Self { database, told, thread: Some(thread) })
    }

    /// The HTTP client that takes the SDK's requests to this engine, whatever their endpoint says.
    pub fn http_client(&self) -> SharedHttpClient {
        client::to_engine(self.told.clone())
    }

    /// Opens a port, for another process that is to use this engine. It takes any credentials from anybody on this
    /// machine: for tests and measurements only.
    ///
    /// # Errors
    /// When no port is free.
    pub fn listen(&self) -> Result<Port, String> {
        Port::open(self.database.clone())
    }

    /// Stores items past the SDK, for tools that load more than requests could in reasonable time.
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

    /// Asks the engine to stop and waits for its thread, so that its file is closed. What was asked before is answered.
    pub fn stop(mut self) {
        let _ = self.told.send(Told::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let _ = self.told.send(Told::Stop);
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
