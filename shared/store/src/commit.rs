//! The only write besides the rate limiter's: one `TransactWriteItems` with everything a fact changes.

use crate::db::{Db, Item, StoreError, describe, key_item, store_error};
use crate::meter::Units;
use crate::schema::{self, Key};
use anyspend_domain::{Timestamp, entropy};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use std::collections::HashMap;
use std::time::Duration;

/// Longest pause between two tries.
const CONFLICT_PAUSE_MILLIS: u64 = 400;

/// What a refused condition means to the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// An answer is kept for this idempotency key already. Outranks every other refusal.
    Answered,
    /// The unique value is taken.
    Taken,
    /// The object changed since it was read, or is gone.
    Changed,
    /// Another object this change relies on is no longer as it was.
    Unsupported,
    /// The transfer has paid a session already.
    Claimed,
    /// Another unpaid session of the recipient asks for this amount.
    Reserved,
}

/// What must hold of the item as it is for the write to happen.
#[derive(Debug, Clone)]
enum Guard {
    None,
    Absent,
    Exists,
    /// These attributes are as they were seen.
    Seen(Vec<(&'static str, AttributeValue)>),
    AbsentOrExpired(Timestamp),
    ActiveAdminKey(Timestamp),
    Below(&'static str, u64),
    PresentAndBelow(&'static str, u64),
}

#[derive(Debug, Clone)]
enum Action {
    Put(Item),
    /// Sets and removes attributes, and adds to counters; one that is absent is 0.
    Update {
        key: Key,
        set: Item,
        remove: Vec<&'static str>,
        add: Vec<(&'static str, i64)>,
    },
    Delete(Key),
    Check(Key),
}

impl Guard {
    fn version(version: u64) -> Self {
        Self::Seen(vec![("version", number(version))])
    }

    /// The object is this one, and not another of the same name.
    fn id(id: &str) -> Self {
        Self::Seen(vec![("id", AttributeValue::S(id.to_owned()))])
    }

    /// The object is this one, and at this version.
    fn same(id: &str, version: u64) -> Self {
        Self::Seen(vec![("id", AttributeValue::S(id.to_owned())), ("version", number(version))])
    }
}

impl Action {
    const fn setting(key: Key, set: Item) -> Self {
        Self::Update { key, set, remove: Vec::new(), add: Vec::new() }
    }
}

fn number(value: impl Copy + ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// One write of a transaction, with its condition.
#[derive(Debug, Clone)]
pub struct Write {
    action: Action,
    guard: Guard,
    refusal: Refusal,
}

impl Write {
    /// Stores an item that must not exist.
    pub(crate) const fn create(item: Item) -> Self {
        Self { action: Action::Put(item), guard: Guard::Absent, refusal: Refusal::Taken }
    }

    /// Claims a transfer that must not be claimed.
    pub(crate) const fn claim(item: Item) -> Self {
        Self { action: Action::Put(item), guard: Guard::Absent, refusal: Refusal::Claimed }
    }

    /// Reserves what nobody has reserved, or only until a moment that has passed.
    pub(crate) const fn reserve(item: Item, now: Timestamp) -> Self {
        Self { action: Action::Put(item), guard: Guard::AbsentOrExpired(now), refusal: Refusal::Reserved }
    }

    /// Counts one more of something at an item whose version and count are as they were seen.
    pub(crate) fn count_seen(key: Key, version: u64, (attribute, count): (&'static str, u64)) -> Self {
        let next = number(count.saturating_add(1));
        let set = Item::from([(attribute.to_owned(), next)]);
        let guard = Guard::Seen(vec![("version", number(version)), (attribute, number(count))]);
        Self { action: Action::setting(key, set), guard, refusal: Refusal::Changed }
    }

    /// Counts one more use of the discount code with this id.
    pub(crate) fn count_discount_use(key: Key, id: &str) -> Self {
        Self { guard: Guard::id(id), refusal: Refusal::Changed, ..Self::add(key, vec![("uses", 1)], Item::new()) }
    }

    /// Deletes an item that must be at `version`.
    pub(crate) fn delete_at_version(key: Key, version: u64) -> Self {
        Self { action: Action::Delete(key), guard: Guard::version(version), refusal: Refusal::Changed }
    }

    /// Stores an item, whatever was there. For rows that a guarded row of the same transaction protects.
    pub(crate) const fn put(item: Item) -> Self {
        Self { action: Action::Put(item), guard: Guard::None, refusal: Refusal::Changed }
    }

    /// Stores an idempotent answer where none is kept, or only one that has expired.
    pub(crate) const fn answer(item: Item, now: Timestamp) -> Self {
        Self { action: Action::Put(item), guard: Guard::AbsentOrExpired(now), refusal: Refusal::Answered }
    }

    /// Changes attributes of an item that must be at `version`.
    pub(crate) fn set_at_version(key: Key, version: u64, set: Item, remove: Vec<&'static str>) -> Self {
        let action = Action::Update { key, set, remove, add: Vec::new() };
        Self { action, guard: Guard::version(version), refusal: Refusal::Changed }
    }

    /// Stores an item in the place of one that must be at `version`.
    pub(crate) fn replace_at_version(item: Item, version: u64) -> Self {
        Self { action: Action::Put(item), guard: Guard::version(version), refusal: Refusal::Changed }
    }

    /// Stores an item in the place of one that must have this id and be at `version`. For objects that are found by
    /// something another object may have after them.
    pub(crate) fn replace_same(item: Item, id: &str, version: u64) -> Self {
        Self { action: Action::Put(item), guard: Guard::same(id, version), refusal: Refusal::Changed }
    }

    /// Changes attributes of an item that must have this id and be at `version`.
    pub(crate) fn set_same(key: Key, (id, version): (&str, u64), set: Item, remove: Vec<&'static str>) -> Self {
        let action = Action::Update { key, set, remove, add: Vec::new() };
        Self { action, guard: Guard::same(id, version), refusal: Refusal::Changed }
    }

    /// Deletes an item that must have this id and be at `version`.
    pub(crate) fn delete_same(key: Key, id: &str, version: u64) -> Self {
        Self { action: Action::Delete(key), guard: Guard::same(id, version), refusal: Refusal::Changed }
    }

    /// Changes attributes of an item that must exist.
    pub(crate) const fn set(key: Key, set: Item) -> Self {
        Self { action: Action::setting(key, set), guard: Guard::Exists, refusal: Refusal::Changed }
    }

    /// Deletes an item if it is there. For rows that a guarded row of the same transaction protects.
    pub(crate) const fn delete(key: Key) -> Self {
        Self { action: Action::Delete(key), guard: Guard::None, refusal: Refusal::Changed }
    }

    /// Deletes an item that must be there.
    pub(crate) const fn delete_existing(key: Key) -> Self {
        Self { action: Action::Delete(key), guard: Guard::Exists, refusal: Refusal::Changed }
    }

    /// Adds to counters of an item, and sets attributes beside them. A counter that is absent is 0.
    pub(crate) const fn add(key: Key, add: Vec<(&'static str, i64)>, set: Item) -> Self {
        let action = Action::Update { key, set, remove: Vec::new(), add };
        Self { action, guard: Guard::None, refusal: Refusal::Unsupported }
    }

    /// The same, if a counter is below `limit` before.
    #[must_use]
    pub(crate) fn while_below(self, counter: &'static str, limit: u64) -> Self {
        Self { guard: Guard::Below(counter, limit), ..self }
    }

    /// The same, if the counter is there and below `limit` before.
    #[must_use]
    pub(crate) fn while_present_and_below(self, counter: &'static str, limit: u64) -> Self {
        Self { guard: Guard::PresentAndBelow(counter, limit), ..self }
    }

    /// The same, if the item is at `version`.
    #[must_use]
    pub(crate) fn at_version(self, version: u64) -> Self {
        Self { guard: Guard::version(version), ..self }
    }

    /// The same, if the item is there.
    #[must_use]
    pub(crate) fn where_it_exists(self) -> Self {
        Self { guard: Guard::Exists, ..self }
    }

    /// The same, with what a refusal means to the operation.
    #[must_use]
    pub(crate) fn refused_as(self, refusal: Refusal) -> Self {
        Self { refusal, ..self }
    }

    /// Demands that an API key is an active administrator's, without changing it.
    pub(crate) const fn check_active_admin(key: Key, now: Timestamp) -> Self {
        Self { action: Action::Check(key), guard: Guard::ActiveAdminKey(now), refusal: Refusal::Unsupported }
    }

    fn into_sdk(self) -> Result<TransactWriteItem, StoreError> {
        let mut expression = Expression::default();
        let condition = expression.guard(&self.guard);
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let fault = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Fault(error.to_string());
        let item = TransactWriteItem::builder();
        let table = expression.table.clone();
        Ok(match self.action {
            Action::Put(attributes) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(attributes))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(old)
                    .build()
                    .map_err(fault)?,
            ),
            Action::Update { key, set, remove, add } => {
                let update = expression.update(set, &remove, &add);
                item.update(
                    Update::builder()
                        .table_name(table)
                        .set_key(Some(key_item(&key)))
                        .update_expression(update)
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(expression.names())
                        .set_expression_attribute_values(expression.values())
                        .return_values_on_condition_check_failure(old)
                        .build()
                        .map_err(fault)?,
                )
            }
            Action::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(fault)?,
            ),
            Action::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .build()
                    .map_err(fault)?,
            ),
        }
        .build())
    }
}

/// Collects the names and values of one write's expressions.
#[derive(Debug, Default)]
struct Expression {
    table: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Expression {
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn guard(&mut self, guard: &Guard) -> Option<String> {
        Some(match guard {
            Guard::None => return None,
            Guard::Absent => format!("attribute_not_exists({})", self.name(schema::PK)),
            Guard::Exists => format!("attribute_exists({})", self.name(schema::PK)),
            Guard::Seen(attributes) => {
                let mut equal = |(attribute, value): &(&'static str, AttributeValue)| {
                    let placeholder = format!(":seen_{attribute}");
                    self.values.insert(placeholder.clone(), value.clone());
                    format!("{} = {placeholder}", self.name(attribute))
                };
                attributes.iter().map(&mut equal).collect::<Vec<_>>().join(" AND ")
            }
            Guard::AbsentOrExpired(now) => {
                self.values.insert(":guard".to_owned(), AttributeValue::N(now.millis().to_string()));
                format!("attribute_not_exists({}) OR {} <= :guard", self.name(schema::PK), self.name("expires_at"))
            }
            Guard::Below(counter, limit) => {
                self.values.insert(":guard".to_owned(), AttributeValue::N(limit.to_string()));
                let counter = self.name(counter);
                format!("attribute_not_exists({counter}) OR {counter} < :guard")
            }
            Guard::PresentAndBelow(counter, limit) => {
                self.values.insert(":guard".to_owned(), AttributeValue::N(limit.to_string()));
                format!("{} < :guard", self.name(counter))
            }
            Guard::ActiveAdminKey(now) => {
                self.values.insert(":guard".to_owned(), AttributeValue::N(now.millis().to_string()));
                self.values.insert(":admin".to_owned(), AttributeValue::S("admin".to_owned()));
                let (expiry, revoked) = (self.name("expires_at"), self.name("revoked_at"));
                format!(
                    "contains({}, :admin) AND attribute_not_exists({revoked}) AND (attribute_not_exists({expiry}) OR {expiry} > :guard)",
                    self.name("permissions"),
                )
            }
        })
    }

    fn update(&mut self, set: Item, remove: &[&'static str], add: &[(&'static str, i64)]) -> String {
        let set = set.into_iter().map(|(attribute, value)| self.clause(&attribute, " =", value)).collect::<Vec<_>>();
        let remove = remove.iter().map(|attribute| self.name(attribute)).collect::<Vec<_>>();
        let add = add.iter().map(|(attribute, by)| self.clause(attribute, "", number(by))).collect::<Vec<_>>();
        let clauses = [("SET", set), ("REMOVE", remove), ("ADD", add)].into_iter();
        let clauses = clauses.filter(|(_, parts)| !parts.is_empty());
        clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect::<Vec<_>>().join(" ")
    }

    /// An attribute and its value, as an update names them.
    fn clause(&mut self, attribute: &str, sign: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{attribute}");
        self.values.insert(placeholder.clone(), value);
        format!("{}{sign} {placeholder}", self.name(attribute))
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// Why nothing was written.
#[derive(Debug)]
pub enum CommitError {
    /// A condition did not hold. `old` is the item that stood in the way, where there is one.
    Refused {
        /// What the condition was about.
        refusal: Refusal,
        /// The item as it is.
        old: Option<Item>,
    },
    /// The table did not answer, or a fault of ours. After [`StoreError::Unavailable`] the writes may or may not
    /// have happened: with an idempotency key, a retry finds out.
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Db {
    /// Writes everything or nothing.
    ///
    /// A transaction that meets another one on the same item is tried again after a pause, until the deadline of
    /// [`Db::until`]; the SDK's own retries of one try carry one client token, so a lost answer cannot make it happen
    /// twice.
    ///
    /// # Errors
    /// [`CommitError::Refused`] with the first refusal in rank, [`CommitError::Store`] otherwise.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let refusals: Vec<Refusal> = writes.iter().map(|write| write.refusal).collect();
        let items = writes
            .into_iter()
            .map(|write| write.into_sdk().map(|item| self.on_this_table(item)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut backoff = self.backoff();
        loop {
            let call = self.meter().begin();
            let answer = self
                .client()
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(entropy::base62(32))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await;
            let error = match answer {
                Ok(answer) => {
                    call.finish(Units::Write, answer.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            let reasons = match &error {
                SdkError::ServiceError(service) => match service.err() {
                    TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                        cancelled.cancellation_reasons()
                    }
                    _ => return Err(store_error(&error).into()),
                },
                _ => return Err(store_error(&error).into()),
            };
            call.finish_refused(u64::try_from(items.len()).unwrap_or(u64::MAX).saturating_mul(2));
            if let Some(refused) = first_refusal(reasons, &refusals) {
                return Err(refused);
            }
            let met_another = reasons.iter().any(|reason| {
                matches!(
                    reason.code(),
                    Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
                )
            });
            if !met_another {
                return Err(StoreError::Fault(describe(&error)).into());
            }
            if !backoff.pause().await {
                return Err(StoreError::Unavailable("the transaction kept meeting others".to_owned()).into());
            }
        }
    }

    /// The writes do not know the table's name until they are committed to one.
    fn on_this_table(&self, mut item: TransactWriteItem) -> TransactWriteItem {
        let table = self.table();
        if let Some(put) = &mut item.put {
            table.clone_into(&mut put.table_name);
        }
        if let Some(update) = &mut item.update {
            table.clone_into(&mut update.table_name);
        }
        if let Some(delete) = &mut item.delete {
            table.clone_into(&mut delete.table_name);
        }
        if let Some(check) = &mut item.condition_check {
            table.clone_into(&mut check.table_name);
        }
        item
    }
}

fn first_refusal(reasons: &[CancellationReason], refusals: &[Refusal]) -> Option<CommitError> {
    let refused = || {
        reasons
            .iter()
            .zip(refusals)
            .filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"))
            .map(|(reason, refusal)| CommitError::Refused { refusal: *refusal, old: reason.item().cloned() })
    };
    refused()
        .find(|refused| matches!(refused, CommitError::Refused { refusal: Refusal::Answered, .. }))
        .or_else(|| refused().next())
}

/// How long to wait before a try: longer with each, with jitter so that those who met do not meet again.
pub fn pause(attempt: u32) -> Duration {
    let ceiling = (10_u64 << attempt.min(6)).min(CONFLICT_PAUSE_MILLIS);
    let [random] = entropy::bytes::<1>();
    Duration::from_millis(ceiling / 2 + ceiling * u64::from(random) / 512)
}
