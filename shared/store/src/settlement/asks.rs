//! Which session asks for which amount, and since when organizations name a recipient.

use super::found_until;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::schema::{self, Key, asked_from, asked_partition};
use crate::vault::Vault;
use crate::{Refusal, Write};
use anyspend_domain::checkout_session::{CheckoutSession, Status};
use anyspend_domain::matching::{Ask, Asks, Class, Scope};
use anyspend_domain::settlement::{MOST_EXTRA, Transfer};
use anyspend_domain::{Address, Amount, CheckoutSessionId, OrgId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Distinct amounts of one question that are looked up one by one; for more, all that is asked of the pair is read once.
const AMOUNTS_LOOKED_UP: usize = 20;
/// Sessions of one bare price whose status is looked up, the youngest first. Those past it count as unpaid, so that the
/// price is nobody's rather than the wrong one's.
const STATUSES_LOOKED_UP: usize = 1_000;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredAsk {
    session_id: CheckoutSessionId,
    scope: Scope,
    asked: Amount,
    due: Amount,
    is_own: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid_in_part_by: Option<Address>,
    opened_at: Timestamp,
    /// From then on another session may take the amount.
    expires_at: Timestamp,
    ttl: u64,
}

/// As an earlier version stored it: one row an amount, whoever asked.
#[derive(Debug, Deserialize)]
struct StoredAskOf01 {
    session_id: CheckoutSessionId,
    expires_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredNamed {
    org: OrgId,
    since: Timestamp,
}

/// The write by which a session asks for what it is still owed. Where the amount is its own, [`crate::Refusal::Reserved`]
/// means that another session of its scope asks for the same. `None` while its price is not known.
pub fn ask(session: &CheckoutSession, now: Timestamp) -> Result<Option<Write>, StoreError> {
    let Some(ask) = Ask::of(session) else { return Ok(None) };
    let key = Key::asked_amount(session.chain_id, &session.token_address, &session.recipient_address, &ask);
    let is_own = ask.is_own;
    let stored = StoredAsk {
        session_id: ask.session,
        scope: ask.scope,
        asked: ask.asked,
        due: ask.due,
        is_own,
        paid_in_part_by: ask.paid_in_part_by,
        opened_at: ask.opened_at,
        expires_at: ask.held_until,
        ttl: found_until(session).seconds(),
    };
    let write = Write::put(row(&key, &stored)?);
    Ok(Some(if is_own { write.if_new_or_expired(now).refused_as(Refusal::Reserved) } else { write }))
}

/// The write that remembers since when an organization names a recipient, for one that was not remembered yet. Two of the
/// same organization at once differ by less than matters.
pub fn named(recipient: &Address, org: &OrgId, since: Timestamp) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::named_recipient(recipient, org), &StoredNamed { org: org.clone(), since })?))
}

impl From<StoredAsk> for Ask {
    fn from(stored: StoredAsk) -> Self {
        Self {
            session: stored.session_id,
            scope: stored.scope,
            asked: stored.asked,
            due: stored.due,
            is_own: stored.is_own,
            paid_in_part_by: stored.paid_in_part_by,
            opened_at: stored.opened_at,
            held_until: stored.expires_at,
            is_paid: false,
        }
    }
}

impl Db {
    /// Whether it is remembered since when an organization names a recipient.
    pub async fn is_named(&self, recipient: &Address, org: &OrgId) -> Result<bool, StoreError> {
        Ok(self.find::<StoredNamed>(&Key::named_recipient(recipient, org)).await?.is_some())
    }

    /// Everything that may say whose these transfers of a token to a recipient are, by their amounts.
    pub async fn asks_for(
        &self,
        chain_id: u64,
        (token, recipient): (&Address, &Address),
        transfers: &[&Transfer],
        vault: &impl Vault,
    ) -> Result<Asks, StoreError> {
        let amounts: BTreeSet<Amount> = transfers.iter().map(|transfer| transfer.amount).collect();
        let mut asks = self.asks_near(&asked_partition(chain_id, token, recipient), &amounts).await?;
        asks.extend(self.asks_of_0_1(chain_id, (token, recipient), &amounts, vault).await?);
        // What is neither asked for nor due fits no transfer.
        asks.retain(|ask| (ask.is_own && amounts.contains(&ask.asked)) || amounts.contains(&ask.due));
        self.mark_paid(&mut asks, &amounts).await?;
        let named = self.named_by(recipient, &asks).await?;
        Ok(Asks { asks, named })
    }

    async fn asks_near(&self, partition: &str, amounts: &BTreeSet<Amount>) -> Result<Vec<Ask>, StoreError> {
        if amounts.len() > AMOUNTS_LOOKED_UP {
            let items = self.partition(partition).await?;
            return items.into_iter().map(|item| Ok(read::<StoredAsk>(item)?.into())).collect();
        }
        let mut found: HashMap<String, Item> = HashMap::new();
        for amount in amounts {
            // Whoever is due this much asks for at most so much more.
            let last = amount.checked_add_units(MOST_EXTRA + 1).unwrap_or(Amount::MAX);
            let query = self.query_between(partition, &asked_from(*amount), &asked_from(last));
            for item in self.query_all(query).await? {
                found.insert(string(&item, schema::SK).to_owned(), item);
            }
        }
        found.into_values().map(|item| Ok(read::<StoredAsk>(item)?.into())).collect()
    }

    /// What sessions ask for that were opened before an earlier version was replaced. Their rows are gone within days.
    async fn asks_of_0_1(
        &self,
        chain_id: u64,
        (token, recipient): (&Address, &Address),
        amounts: &BTreeSet<Amount>,
        vault: &impl Vault,
    ) -> Result<Vec<Ask>, StoreError> {
        let keys: Vec<Key> =
            amounts.iter().map(|amount| Key::asked_amount_of_0_1(chain_id, token, recipient, *amount)).collect();
        let mut asks = Vec::new();
        for item in self.batch_get_consistent(&keys).await? {
            let amount = string(&item, schema::PK).rsplit('#').next().and_then(|text| Amount::parse(text).ok());
            let stored: StoredAskOf01 = read(item)?;
            let session = self.find_checkout_session(&stored.session_id, vault).await?;
            let (Some(asked), Some(session)) = (amount, session) else { continue };
            asks.push(Ask {
                scope: Scope::of(&session),
                session: session.id,
                asked,
                due: asked,
                // Its page asked for just this, and for the bare price where it was the first.
                is_own: true,
                paid_in_part_by: None,
                opened_at: session.created_at,
                held_until: stored.expires_at,
                is_paid: false,
            });
        }
        Ok(asks)
    }

    /// Which of the sessions that a bare price may mean are paid: those mean it no more.
    async fn mark_paid(&self, asks: &mut [Ask], amounts: &BTreeSet<Amount>) -> Result<(), StoreError> {
        let may_be_meant = asks.iter().filter(|ask| amounts.contains(&ask.due)).map(|ask| &ask.session);
        let paid = self.paid_among(may_be_meant).await?;
        for ask in asks {
            ask.is_paid = paid.contains(ask.session.as_str());
        }
        Ok(())
    }

    /// Which of some sessions are paid.
    pub(super) async fn paid_among(
        &self,
        sessions: impl Iterator<Item = &CheckoutSessionId>,
    ) -> Result<HashSet<String>, StoreError> {
        let mut sessions: Vec<&CheckoutSessionId> = sessions.collect();
        sessions.sort_unstable_by(|one, other| other.as_str().cmp(one.as_str()));
        sessions.dedup();
        let keys: Vec<Key> = sessions.into_iter().take(STATUSES_LOOKED_UP).map(Key::checkout_session).collect();
        let rows = self.batch_get_consistent(&keys).await?;
        let paid = rows.iter().filter(|item| string(item, "status") == Status::Completed.as_str());
        Ok(paid.map(|item| string(item, "id").to_owned()).collect())
    }

    /// Since when organizations name the recipient; asked only where it matters.
    async fn named_by(&self, recipient: &Address, asks: &[Ask]) -> Result<HashMap<OrgId, Timestamp>, StoreError> {
        let live: HashSet<OrgId> = asks
            .iter()
            .filter(|ask| ask.scope.class() == Class::Live)
            .filter_map(|ask| ask.scope.organization())
            .collect();
        if live.len() < 2 {
            return Ok(HashMap::new());
        }
        let keys: Vec<Key> = live.iter().map(|org| Key::named_recipient(recipient, org)).collect();
        let rows = self.batch_get_consistent(&keys).await?;
        rows.into_iter().map(|item| read::<StoredNamed>(item).map(|named| (named.org, named.since))).collect()
    }
}
