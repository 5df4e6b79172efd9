//! Making the table, and checking one that is there already.

use super::{DUE_INDEX, DUE_PK, DUE_SK, LIST_COLUMNS, LIST_INDEX, LIST_PK, LIST_SK, PK, SK, TTL};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};
use std::time::Duration;

/// How often, and after which pause, a new table is asked whether it is there.
const CREATION_CHECKS: u32 = 100;
const CREATION_PAUSE: Duration = Duration::from_millis(200);

/// Makes the table where it does not exist, and waits until it answers. On AWS the template makes it.
///
/// # Errors
/// What DynamoDB says, as text for the operator.
pub async fn create_table_if_absent(client: &Client, table: &str) -> Result<(), String> {
    let definitions = [PK, SK, LIST_PK, LIST_SK, DUE_PK, DUE_SK].map(attribute);
    let index_keys = [key(PK, KeyType::Hash), key(SK, KeyType::Range)];
    let text = |error: BuildError| error.to_string();
    let created = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(definitions.into_iter().collect::<Result<_, _>>().map_err(text)?))
        .set_key_schema(Some(index_keys.into_iter().collect::<Result<_, _>>().map_err(text)?))
        .global_secondary_indexes(list_index().map_err(text)?)
        .global_secondary_indexes(due_index().map_err(text)?)
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => {
            return check_table(client, table).await;
        }
        Err(error) => return Err(format!("cannot create the table '{table}': {}", crate::db::describe(&error))),
    }
    for _ in 0..CREATION_CHECKS {
        let described = client.describe_table().table_name(table).send().await.ok();
        let status = described.and_then(|answer| answer.table).and_then(|table| table.table_status);
        if status == Some(TableStatus::Active) {
            break;
        }
        tokio::time::sleep(CREATION_PAUSE).await;
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build().map_err(text)?;
    let switched_on = client.update_time_to_live().table_name(table).time_to_live_specification(ttl).send().await;
    switched_on.map_err(|error| format!("cannot switch on TTL: {}", crate::db::describe(&error)))?;
    Ok(())
}

fn attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn key(name: &str, role: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(role).build()
}

fn list_index() -> Result<GlobalSecondaryIndex, BuildError> {
    let columns = LIST_COLUMNS.iter().map(|&column| column.to_owned()).collect();
    let projection = Projection::builder().projection_type(ProjectionType::Include);
    GlobalSecondaryIndex::builder()
        .index_name(LIST_INDEX)
        .key_schema(key(LIST_PK, KeyType::Hash)?)
        .key_schema(key(LIST_SK, KeyType::Range)?)
        .projection(projection.set_non_key_attributes(Some(columns)).build())
        .build()
}

fn due_index() -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(DUE_INDEX)
        .key_schema(key(DUE_PK, KeyType::Hash)?)
        .key_schema(key(DUE_SK, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
}

/// A table that an earlier version made may lack an index or columns of one: better said at the start than by every list.
async fn check_table(client: &Client, table: &str) -> Result<(), String> {
    let described = client.describe_table().table_name(table).send().await;
    let described =
        described.map_err(|error| format!("cannot describe the table '{table}': {}", crate::db::describe(&error)))?;
    let indexes = described.table.and_then(|table| table.global_secondary_indexes).unwrap_or_default();
    let mut lacking = Vec::new();
    let list = indexes.iter().find(|index| index.index_name() == Some(LIST_INDEX));
    let columns = list.and_then(|index| index.projection()).map(Projection::non_key_attributes);
    let columns = columns.unwrap_or_default();
    let missing: Vec<&str> =
        LIST_COLUMNS.iter().copied().filter(|wanted| columns.iter().all(|column| column != wanted)).collect();
    if !missing.is_empty() {
        lacking.push(format!("its index '{LIST_INDEX}' lacks {}", missing.join(", ")));
    }
    if !indexes.iter().any(|index| index.index_name() == Some(DUE_INDEX)) {
        lacking.push(format!("it lacks the index '{DUE_INDEX}'"));
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the table '{table}' was made by an earlier version: {}. \
         Start with a new table or data directory, or rebuild its indexes",
        lacking.join(", and ")
    ))
}
