//! Discount codes: one row each, and behind it, in the same partition, one row for every session that holds a use of it.
//!
//! What must stay true: uses plus live reservations never pass `max_uses`. Reserving is conditioned on the count of
//! reservations ever made and on the merchant's version, so that of two sessions that see one use left, one gets it; using
//! turns a reservation into a use in the payment's own transaction, which leaves the sum as it was.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::{self, Columns, Facet, IdShape, ListId, ListRow, Sort, Suffix, keys};
use crate::schema::{self, Key};
use crate::write::{Changes, number};
use anyspend_domain::checkout_session::{AppliedDiscount, CheckoutSession, Status};
use anyspend_domain::discount_code::{CodeText, DiscountCode};
use anyspend_domain::{CheckoutSessionId, DiscountCodeId, Locator, Owner, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// How long the reservation of a payment that is being followed may outlive its session's time, in seconds: it is released
/// when the payment ends, and this is for one that never does.
const HELD_SECONDS: u64 = 30 * 86_400;
/// How long a lapsed reservation may stay before it is tidied away, in seconds.
const TIDY_SECONDS: u64 = 86_400;
/// A code's row: the code, and what only the store counts.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(flatten)]
    code: DiscountCode,
    /// Reservations ever made.
    reservations: u64,
    /// The batch it was made in.
    batch: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredReservation {
    discount_id: DiscountCodeId,
    expires_at: Timestamp,
    ttl: u64,
}

/// A code, and what sessions under way hold of it.
#[derive(Debug, Clone)]
pub struct FoundCode {
    /// The code.
    pub code: DiscountCode,
    /// Sessions that hold a use now, each with when it lapses.
    held: Vec<(String, Timestamp)>,
    reservations: u64,
}

impl FoundCode {
    /// Uses reserved at `now` by other sessions than `session`.
    pub fn reserved(&self, now: Timestamp, session: Option<&CheckoutSessionId>) -> u64 {
        let own = session.map(CheckoutSessionId::as_str);
        let live = self.held.iter().filter(|(holder, lapses)| now < *lapses && Some(holder.as_str()) != own);
        u64::try_from(live.count()).unwrap_or(u64::MAX)
    }
}

/// What lists know of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountCodeColumns {
    switched_on: bool,
}

impl DiscountCodeColumns {
    /// The columns of a code.
    pub const fn of(code: &DiscountCode) -> Self {
        Self { switched_on: code.active }
    }
}

/// The filters of lists of codes: by the merchant's switch, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "each says whether its codes are switched on")]
pub enum DiscountCodeFacet {
    #[default]
    All,
    Active,
    Inactive,
}

impl DiscountCodeFacet {
    /// The facet of the codes that are switched on, or off.
    pub const fn of(switched_on: bool) -> Self {
        if switched_on { Self::Active } else { Self::Inactive }
    }
}

impl Facet<DiscountCodeColumns> for DiscountCodeFacet {
    fn holds(self, code: &DiscountCodeColumns, _: Timestamp) -> bool {
        self == Self::All || self == Self::of(code.switched_on)
    }
}

/// The one order of lists of codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DiscountCodeSort {
    /// The order of creation.
    #[default]
    CreatedAt,
}

impl Sort<DiscountCodeColumns> for DiscountCodeSort {
    fn key(self, _: &DiscountCodeColumns, _: Timestamp) -> Vec<u8> {
        keys::created()
    }
}

impl Columns for DiscountCodeColumns {
    const OBJECT: &'static str = DiscountCodeId::OBJECT;
    const ID: IdShape = IdShape { prefix: DiscountCodeId::PREFIX, suffix: Suffix::Locator };
    type Facet = DiscountCodeFacet;
    type Sort = DiscountCodeSort;
    const SEARCHED: bool = false;
    const TELL_ALL: bool = false;
}

/// The writes that make a code, in a batch or by itself. [`crate::Refusal::Taken`] means that the owner has it already.
pub fn create(code: &DiscountCode, batch: Option<&str>) -> Result<Vec<Write>, StoreError> {
    let head = Head { code: code.clone(), reservations: 0, batch: batch.map(str::to_owned) };
    let mut writes = vec![Write::put(row(&Key::discount_code(&code.id.locator()), &head)?).if_new()];
    let (list, columns) = (ListId::all::<DiscountCodeColumns>(&code.owner), DiscountCodeColumns::of(code));
    writes.extend(list::changed(&list, code.id.as_str(), code.version, None, Some(&columns), code.created_at)?);
    Ok(writes)
}

/// The id of the code that stood in the way of a [`create`], if the same batch made it.
pub fn made_by_batch(old: Option<Item>, batch: &str) -> Result<Option<DiscountCode>, StoreError> {
    let Some(old) = old else { return Ok(None) };
    let head: Head = read(old)?;
    Ok((head.batch.as_deref() == Some(batch)).then_some(head.code))
}

/// The writes that change a code from what it was read as to what it is to be. They leave alone what sessions and payments
/// count, which changes neither the version nor anything that lists know.
pub fn update(was: &DiscountCode, code: &DiscountCode) -> Result<Vec<Write>, StoreError> {
    let key = Key::discount_code(&code.id.locator());
    let changes = Changes::between(&row(&key, was)?, row(&key, code)?);
    let id = code.id.as_str();
    let mut writes = vec![Write::update(key, changes).of_id(id).at_version(was.version)];
    let (before, columns) = (DiscountCodeColumns::of(was), DiscountCodeColumns::of(code));
    let list = ListId::all::<DiscountCodeColumns>(&code.owner);
    writes.extend(list::changed(&list, id, code.version, Some(&before), Some(&columns), code.updated_at)?);
    Ok(writes)
}

/// The writes that delete a code which is as it was read. Sessions that hold a use keep their price.
pub fn delete(code: &DiscountCode, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let (id, columns) = (code.id.as_str(), DiscountCodeColumns::of(code));
    let mut writes = vec![Write::delete(Key::discount_code(&code.id.locator())).of_id(id).at_version(code.version)];
    let list = ListId::all::<DiscountCodeColumns>(&code.owner);
    writes.extend(list::changed(&list, id, code.version + 1, Some(&columns), None, now)?);
    Ok(writes)
}

/// The write that counts a reservation, decided on the code as it was found; the session's own write makes it.
/// [`crate::Refusal::Changed`] means that another session or the merchant came first. A code without a limit needs none, so
/// that a popular code is no queue.
pub fn reserve(found: &FoundCode) -> Option<Write> {
    let code = &found.code;
    code.max_uses?;
    let seen = found.reservations;
    let counted = Changes::set([("reservations", number(seen.saturating_add(1)))]);
    let write = Write::update(Key::discount_code(&code.id.locator()), counted).at_version(code.version);
    Some(write.where_is("reservations", number(seen)))
}

fn hold(
    code: &DiscountCodeId,
    session: &CheckoutSessionId,
    lapses: Timestamp,
    tidied: Timestamp,
) -> Result<Write, StoreError> {
    let ttl = tidied.plus_seconds(TIDY_SECONDS).seconds();
    let reservation = StoredReservation { discount_id: code.clone(), expires_at: lapses, ttl };
    Ok(Write::put(row(&Key::discount_reservation(&code.locator(), session), &reservation)?))
}

/// The write that lets go of what a session holds of a code.
pub fn release(discount: &AppliedDiscount, session: &CheckoutSessionId) -> Write {
    Write::delete(Key::discount_reservation(&discount.id.locator(), session))
}

/// The write that keeps a session's reservation in step with the session: it lapses with an open session, is held while a
/// payment is followed, and ends with the session.
pub(crate) fn follow(session: &CheckoutSession) -> Result<Option<Write>, StoreError> {
    let Some(discount) = &session.discount else { return Ok(None) };
    Ok(Some(match session.stored_status {
        Status::Open => hold(&discount.id, &session.id, session.expires_at, session.expires_at)?,
        Status::Processing => {
            let held = session.updated_at.plus_seconds(HELD_SECONDS);
            hold(&discount.id, &session.id, held, held)?
        }
        Status::Completed | Status::Expired | Status::Failed => release(discount, &session.id),
    }))
}

/// The write that counts a use of a code that was there a moment ago. [`crate::Refusal::Changed`] means that it was deleted.
pub(crate) fn count_use(discount: &AppliedDiscount) -> Write {
    let counted = Changes::default().adding([("uses", 1)]);
    Write::update(Key::discount_code(&discount.id.locator()), counted).of_id(discount.id.as_str())
}

impl Db {
    /// The code a buyer typed, and what is held of it.
    pub async fn find_discount_code(&self, owner: &Owner, code: &CodeText) -> Result<Option<FoundCode>, StoreError> {
        let rows = self.partition(&schema::discount_partition(&code.locator(owner))).await?;
        let mut head: Option<Head> = None;
        let mut reservations: Vec<(String, StoredReservation)> = Vec::new();
        for item in rows {
            let sk = string(&item, schema::SK).to_owned();
            match sk.strip_prefix(schema::RESERVATION_PREFIX) {
                Some(session) => reservations.push((session.to_owned(), read(item)?)),
                None => head = Some(read(item)?),
            }
        }
        Ok(head.map(|head| FoundCode {
            // A code that was deleted and made again is another one: nothing of it is held yet.
            held: reservations
                .into_iter()
                .filter(|(_, reservation)| reservation.discount_id == head.code.id)
                .map(|(session, reservation)| (session, reservation.expires_at))
                .collect(),
            reservations: head.reservations,
            code: head.code,
        }))
    }

    /// The code with this id, whoever owns it.
    pub async fn find_discount_code_by_id(&self, id: &DiscountCodeId) -> Result<Option<DiscountCode>, StoreError> {
        Ok(self.discount_code_at(&id.locator()).await?.filter(|code| code.id == *id))
    }

    async fn discount_code_at(&self, locator: &Locator) -> Result<Option<DiscountCode>, StoreError> {
        self.find(&Key::discount_code(locator)).await
    }

    /// The whole codes of a page, in its order; what was deleted meanwhile is left out.
    pub async fn get_discount_codes(&self, page: &[ListRow]) -> Result<Vec<DiscountCode>, StoreError> {
        let key = |id: &str| DiscountCodeId::parse(id).map(|id| Key::discount_code(&id.locator()));
        self.get_page(page, key).await?.into_iter().map(read).collect()
    }
}
