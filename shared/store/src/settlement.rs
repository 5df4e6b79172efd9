//! What settlement remembers: which amount is whose, whose transfers are watched, which transactions are followed, and how
//! far each chain was looked through.
//!
//! What must stay true: none of these rows decides anything about money. Lost, they cost a payment its discovery until it
//! is reported; kept too long, they cost a look. What completes a payment is the claim in the transaction of
//! [`crate::payments::writes`].

mod asks;
mod unmatched;

use crate::db::{Db, StoreError, read, row};
use crate::schema::{Key, follow_partition, watch_partition};
use crate::vault::Vault;
use crate::{Write, checkout_sessions, transactions};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::followed::Followed;
use anyspend_domain::matching::{Class, Scope};
use anyspend_domain::settlement::{LATE_WINDOW_SECONDS, WalletSignature};
use anyspend_domain::transaction::{Transaction, TxHash};
use anyspend_domain::{Address, CheckoutSessionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

pub use asks::{ask, named};
pub use unmatched::{MOST_UNMATCHED_A_DAY, still_matched, unmatched};

/// Until when payments for a session are found by themselves.
pub(crate) const fn found_until(session: &CheckoutSession) -> Timestamp {
    session.expires_at.plus_seconds(LATE_WINDOW_SECONDS)
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredWatch {
    /// Rows of an earlier version lack it, and may be anybody's.
    #[serde(default)]
    class: Class,
    token: Address,
    recipient: Address,
    until: Timestamp,
    ttl: u64,
}

/// The write by which transfers to a session's recipient are watched until its late window ends. Every session of a
/// recipient writes the same few rows, and a later one never shortens what an earlier one asked for.
pub fn watch(session: &CheckoutSession) -> Result<Write, StoreError> {
    use anyspend_domain::checkout_session::MAX_LIFETIME;
    let (token, recipient) = (session.token_address.clone(), session.recipient_address.clone());
    let class = Scope::of(session).class();
    let key = Key::watched_recipient(session.chain_id, class, (&token, &recipient), &session.id);
    // Not this session's own expiry: a short session must not cut off the longest one opened before it.
    let until = session.created_at.plus_seconds(MAX_LIFETIME + LATE_WINDOW_SECONDS);
    Ok(Write::put(row(&key, &StoredWatch { class, token, recipient, until, ttl: until.seconds() })?))
}

fn key(followed: &Followed) -> Key {
    Key::followed_transaction(followed.chain_id, &followed.tx_hash, &followed.session_id)
}

/// The write that begins to follow a transaction. [`crate::Refusal::Taken`] means that it is followed for this session
/// already.
pub fn follow(followed: &Followed) -> Result<Write, StoreError> {
    Ok(Write::put(row(&key(followed), followed)?).if_new())
}

/// The write that remembers the next state of a transaction that was read at `version`. Whoever else follows it at the
/// same moment is refused, with all that this write stands beside.
pub fn follow_on(followed: &Followed, version: u64) -> Result<Write, StoreError> {
    Ok(Write::put(row(&key(followed), followed)?).at_version(version))
}

/// The write that ends the following of a transaction that was read at its version.
pub fn unfollow(followed: &Followed) -> Write {
    Write::delete(key(followed)).at_version(followed.version)
}

/// The writes of a payer's report, which [`anyspend_domain::payment::report`] decided on the session `was`: from then on the transaction is followed. [`crate::Refusal::Taken`] means that it is followed for this session
/// already; then only the signature may be new, and [`sign`] adds it.
pub fn report(
    was: &CheckoutSession,
    session: &CheckoutSession,
    transaction: &Transaction,
    signature: Option<WalletSignature>,
    now: Timestamp,
    vault: &impl Vault,
) -> Result<Vec<Write>, StoreError> {
    let reported = Some(transaction.id.clone());
    let followed = Followed { signature, ..Followed::new(session, transaction.tx_hash.clone(), reported, now) };
    let mut writes = vec![follow(&followed)?];
    writes.extend(transactions::record(transaction, None, vault)?);
    writes.extend(checkout_sessions::update(was, session, vault)?);
    Ok(writes)
}

/// The writes of a report of money that has arrived and is nobody's, for the session that `was`: its record is there.
pub fn report_of_unmatched(
    was: &CheckoutSession,
    session: &CheckoutSession,
    hash: &TxHash,
    signature: Option<WalletSignature>,
    now: Timestamp,
    vault: &impl Vault,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![follow(&Followed { signature, ..Followed::new(session, hash.clone(), None, now) })?];
    writes.extend(checkout_sessions::update(was, session, vault)?);
    Ok(writes)
}

/// The write that adds the paying wallet's word to a transaction that is followed already.
pub fn sign(followed: &Followed, signature: WalletSignature) -> Result<Write, StoreError> {
    let next = Followed { signature: Some(signature), version: followed.version + 1, ..followed.clone() };
    follow_on(&next, followed.version)
}

/// A recipient whose transfers of a token are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// For whom: the first of the classes that watch the pair.
    pub class: Class,
    /// Which token.
    pub token: Address,
    /// To whom.
    pub recipient: Address,
}

/// How far a chain was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The chain.
    pub chain_id: u64,
    /// Every transfer up to this block, final by then, was looked at.
    pub scanned_to: u64,
    /// That block's hash. Should the chain have another one there later, what was final was not.
    pub scanned_hash: Option<TxHash>,
    /// The highest block there was.
    pub latest: u64,
    /// When that block says it was made.
    pub latest_time: Timestamp,
    /// When it was the highest.
    pub as_of: Timestamp,
    /// The last block that was searched to its end, whether it was final or not. Rows of an earlier version lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<SearchedTo>,
    /// Up to this block, what transactions themselves send of the chain's own coin was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coins_to: Option<u64>,
    /// How many things were given up: a pair in a block with more transfers than any endpoint tells, or a transfer whose
    /// transaction no endpoint knew for long.
    #[serde(default)]
    pub given_up: u64,
}

/// A block that was searched to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedTo {
    /// Which.
    pub block: u64,
    /// When it says it was made.
    pub time: Timestamp,
}

/// The write that remembers how far a chain was followed. Two that follow it at once may set each other back: then
/// blocks are looked at twice, which harms nothing.
pub fn progress(progress: &Progress) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::chain(progress.chain_id), progress)?))
}

impl Db {
    /// Whose transfers of which token are watched on a chain, each pair once: live organizations' first, then those of
    /// tests, then those of quick-pay links.
    pub async fn watched_recipients(&self, chain_id: u64, now: Timestamp) -> Result<Vec<Watched>, StoreError> {
        let rows = self.partition(&watch_partition(chain_id)).await?;
        let mut all = Vec::new();
        for item in rows {
            let StoredWatch { class, token, recipient, until, .. } = read(item)?;
            if until > now {
                all.push(Watched { class, token, recipient });
            }
        }
        // The sort is stable: within a class, pairs stay in the order of their keys.
        all.sort_by_key(|watched| watched.class);
        let mut seen = HashSet::new();
        all.retain(|watched| seen.insert((watched.token.lower_case(), watched.recipient.lower_case())));
        Ok(all)
    }

    /// Every transaction that is followed on a chain.
    pub async fn followed_transactions(&self, chain_id: u64) -> Result<Vec<Followed>, StoreError> {
        self.partition(&follow_partition(chain_id)).await?.into_iter().map(read).collect()
    }

    /// Whether a transfer has paid a session of a scope.
    pub async fn has_paid(
        &self,
        chain_id: u64,
        hash: &TxHash,
        log_index: Option<u64>,
        scope: &Scope,
    ) -> Result<bool, StoreError> {
        Ok(self.find::<serde::de::IgnoredAny>(&Key::claim(chain_id, hash, log_index, scope)).await?.is_some())
    }

    /// For which sessions a transaction is followed; of very many, the first two.
    pub async fn followers(&self, chain_id: u64, hash: &TxHash) -> Result<Vec<CheckoutSessionId>, StoreError> {
        let query = self.query_beginning(&follow_partition(chain_id), &format!("{hash}#")).limit(2);
        let rows = self.query_page(query).await?;
        rows.into_iter().map(|item| read::<Followed>(item).map(|followed| followed.session_id)).collect()
    }

    /// A transaction that is followed for a session.
    pub async fn find_followed(
        &self,
        chain_id: u64,
        hash: &TxHash,
        session: &CheckoutSessionId,
    ) -> Result<Option<Followed>, StoreError> {
        self.find(&Key::followed_transaction(chain_id, hash, session)).await
    }

    /// How far chains were followed, in the order asked for; chains nobody followed yet are left out.
    pub async fn progress_of(&self, chains: &[u64]) -> Result<Vec<Progress>, StoreError> {
        let keys: Vec<Key> = chains.iter().map(|&chain| Key::chain(chain)).collect();
        let mut found =
            self.batch_get_consistent(&keys).await?.into_iter().map(read).collect::<Result<Vec<Progress>, _>>()?;
        found.sort_by_key(|progress| chains.iter().position(|chain| *chain == progress.chain_id));
        Ok(found)
    }
}
