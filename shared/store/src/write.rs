//! One write of a transaction: what is done to an item, on which conditions, and what a refusal means.
//!
//! A write says `put`, `update`, `delete` or `check`, then its conditions, which must all hold of the item as it is, and
//! then, where the usual meaning does not fit, [`Write::refused_as`].

use crate::db::{Item, StoreError, key_item};
use crate::schema::{self, Key};
use anyspend_domain::Timestamp;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use std::collections::HashMap;

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

/// What an update does to the attributes of an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Set to these values.
    pub(crate) set: Item,
    /// Taken away.
    pub(crate) remove: Vec<String>,
    /// Counted up or down; a counter that is absent is 0.
    pub(crate) add: Vec<(&'static str, i64)>,
}

impl Changes {
    /// Sets attributes.
    pub(crate) fn set(set: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Self {
        let set = set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { set, ..Self::default() }
    }

    /// Turns one state of a row into another, and leaves alone what both have.
    pub(crate) fn between(was: &Item, is: Item) -> Self {
        let remove = was.keys().filter(|name| !is.contains_key(*name)).cloned().collect();
        let set = is.into_iter().filter(|(name, value)| was.get(name) != Some(value)).collect();
        Self { set, remove, add: Vec::new() }
    }

    /// The same, and counts.
    pub(crate) fn adding(self, add: impl IntoIterator<Item = (&'static str, i64)>) -> Self {
        Self { add: add.into_iter().collect(), ..self }
    }
}

#[derive(Debug, Clone)]
enum Action {
    Put(Item),
    Update(Key, Changes),
    Delete(Key),
    Check(Key),
}

/// What must hold of an attribute.
#[derive(Debug, Clone)]
enum Condition {
    Absent(&'static str),
    Exists(&'static str),
    /// An operator between attribute and value.
    Is(&'static str, &'static str, AttributeValue),
    Contains(&'static str, AttributeValue),
    /// The first attribute is absent, or the second one compares.
    AbsentOr(&'static str, (&'static str, &'static str, AttributeValue)),
}

/// One write of a transaction, with its conditions.
#[derive(Debug, Clone)]
pub struct Write {
    action: Action,
    conditions: Vec<Condition>,
    pub(crate) refusal: Refusal,
}

impl Write {
    const fn new(action: Action) -> Self {
        Self { action, conditions: Vec::new(), refusal: Refusal::Changed }
    }

    /// Stores an item. Without a condition, for rows that a guarded row of the same transaction protects.
    pub(crate) const fn put(item: Item) -> Self {
        Self::new(Action::Put(item))
    }

    /// Changes attributes of an item, which is made if it is not there.
    pub(crate) const fn update(key: Key, changes: Changes) -> Self {
        Self::new(Action::Update(key, changes))
    }

    /// Deletes an item if it is there.
    pub(crate) const fn delete(key: Key) -> Self {
        Self::new(Action::Delete(key))
    }

    /// Demands the conditions of an item, without changing it.
    pub(crate) const fn check(key: Key) -> Self {
        Self::new(Action::Check(key))
    }

    fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Only if there is no such item; otherwise it is [`Refusal::Taken`].
    pub(crate) fn if_new(self) -> Self {
        self.when(Condition::Absent(schema::PK)).refused_as(Refusal::Taken)
    }

    /// Only if there is no such item, or it has expired; otherwise it is [`Refusal::Taken`].
    pub(crate) fn if_new_or_expired(self, now: Timestamp) -> Self {
        self.when(Condition::AbsentOr(schema::PK, ("expires_at", "<=", number(now.millis()))))
            .refused_as(Refusal::Taken)
    }

    /// Only if the item is there.
    pub(crate) fn if_exists(self) -> Self {
        self.when(Condition::Exists(schema::PK))
    }

    /// Only if the item is at this version.
    pub(crate) fn at_version(self, version: u64) -> Self {
        self.where_is("version", number(version))
    }

    /// Only if the object has this id: for objects that are found by something another one may have after them.
    pub(crate) fn of_id(self, id: &str) -> Self {
        self.where_is("id", AttributeValue::S(id.to_owned()))
    }

    /// Only if an attribute is as it was seen.
    pub(crate) fn where_is(self, attribute: &'static str, value: AttributeValue) -> Self {
        self.when(Condition::Is(attribute, "=", value))
    }

    /// Only if there is no such item, or an attribute of it is as it was seen.
    pub(crate) fn where_absent_or_is(self, attribute: &'static str, value: AttributeValue) -> Self {
        self.when(Condition::AbsentOr(attribute, (attribute, "=", value)))
    }

    /// Only if an attribute is absent.
    pub(crate) fn where_absent(self, attribute: &'static str) -> Self {
        self.when(Condition::Absent(attribute))
    }

    /// Only if an attribute has a value among its elements.
    pub(crate) fn where_contains(self, attribute: &'static str, value: &str) -> Self {
        self.when(Condition::Contains(attribute, AttributeValue::S(value.to_owned())))
    }

    /// Only if a counter is there and below `limit` before.
    pub(crate) fn while_below(self, counter: &'static str, limit: u64) -> Self {
        self.when(Condition::Is(counter, "<", number(limit)))
    }

    /// Only if a counter is below `limit` before; one that is absent is 0.
    pub(crate) fn while_absent_or_below(self, counter: &'static str, limit: u64) -> Self {
        self.when(Condition::AbsentOr(counter, (counter, "<", number(limit))))
    }

    /// Only if a moment has not come, where there is one.
    pub(crate) fn before(self, moment: &'static str, now: Timestamp) -> Self {
        self.when(Condition::AbsentOr(moment, (moment, ">", number(now.millis()))))
    }

    /// The same, with what a refusal means to the operation.
    pub(crate) const fn refused_as(mut self, refusal: Refusal) -> Self {
        self.refusal = refusal;
        self
    }

    pub(crate) fn into_sdk(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let mut expression = Expression::default();
        let condition = expression.conditions(self.conditions);
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let fault = |error: BuildError| StoreError::Fault(error.to_string());
        let item = TransactWriteItem::builder();
        let item = match self.action {
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
            Action::Update(key, changes) => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key)))
                    .update_expression(expression.update(changes))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(old)
                    .build()
                    .map_err(fault)?,
            ),
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
        };
        Ok(item.build())
    }

    /// What a put stores.
    #[cfg(test)]
    pub(crate) fn stored(&self) -> Option<&Item> {
        match &self.action {
            Action::Put(item) => Some(item),
            _ => None,
        }
    }
}

/// A number as it is stored.
pub(crate) fn number(value: impl Copy + ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Collects the names and values of one write's expressions.
#[derive(Debug, Default)]
struct Expression {
    names: HashMap<String, String>,
    values: Item,
}

impl Expression {
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// Sets the value beside an attribute; the same attribute may have one in an update and another in a condition.
    fn value(&mut self, prefix: &str, attribute: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{prefix}{attribute}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn conditions(&mut self, conditions: Vec<Condition>) -> Option<String> {
        let conditions: Vec<String> = conditions.into_iter().map(|condition| self.condition(condition)).collect();
        (!conditions.is_empty()).then(|| conditions.join(" AND "))
    }

    fn condition(&mut self, condition: Condition) -> String {
        match condition {
            Condition::Absent(attribute) => format!("attribute_not_exists({})", self.name(attribute)),
            Condition::Exists(attribute) => format!("attribute_exists({})", self.name(attribute)),
            Condition::Is(attribute, operator, value) => {
                format!("{} {operator} {}", self.name(attribute), self.value("if_", attribute, value))
            }
            Condition::Contains(attribute, value) => {
                format!("contains({}, {})", self.name(attribute), self.value("if_", attribute, value))
            }
            Condition::AbsentOr(absent, (attribute, operator, value)) => {
                let absent = self.condition(Condition::Absent(absent));
                format!("({absent} OR {})", self.condition(Condition::Is(attribute, operator, value)))
            }
        }
    }

    fn update(&mut self, Changes { set, remove, add }: Changes) -> String {
        let clause = |expression: &mut Self, attribute: &str, sign: &str, value| {
            format!("{}{sign} {}", expression.name(attribute), expression.value("", attribute, value))
        };
        let set = set.into_iter().map(|(attribute, value)| clause(self, &attribute, " =", value)).collect::<Vec<_>>();
        let remove = remove.iter().map(|attribute| self.name(attribute)).collect::<Vec<_>>();
        let add = add.into_iter().map(|(attribute, by)| clause(self, attribute, "", number(by))).collect::<Vec<_>>();
        let clauses = [("SET", set), ("REMOVE", remove), ("ADD", add)].into_iter();
        let clauses = clauses.filter(|(_, parts)| !parts.is_empty());
        clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect::<Vec<_>>().join(" ")
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::probe()
    }

    #[test]
    fn conditions_are_joined_and_those_of_two_branches_are_set_apart() {
        let now = Timestamp::from_millis(7).unwrap();
        let write = Write::check(key()).where_contains("permissions", "admin").where_absent("revoked_at");
        let check = write.before("expires_at", now).into_sdk("t").unwrap().condition_check.unwrap();
        assert_eq!(
            check.condition_expression(),
            "contains(#permissions, :if_permissions) AND attribute_not_exists(#revoked_at) \
             AND (attribute_not_exists(#expires_at) OR #expires_at > :if_expires_at)"
        );
        assert_eq!(check.expression_attribute_values().unwrap()[":if_expires_at"], number(7));
        assert_eq!(Write::delete(key()).into_sdk("t").unwrap().delete.unwrap().condition_expression(), None);
    }

    #[test]
    fn a_change_between_two_rows_touches_only_what_differs() {
        let item = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), number(*n))).collect();
        let was: Item = item(&[("same", 1), ("changed", 1), ("gone", 1)]);
        let changes = Changes::between(&was, item(&[("same", 1), ("changed", 2), ("new", 3)]));
        assert_eq!(changes.set, item(&[("changed", 2), ("new", 3)]));
        assert_eq!(changes.remove, ["gone"]);
        let update = Write::update(key(), changes.adding([("uses", -1)])).at_version(4).into_sdk("t").unwrap();
        let update = update.update.unwrap();
        assert!(update.update_expression().ends_with("REMOVE #gone ADD #uses :uses"));
        assert_eq!(update.condition_expression(), Some("#version = :if_version"));
        assert_eq!(update.expression_attribute_values().unwrap()[":uses"], number(-1));
    }
}
