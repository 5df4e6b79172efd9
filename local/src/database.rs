//! The table: on the embedded engine, or at the endpoint an operator named.

use crate::data_dir::DataDir;
use crate::options::Options;
use anyspend_api::config;
use anyspend_embedded::Embedded;
use anyspend_store::db::Connection;
use anyspend_store::{Db, schema};
use std::time::Duration;

/// The table's name on the embedded engine.
const EMBEDDED_TABLE: &str = "anyspend-platform";
/// How long the engine may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// Connects, and makes the table if it is absent.
///
/// # Errors
/// A sentence for the operator.
pub(crate) async fn open(options: &Options, data: Option<&DataDir>) -> Result<(Db, Option<Embedded>), String> {
    let (connection, table, embedded) = match &options.dynamodb {
        Some(url) => (config::connection_to(url), options.table.as_str(), None),
        None => {
            let embedded = Embedded::start(data.map(DataDir::database).transpose()?.as_deref())?;
            (Connection::in_process(embedded.http_client()), EMBEDDED_TABLE, Some(embedded))
        }
    };
    let client = connection.client();
    schema::create_table_if_absent(&client, table).await?;
    Ok((Db::new(client, table), embedded))
}

/// Stops the engine, after the last that holds the way to it is gone.
pub(crate) async fn stop(embedded: Embedded) {
    let stopped = tokio::task::spawn_blocking(move || embedded.stop());
    let _ = tokio::time::timeout(STOPS_WITHIN, stopped).await;
}
