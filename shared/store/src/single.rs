//! One row written by itself: for what is no effect of a request, so that nothing else hangs on it. Whatever dies around
//! such a write is done again.

use crate::db::{Db, Item, StoreError, key_item, store_error};
use crate::meter::Units;
use crate::schema::{self, Key};
use crate::write::number;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

/// How a single write is to find its row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    Anything,
    Absent,
    Version(u64),
}

impl Db {
    /// Puts a row; the row as it is, where it is not as expected. A lost answer to a first try may be told as a row that is
    /// not as expected.
    pub(crate) async fn put_row(&self, item: Item, expected: Expected) -> Result<Result<(), Item>, StoreError> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let mut backoff = self.backoff();
        loop {
            let request = self.client().put_item().table_name(self.table()).set_item(Some(item.clone()));
            let request = match expected {
                Expected::Anything => request,
                Expected::Absent => request
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", schema::PK)
                    .return_values_on_condition_check_failure(old.clone()),
                Expected::Version(version) => request
                    .condition_expression("#version = :version")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":version", number(version))
                    .return_values_on_condition_check_failure(old.clone()),
            };
            let call = self.meter().begin();
            let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await;
            match answer {
                Ok(answer) => {
                    call.finish(Units::Write, &answer.consumed_capacity);
                    return Ok(Ok(()));
                }
                Err(SdkError::ServiceError(error)) => match error.err() {
                    PutItemError::ConditionalCheckFailedException(failed) => {
                        call.finish_refused(1);
                        return Ok(Err(failed.item().cloned().unwrap_or_default()));
                    }
                    PutItemError::TransactionConflictException(_) => {}
                    _ => return Err(store_error(&SdkError::ServiceError(error))),
                },
                Err(error) => return Err(store_error(&error)),
            }
            if !backoff.pause().await {
                return Err(StoreError::Unavailable("a row kept meeting transactions".to_owned()));
            }
        }
    }

    /// Deletes a row.
    pub(crate) async fn delete_row(&self, key: &Key) -> Result<(), StoreError> {
        let call = self.meter().begin();
        let answer = self
            .client()
            .delete_item()
            .table_name(self.table())
            .set_key(Some(key_item(key)))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Write, &answer.consumed_capacity);
        Ok(())
    }
}
