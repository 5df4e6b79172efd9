//! Token buckets in the table: exact over any number of instances, one conditional write a request.
//!
//! A bucket is two numbers: when its interval began, and how many tokens were taken since. Spending is one of two
//! mutually exclusive conditional updates: count up within the interval, or begin a new one. The caller says
//! which to try first; a wrong one is told by the old item and costs one more call.

use crate::db::{Db, Item, StoreError, key_item, read, store_error};
use crate::meter::Units;
use crate::schema::{self, Key};
use crate::write::number;
use anyspend_domain::Timestamp;
use anyspend_domain::token_bucket::{Allowance, INTERVAL_MILLIS, INTERVAL_SECONDS, is_running};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How often a spend follows what the old item tells before it gives up.
const BRANCH_ATTEMPTS: u32 = 6;
/// Which interval a token is taken from, and so by which of the two updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// The one that is running.
    Running,
    /// One that begins with this token.
    New,
}

/// A bucket's state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBucket {
    /// When the interval began, in milliseconds.
    #[serde(default)]
    pub bucket_began: Option<Timestamp>,
    /// Tokens taken since.
    #[serde(default)]
    pub bucket_taken: u32,
    /// Tokens it holds when it is full, where it says so itself.
    #[serde(default)]
    pub rate_limit: Option<u32>,
}

impl TokenBucket {
    /// What is left of the bucket's own limit, or else of `limit`.
    pub fn allowance(&self, limit: u32, now: Timestamp) -> Allowance {
        Allowance::after(self.rate_limit.unwrap_or(limit), self.bucket_taken, self.bucket_began.unwrap_or(now))
    }

    /// The update that would succeed on this bucket now, or `None` when it is empty.
    fn branch(&self, limit: u32, now: Timestamp) -> Option<Interval> {
        match self.bucket_began {
            Some(began) if is_running(began, now) => {
                (self.bucket_taken < self.rate_limit.unwrap_or(limit)).then_some(Interval::Running)
            }
            _ => Some(Interval::New),
        }
    }
}

/// A conditional spend on some item that carries a bucket.
pub(crate) struct Spend<'a> {
    /// The item.
    pub(crate) key: &'a Key,
    /// Tokens of a full bucket that does not say so itself, in its attribute `rate_limit`.
    pub(crate) limit: u32,
    /// The moment.
    pub(crate) now: Timestamp,
    /// A further condition on the item, with its values.
    pub(crate) condition: Option<(&'static str, Item)>,
    /// Further assignments, with their values.
    pub(crate) assignments: Option<(&'static str, Item)>,
    /// When the item may be deleted, in Unix seconds, for items that are nothing but a bucket.
    pub(crate) ttl: Option<u64>,
}

/// How a spend ended.
#[derive(Debug)]
pub(crate) enum Spent {
    /// A token was taken; the item as it is now.
    Taken(Item),
    /// The further condition fails, or the item does not exist; the item as it is.
    Refused(Option<Item>),
    /// The bucket is empty; the item as it is.
    Empty(Item),
}

/// How one conditional update ended.
enum Attempt {
    Taken(Item),
    Refused(Option<Item>),
    /// A transaction was under way on the item.
    Conflict,
}

impl Db {
    pub(crate) async fn spend(&self, spend: &Spend<'_>, expected: Interval) -> Result<Spent, StoreError> {
        let mut branch = expected;
        let mut backoff = self.backoff();
        for _ in 0..BRANCH_ATTEMPTS {
            let old = match self.try_spend(spend, branch).await? {
                Attempt::Taken(item) => return Ok(Spent::Taken(item)),
                Attempt::Refused(old) => old,
                // Of a revocation, say.
                Attempt::Conflict => {
                    backoff.pause().await;
                    continue;
                }
            };
            // A bucket that does not exist is full, unless the item it belongs to had to exist.
            let Some(item) = old else {
                if spend.condition.is_some() {
                    return Ok(Spent::Refused(None));
                }
                branch = Interval::New;
                continue;
            };
            let bucket: TokenBucket = read(item.clone())?;
            match bucket.branch(spend.limit, spend.now) {
                None => return Ok(Spent::Empty(item)),
                // The bucket would have allowed it, so it was the further condition.
                Some(right) if right == branch => return Ok(Spent::Refused(Some(item))),
                Some(right) => branch = right,
            }
        }
        Err(StoreError::Unavailable("a rate-limit bucket kept changing".to_owned()))
    }

    async fn try_spend(&self, spend: &Spend<'_>, branch: Interval) -> Result<Attempt, StoreError> {
        let floor = spend.now.millis().saturating_sub(INTERVAL_MILLIS);
        let mut values = Item::from([(":floor".to_owned(), number(floor)), (":one".to_owned(), number(1))]);
        let (mut condition, mut update) = match branch {
            Interval::Running => {
                values.insert(":limit".to_owned(), number(u64::from(spend.limit)));
                (
                    // An attribute that is not there is less than nothing and greater than nothing: such a test fails.
                    "bucket_began > :floor AND (bucket_taken < rate_limit \
                     OR (attribute_not_exists(rate_limit) AND bucket_taken < :limit))"
                        .to_owned(),
                    "SET bucket_taken = bucket_taken + :one".to_owned(),
                )
            }
            Interval::New => {
                values.insert(":now".to_owned(), number(spend.now.millis()));
                (
                    "(attribute_not_exists(bucket_began) OR bucket_began <= :floor)".to_owned(),
                    "SET bucket_began = :now, bucket_taken = :one".to_owned(),
                )
            }
        };
        if let Some((extra, extra_values)) = &spend.condition {
            condition = format!("{extra} AND {condition}");
            values.extend(extra_values.clone());
        }
        if let Some((extra, extra_values)) = &spend.assignments {
            update = format!("{update}, {extra}");
            values.extend(extra_values.clone());
        }
        let mut names = None;
        if let Some(ttl) = spend.ttl {
            // "ttl" is a reserved word.
            update.push_str(", #ttl = :ttl");
            values.insert(":ttl".to_owned(), number(ttl));
            names = Some(HashMap::from([("#ttl".to_owned(), schema::TTL.to_owned())]));
        }
        let call = self.meter().begin();
        let answer = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key_item(spend.key)))
            .condition_expression(condition)
            .update_expression(update)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                call.finish(Units::Write, &answer.consumed_capacity);
                Ok(Attempt::Taken(answer.attributes.unwrap_or_default()))
            }
            Err(SdkError::ServiceError(error)) => match error.err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    call.finish_refused(1);
                    Ok(Attempt::Refused(failed.item().filter(|item| !item.is_empty()).cloned()))
                }
                UpdateItemError::TransactionConflictException(_) => Ok(Attempt::Conflict),
                _ => Err(store_error(&SdkError::ServiceError(error))),
            },
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Takes a token from the bucket of a subject (an IP address, a session).
    ///
    /// # Errors
    /// When the table does not answer: the request must then not be let through.
    pub async fn spend_bucket(
        &self,
        group: &str,
        subject: &str,
        limit: u32,
        now: Timestamp,
        expected: Interval,
    ) -> Result<Result<Allowance, Allowance>, StoreError> {
        let key = Key::limit(group, subject);
        let ttl = now.plus_seconds(INTERVAL_SECONDS * 2).seconds();
        let spend = Spend { key: &key, limit, now, condition: None, assignments: None, ttl: Some(ttl) };
        let bucket = |item: Item| read::<TokenBucket>(item).map(|bucket| bucket.allowance(limit, now));
        match self.spend(&spend, expected).await? {
            Spent::Taken(item) => bucket(item).map(Ok),
            Spent::Empty(item) => bucket(item).map(Err),
            Spent::Refused(_) => Err(StoreError::Fault("a bucket without a condition was refused".to_owned())),
        }
    }
}
