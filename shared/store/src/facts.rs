//! Facts: what happened to a payment link, one immutable row each, from which every statistic is counted.
//!
//! What must stay true: a fact is written once and never changed (a view alone may be taken back, by the very request that
//! wrote it, long before its bucket is closed); its key says its bucket, its link and what it is, so
//! that one link's facts of a bucket are one `Query`, and all facts of a bucket are sixteen. A view is one plain
//! `PutItem` of at most 1 KB, because a page view may not cost more; sessions and completions are written in the
//! transaction of what they tell of, and so count exactly when it happened. A visit's row is the visitor's row. That it
//! led to a session is a row of its own behind it, written blindly: a visit that is gone, or was made up, then changes
//! nothing, and cannot fail the session.

use crate::Write;
use crate::db::{Db, Item, StoreError, key_item, read, row, string};
use crate::schema::{self, Key, STARTED_SUFFIX, fact_partition, facts_prefix, visits_prefix};
use crate::single::Expected;
use anyspend_domain::checkout_session::{Attribution, CheckoutSession, MAX_LIFETIME};
use anyspend_domain::statistics::{
    Country, Event, Fact, Gathered, MAX_REFERRER_BYTES, MAX_USER_AGENT_BYTES, TimeBucket, Visitor, VisitorHash,
    counted_tag, cut, shard,
};
use anyspend_domain::text::UtmTag;
use anyspend_domain::{Amount, Owner, PaymentLinkId, ShortCode, Timestamp, TransactionId, VisitorId};
use serde::{Deserialize, Serialize};

/// What every fact carries, and what only some do.
#[derive(Debug, Serialize, Deserialize)]
struct StoredFact {
    #[serde(flatten)]
    owner: Owner,
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
    fn new(owner: &Owner, attribution: &Attribution, bucket: TimeBucket) -> Self {
        let tag = |tag| counted_tag(tag).map(str::to_owned);
        Self {
            owner: owner.clone(),
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
pub fn session_opened(session: &CheckoutSession) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let fact = StoredFact::new(&session.owner, &session.purchase.attribution, TimeBucket::of(session.created_at));
    let key = Key::session_fact(&link.short_code(), &session.id, session.created_at);
    Ok(Some(Write::put(row(&key, &fact)?)))
}

/// The write that marks a visit as one that led to a session. None where the visit cannot have: it was of another
/// link, or not in the day before the session. Whether it took place at all is not asked: the mark of a visit that did
/// not is read by nobody, and expires.
pub fn started_session(visitor: &VisitorId, session: &CheckoutSession) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let visited = visitor.made_at();
    let plausible = visited <= session.created_at && session.created_at <= visited.plus_seconds(MAX_LIFETIME);
    if visitor.short_code() != link.short_code() || !plausible {
        return Ok(None);
    }
    let mark = StoredStart { ttl: TimeBucket::of(visited).facts_expire_at().seconds() };
    Ok(Some(Write::put(row(&Key::visit_started(visitor), &mark)?)))
}

/// The write that counts a payment as completed at `at`; none for a session of no link. `amount` is what counts as the
/// link's volume, in the token's smallest unit.
pub fn payment_completed(
    session: &CheckoutSession,
    transaction: &TransactionId,
    amount: Amount,
    at: Timestamp,
) -> Result<Option<Write>, StoreError> {
    let Some(link) = &session.payment_link_id else { return Ok(None) };
    let mut fact = StoredFact::new(&session.owner, &session.purchase.attribution, TimeBucket::of(at));
    fact.amount = Some(amount);
    let key = Key::completed_fact(&link.short_code(), transaction, at);
    Ok(Some(Write::put(row(&key, &fact)?)))
}

impl Db {
    /// Records a visit: one plain write of one unit. Recording the same visit again changes nothing.
    pub async fn record_view(&self, visitor: &Visitor) -> Result<(), StoreError> {
        let mut fact = StoredFact::new(&visitor.owner, &visitor.attribution, TimeBucket::of(visitor.visited_at()));
        fact.visitor = Some(visitor.hash.clone());
        fact.country.clone_from(&visitor.ip_country);
        fact.referrer = visitor.referrer.as_deref().map(|text| cut(text, MAX_REFERRER_BYTES).to_owned());
        fact.user_agent = visitor.user_agent.as_deref().map(|text| cut(text, MAX_USER_AGENT_BYTES).to_owned());
        self.put_row(row(&Key::visit(&visitor.id), &fact)?, Expected::Anything).await.map(|_| ())
    }

    /// Takes back a visit recorded a moment ago, for a request that was refused after all.
    pub async fn forget_view(&self, id: &VisitorId) -> Result<(), StoreError> {
        self.delete_row(&Key::visit(id)).await
    }
}

/// What the sort key of a fact says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    View,
    Session,
    Completed,
}

/// The link and the kind of a fact's row; `None` for the marks between them, which are no facts.
fn link_and_kind(sk: &str) -> Option<(ShortCode, Kind)> {
    let mut parts = sk.split('#');
    let code = ShortCode::parse(parts.next()?)?;
    let kind = match parts.next()? {
        "view" => Kind::View,
        "session" => Kind::Session,
        "completed" => Kind::Completed,
        _ => return None,
    };
    (parts.count() == 1).then_some((code, kind))
}

fn fact(item: Item) -> Result<Option<(ShortCode, Fact)>, StoreError> {
    let Some((code, kind)) = link_and_kind(string(&item, schema::SK)) else { return Ok(None) };
    let stored: StoredFact = read(item)?;
    let event = match (kind, stored.visitor, stored.amount) {
        (Kind::View, Some(visitor), _) => Event::View(visitor),
        (Kind::Session, ..) => Event::Session,
        (Kind::Completed, _, Some(amount)) => Event::Completion(amount),
        _ => return Err(StoreError::Fault(format!("a fact of link {code} is incomplete"))),
    };
    Ok(Some((code, Fact { owner: stored.owner, tags: [stored.source, stored.medium, stored.campaign], event })))
}

fn visit(link: &PaymentLinkId, id: VisitorId, item: Item, started_session: bool) -> Result<Visitor, StoreError> {
    let stored: StoredFact = read(item)?;
    let tag = |tag: Option<String>| tag.and_then(|tag| UtmTag::parse(&tag).ok());
    let hash = stored.visitor.ok_or_else(|| StoreError::Fault(format!("{id} has no hash")))?;
    Ok(Visitor {
        id,
        owner: stored.owner,
        payment_link_id: link.clone(),
        ip_country: stored.country,
        referrer: stored.referrer,
        user_agent: stored.user_agent,
        attribution: Attribution {
            source: tag(stored.source),
            medium: tag(stored.medium),
            campaign: tag(stored.campaign),
        },
        hash,
        started_session,
    })
}

/// Where reading a shard goes on; only [`Db::facts_of_shard`] looks into it.
#[derive(Debug, Clone)]
pub struct FactCursor(Item);

/// Part of a shard's facts.
#[derive(Debug)]
pub struct FactPage {
    /// The facts, those of one link together.
    pub facts: Vec<(ShortCode, Fact)>,
    /// Where the next part begins, if there is one.
    pub onward: Option<FactCursor>,
}

impl Db {
    /// Part of the facts of a bucket and a shard, which hold the whole facts of some links, link by link.
    pub async fn facts_of_shard(
        &self,
        bucket: TimeBucket,
        shard: u8,
        from: Option<FactCursor>,
    ) -> Result<FactPage, StoreError> {
        let query = self.query_of(&fact_partition(bucket, shard));
        let (items, onward) = self.query_page_from(query, from.map(|onward| onward.0)).await?;
        let facts = items.into_iter().map(fact).filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(FactPage { facts, onward: onward.map(FactCursor) })
    }

    /// The facts of a link and a bucket, gathered.
    pub async fn facts_of_link(&self, code: &ShortCode, bucket: TimeBucket) -> Result<Gathered, StoreError> {
        let query = self.query_beginning(&fact_partition(bucket, shard(code)), &facts_prefix(code));
        let mut gathered = Gathered::default();
        for item in self.query_all(query).await? {
            if let Some((_, fact)) = fact(item)? {
                gathered.take(&fact);
            }
        }
        Ok(gathered)
    }

    /// At most `most` visits of a link in a bucket, newest first, from the one before `before` on.
    pub async fn visits(
        &self,
        link: &PaymentLinkId,
        bucket: TimeBucket,
        before: Option<&VisitorId>,
        most: usize,
        consistent: bool,
    ) -> Result<Vec<Visitor>, StoreError> {
        let code = link.short_code();
        let query = self
            .query_beginning(&fact_partition(bucket, shard(&code)), &visits_prefix(&code))
            .consistent_read(consistent)
            .scan_index_forward(false);
        let mut visits = Vec::new();
        let mut from = before.map(|id| key_item(&Key::visit(id)));
        // Newest first, a visit's mark comes before the visit itself.
        let mut marked: Option<String> = None;
        while visits.len() < most {
            // Each visit may have a mark.
            let limit = i32::try_from((most - visits.len()).saturating_mul(2)).unwrap_or(i32::MAX);
            let (items, next) = self.query_page_from(query.clone().limit(limit), from.take()).await?;
            for item in items {
                let sk = string(&item, schema::SK).to_owned();
                match sk.strip_suffix(STARTED_SUFFIX) {
                    Some(visit) => marked = Some(visit.to_owned()),
                    None if visits.len() < most => {
                        let id = sk.rsplit('#').next().and_then(VisitorId::parse);
                        let id = id.ok_or_else(|| StoreError::Fault(format!("'{sk}' is no visit")))?;
                        visits.push(visit(link, id, item, marked.as_deref() == Some(sk.as_str()))?);
                    }
                    None => {}
                }
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(visits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facts_key_says_what_it_is_and_a_mark_is_no_fact() {
        let id = VisitorId::generate(Timestamp::from_millis(1).unwrap(), &ShortCode::none());
        let (code, kind) = link_and_kind(&Key::visit(&id).sk).unwrap();
        assert_eq!((code, kind), (ShortCode::none(), Kind::View));
        assert_eq!(link_and_kind(&Key::visit_started(&id).sk), None);
        assert_eq!(link_and_kind("x"), None);
    }
}
