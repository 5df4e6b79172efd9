//! Money that has arrived and is nobody's: its record, and the way back to it once the payer says what it is for.

use super::asks::StoredAsk;
use crate::db::{Db, StoreError, read, row};
use crate::outbox::{self, OutboxEvent};
use crate::schema::{self, Key, asked_partition, unmatched_partition};
use crate::vault::Vault;
use crate::write::{Changes, number};
use crate::{Refusal, Write, transactions};
use anyspend_domain::matching::{Ask, Class, Scope};
use anyspend_domain::transaction::{Transaction, TxHash};
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::{Address, EventId, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most transfers of one token to one recipient that are recorded as nobody's in a day: an address that is busy with other
/// things must not flood its merchant.
pub const MOST_UNMATCHED_A_DAY: u64 = 50;
/// How many days the count of a day is kept.
const COUNT_KEPT_SECONDS: u64 = 2 * 86_400;
/// Of what is asked of a token for a recipient, how much is read to see who waits for a payment.
const ASKS_READ: u32 = 1_000;

#[derive(Debug, Serialize, Deserialize)]
struct StoredUnmatched {
    transaction_id: TransactionId,
}

#[derive(Debug, Deserialize)]
struct StoredCount {
    count: u64,
}

/// The writes that record a transfer as nobody's in a scope, and tell the merchant, once.
///
/// [`Refusal::Taken`] means that it is recorded already, [`Refusal::Claimed`] that it has paid a session after all, and
/// [`Refusal::Unsupported`] that the day has seen [`MOST_UNMATCHED_A_DAY`].
pub fn unmatched(
    transaction: &Transaction,
    scope: &Scope,
    now: Timestamp,
    vault: &impl Vault,
) -> Result<Vec<Write>, StoreError> {
    let Transaction { chain_id, tx_hash, log_index, .. } = transaction;
    let guard = Key::unmatched(*chain_id, tx_hash, *log_index, scope);
    let claim = Key::claim(*chain_id, tx_hash, *log_index, scope);
    let count = Key::unmatched_count(*chain_id, &transaction.token_address, &transaction.recipient_address, now);
    let kept = Changes::set([("ttl", number(now.seconds() + COUNT_KEPT_SECONDS))]).adding([("count", 1)]);
    let stored = StoredUnmatched { transaction_id: transaction.id.clone() };
    let mut writes = vec![
        Write::put(row(&guard, &stored)?).if_new(),
        Write::check(claim).where_absent(schema::PK).refused_as(Refusal::Claimed),
        Write::update(count, kept)
            .while_absent_or_below("count", MOST_UNMATCHED_A_DAY)
            .refused_as(Refusal::Unsupported),
    ];
    writes.extend(transactions::record(transaction, None, vault)?);
    writes.push(outbox::emit(&OutboxEvent {
        id: EventId::generate(now),
        owner: transaction.owner.clone(),
        event: WebhookEvent::PaymentException,
        transaction_id: Some(transaction.id.clone()),
        session_id: None,
        created_at: now,
    })?);
    Ok(writes)
}

/// The condition that a transfer is not recorded as nobody's, for a payment that makes a record of its own.
pub fn still_matched(chain_id: u64, hash: &TxHash, log_index: Option<u64>, scope: &Scope) -> Write {
    Write::check(Key::unmatched(chain_id, hash, log_index, scope)).where_absent(schema::PK)
}

impl Db {
    /// The record of a transfer that is nobody's in a scope, or was until it was tied to a session.
    pub async fn find_unmatched(
        &self,
        chain_id: u64,
        hash: &TxHash,
        log_index: Option<u64>,
        scope: &Scope,
    ) -> Result<Option<TransactionId>, StoreError> {
        let found: Option<StoredUnmatched> = self.find(&Key::unmatched(chain_id, hash, log_index, scope)).await?;
        Ok(found.map(|unmatched| unmatched.transaction_id))
    }

    /// Whether anything of a transaction is recorded as nobody's in a scope.
    pub async fn is_unmatched(&self, chain_id: u64, hash: &TxHash, scope: &Scope) -> Result<bool, StoreError> {
        Ok(!self.first_of_partition(&unmatched_partition(chain_id, hash, scope), 1).await?.is_empty())
    }

    /// Which organizations, live and in test, had a session of this token and recipient that could be paid when a block
    /// was made. Of very many sessions, those that ask for the least are looked at.
    pub async fn scopes_waiting(
        &self,
        chain_id: u64,
        (token, recipient): (&Address, &Address),
        block_time: Timestamp,
    ) -> Result<BTreeSet<Scope>, StoreError> {
        let items = self.first_of_partition(&asked_partition(chain_id, token, recipient), ASKS_READ).await?;
        let asks: Vec<Ask> =
            items.into_iter().map(|item| read::<StoredAsk>(item).map(Ask::from)).collect::<Result<_, _>>()?;
        let could_be_paid = |ask: &&Ask| ask.scope.class() != Class::Quick && ask.could_be_paid_at(block_time);
        let waiting: Vec<&Ask> = asks.iter().filter(could_be_paid).collect();
        let paid = self.paid_among(waiting.iter().map(|ask| &ask.session)).await?;
        let unpaid = waiting.into_iter().filter(|ask| !paid.contains(ask.session.as_str()));
        Ok(unpaid.map(|ask| ask.scope.clone()).collect())
    }

    /// How many of a day's transfers to a recipient were recorded as nobody's.
    pub async fn unmatched_today(
        &self,
        chain_id: u64,
        (token, recipient): (&Address, &Address),
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let found: Option<StoredCount> = self.find(&Key::unmatched_count(chain_id, token, recipient, now)).await?;
        Ok(found.map_or(0, |stored| stored.count))
    }
}
