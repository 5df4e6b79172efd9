//! Facts: what happened to a payment link, one immutable row each, from which every statistic is counted.
//!
//! What must stay true: a fact is written once and never changed; its key says its bucket, its link and what it is, so
//! that one link's facts of a bucket are one `Query`, and all facts of a bucket are sixteen. A view is one plain
//! `PutItem` of at most 1 KB, because a page view may not cost more; sessions and completions are written in the
//! transaction of what they tell of, and so count exactly when it happened. A visit's row is the visitor's row. That it
//! led to a session is a row of its own behind it, written blindly: a visit that is gone, or was made up, then changes
//! nothing, and cannot fail the session.

use crate::Write;
use crate::db::{Db, StoreError, row, store_error};
use crate::meter::Units;
use crate::schema::Key;
use anyspend_domain::checkout_session::{Attribution, CheckoutSession, MAX_LIFETIME};
use anyspend_domain::statistics::{
    Bucket, Country, MAX_REFERRER_BYTES, MAX_USER_AGENT_BYTES, Visitor, VisitorHash, counted_tag, cut,
};
use anyspend_domain::{Amount, Mode, OrgId, Owner, Timestamp, TransactionId, VisitorId};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use serde::{Deserialize, Serialize};

/// What every fact carries, and what only some do.
#[derive(Debug, Serialize, Deserialize)]
struct StoredFact {
    org: OrgId,
    mode: Mode,
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    /// Of a view.
    visitor: Option<VisitorHash>,
    /// Of a view.
    country: Option<Country>,
    /// Of a view.
    referrer: Option<String>,
    /// Of a view.
    user_agent: Option<String>,
    /// Of a completion.
    amount: Option<Amount>,
    /// The same for all facts of a bucket.
    ttl: u64,
}

impl StoredFact {
    fn new(owner: &Owner, attribution: &Attribution, bucket: Bucket) -> Self {
        let tag = |tag| counted_tag(tag).map(str::to_owned);
        Self {
            org: owner.org.clone(),
            mode: owner.mode,
            source: tag(attribution.source.as_ref()),
            medium: tag(attribution.medium.as_ref()),
            campaign: tag(attribution.campaign.as_ref()),
            visitor: None,
            country: None,
            referrer: None,
            user_agent: None,
            amount: None,
            ttl: bucket.facts_expire_at().seconds(),
        }
    }
}

#[derive(Serialize)]
struct StoredStart {
    ttl: u64,
}

/// The write that counts a session as opened; none for a session of no link.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn session_opened(session: &CheckoutSession) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let fact = StoredFact::new(&session.owner, &session.attribution, Bucket::of(session.created_at));
    let key = Key::session_fact(&link.short_code(), &session.id, session.created_at);
    Ok(Some(Write::put(row(&key, &fact)?)))
}

/// The write that marks a visit as one that led to a session. None where the visit cannot have: it was of another
/// link, or not in the day before the session. Whether it took place at all is not asked: the mark of a visit that did
/// not is read by nobody, and expires.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn started_session(visitor: &VisitorId, session: &CheckoutSession) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let visited = visitor.made_at();
    let plausible = visited <= session.created_at && session.created_at <= visited.plus_seconds(MAX_LIFETIME);
    if visitor.short_code() != link.short_code() || !plausible {
        return Ok(None);
    }
    let mark = StoredStart { ttl: Bucket::of(visited).facts_expire_at().seconds() };
    Ok(Some(Write::put(row(&Key::visit_started(visitor), &mark)?)))
}

/// The write that counts a payment as completed at `at`; none for a session of no link. `amount` is what counts as the
/// link's volume, in the token's smallest unit.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn payment_completed(
    session: &CheckoutSession,
    transaction: &TransactionId,
    amount: Amount,
    at: Timestamp,
) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let mut fact = StoredFact::new(&session.owner, &session.attribution, Bucket::of(at));
    fact.amount = Some(amount);
    let key = Key::completed_fact(&link.short_code(), transaction, at);
    Ok(Some(Write::put(row(&key, &fact)?)))
}

impl Db {
    /// Records a visit: one plain write of one unit. Recording the same visit again changes nothing.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn record_view(&self, visitor: &Visitor) -> Result<(), StoreError> {
        let mut fact = StoredFact::new(&visitor.owner, &visitor.attribution, Bucket::of(visitor.visited_at()));
        fact.visitor = Some(visitor.hash.clone());
        fact.country.clone_from(&visitor.ip_country);
        fact.referrer = visitor.referrer.as_deref().map(|text| cut(text, MAX_REFERRER_BYTES).to_owned());
        fact.user_agent = visitor.user_agent.as_deref().map(|text| cut(text, MAX_USER_AGENT_BYTES).to_owned());
        let call = self.meter().begin();
        let answer = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(row(&Key::visit(&visitor.id), &fact)?))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Write, &answer.consumed_capacity);
        Ok(())
    }
}
