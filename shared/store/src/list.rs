//! The index every list reads.

use crate::db::{Db, Item, StoreError};
use crate::schema::{self, list_partition};
use anyspend_domain::Owner;
use aws_sdk_dynamodb::types::AttributeValue;

/// An object's place in its list. Ids sort by time, so the id is the sort key.
pub(crate) struct Listed<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) object: &'a str,
    pub(crate) id: &'a str,
}

impl Listed<'_> {
    /// Puts an item into the index.
    pub(crate) fn enter(&self, item: &mut Item) {
        item.insert(schema::LIST_PK.to_owned(), AttributeValue::S(list_partition(self.owner, self.object)));
        item.insert(schema::LIST_SK.to_owned(), AttributeValue::S(self.id.to_owned()));
    }
}

impl Db {
    /// All slim rows of a list, oldest first.
    pub(crate) async fn list_rows(&self, partition: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client()
            .query()
            .index_name(schema::LIST_INDEX)
            .key_condition_expression("#lpk = :lpk")
            .expression_attribute_names("#lpk", schema::LIST_PK)
            .expression_attribute_values(":lpk", AttributeValue::S(partition.to_owned()));
        self.query_all(query).await
    }
}
