//! What a checkout session may be and become: one buyer's attempt to pay, on terms that no longer change.
//!
//! ```text
//! open ──► processing ──► completed
//!  │ ▲          │ │
//!  │ └──────────┘ └─────► failed
//!  ├──► expired
//!  └──► failed
//! ```

pub use crate::bounds::Bounds;

pub use super::opening::{DEFAULT_LIFETIME, MAX_LIFETIME, MIN_LIFETIME, NewCheckoutSession, Source};

use crate::buyer::Buyer;
use crate::link_form::ShippingOption;
use crate::text::{ClientReference, UtmTag};
use crate::transaction::TxHash;
use crate::values::is_default;
use crate::values::named::named;
use crate::web_url::WebUrl;
use crate::{
    Address, Amount, CheckoutSessionId, Code, CustomerId, DiscountCodeId, Metadata, Owner, PaymentLinkId, Problem,
    ProductId, Rejection, Sealed, Timestamp,
};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// What was stored of a session's progress. Time moves it on without a write: ask [`CheckoutSession::status`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    /// Waiting for a payment.
    Open,
    /// A payment was submitted and is not final.
    Processing,
    /// Paid.
    Completed,
    /// Nobody paid in time, or the merchant ended it.
    Expired,
    /// It can no longer be paid.
    Failed,
}

named!(Status);

impl Status {
    /// The state machine, and nothing else.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open, Self::Processing | Self::Expired | Self::Failed)
                | (Self::Processing, Self::Completed | Self::Failed | Self::Open)
        )
    }
}

/// Where the buyer came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// `utm_source`
    pub source: Option<UtmTag>,
    /// `utm_medium`
    pub medium: Option<UtmTag>,
    /// `utm_campaign`
    pub campaign: Option<UtmTag>,
}

/// A discount code applied to a session, with what it takes off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedDiscount {
    /// The code's record.
    pub id: DiscountCodeId,
    /// The code as it is written.
    pub code: String,
    /// What it takes off; `None` is nothing, where a percentage of a small price rounds down to that.
    pub amount: Option<Amount>,
}

/// Why a failed session failed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailureReason {
    /// Its link was deleted.
    LinkDeleted,
    /// Another payment took the link's last use; the money has arrived all the same.
    LinkUsedUp,
    /// The payment failed.
    PaymentFailed,
}

named!(FailureReason);

/// What a purchase is to the merchant: said when its session is opened, and the same ever after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Where the buyer goes after paying.
    pub success_url: Option<WebUrl>,
    /// Where the buyer goes instead of paying.
    pub cancel_url: Option<WebUrl>,
    /// Redirects that a page's address named and that were not the merchant's: left out, and said so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignored_urls: Vec<String>,
    /// The merchant's own name for this purchase.
    pub client_reference_id: Option<ClientReference>,
    /// Where the buyer came from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attribution: Attribution,
}

/// A checkout session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// `cs_…`; ends with its link's short code.
    pub id: CheckoutSessionId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// What was stored of its progress.
    #[serde(rename = "status")]
    pub stored_status: Status,
    /// The link it was opened from.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The product sold.
    pub product_id: Option<ProductId>,
    /// What is paid with.
    pub token_address: Address,
    /// Where it is paid.
    pub chain_id: u64,
    /// Who is paid.
    pub recipient_address: Address,
    /// The price, once it is known.
    pub amount: Option<Amount>,
    /// What the buyer may choose, where the price is not fixed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bounds: Bounds,
    /// The discount code applied.
    pub discount: Option<AppliedDiscount>,
    /// How goods are sent.
    pub shipping_option: Option<ShippingOption>,
    /// What is asked above what is owed, in the token's smallest unit, so that no other session of the same owner asks for
    /// the same amount: from 1 to [`crate::settlement::MOST_EXTRA`]. 0 where the chain is not followed, or where no amount
    /// of its own was free.
    #[serde(default, skip_serializing_if = "is_default")]
    pub extra: u64,
    /// Whether no amount of its own was free on a chain that is followed: then what is sent by hand could be anybody's, and
    /// is not asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_reference_only: bool,
    /// Transactions that were reported for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reports: u64,
    /// What has arrived so far; `None` is nothing.
    pub amount_received: Option<Amount>,
    /// What it is to the merchant.
    #[serde(flatten)]
    pub purchase: Purchase,
    /// The merchant's own notes.
    pub metadata: Option<Metadata>,
    /// Who buys.
    #[serde(default, skip_serializing_if = "is_default")]
    pub buyer: Sealed<Buyer>,
    /// Who paid, or says to pay.
    pub payer_address: Option<Address>,
    /// The paying transaction.
    pub tx_hash: Option<TxHash>,
    /// Who the payer is to the merchant.
    pub customer_id: Option<CustomerId>,
    /// Why it failed, where that was stored.
    pub failure: Option<FailureReason>,
    /// When it was paid.
    pub completed_at: Option<Timestamp>,
    /// When it can no longer be paid.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a write names the version it was decided on.
    pub version: u64,
}

impl CheckoutSession {
    /// What is owed: the price less the discount, plus shipping. `None` until the price is known; sums past 2^256 − 1 are
    /// refused before a session has them.
    pub fn amount_due(&self) -> Option<Amount> {
        self.due_at(self.amount?)
    }

    /// What the payer is asked for: what is owed, and the little more that tells this payment from others.
    pub fn amount_asked(&self) -> Option<Amount> {
        self.amount_due()?.checked_add_units(self.extra)
    }

    /// What is still to be paid: what was asked, or once something has arrived the rest of it; `None` while the price is
    /// not known, or when nothing is.
    pub fn amount_owed(&self) -> Option<Amount> {
        match self.amount_received {
            None => self.amount_asked(),
            Some(received) => {
                self.amount_due()?.checked_sub(received)?;
                self.amount_asked()?.checked_sub(received)
            }
        }
    }

    /// What is owed at this price. A discount leaves at least one unit.
    fn due_at(&self, price: Amount) -> Option<Amount> {
        let off = self.discount.as_ref().and_then(|discount| discount.amount);
        let discounted = off.map_or(price, |off| price.checked_sub(off).unwrap_or(Amount::ONE));
        self.shipping_option.as_ref().map_or(Some(discounted), |option| discounted.checked_add_cost(option.amount))
    }

    /// The price when `paid` arrives: one that is the buyer's choice is chosen by paying it.
    pub(crate) fn price_when_paid(&self, paid: Amount) -> Amount {
        self.amount.unwrap_or_else(|| {
            let cost = self.shipping_option.as_ref().map(|option| option.amount);
            let price = cost.map_or(Some(paid), |cost| paid.checked_sub_cost(cost)).unwrap_or(Amount::ONE);
            self.bounds.nearest(price)
        })
    }

    /// Marks a change at `now`.
    pub(crate) const fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.version += 1;
    }

    /// What the session is at `now`, whether or not any job has run: an open one expires by itself, and fails with
    /// the deletion of its link.
    pub fn status(&self, now: Timestamp, link_deleted_at: Option<Timestamp>) -> Status {
        status_at(self.stored_status, self.expires_at, now, link_deleted_at)
    }

    /// Whether an answer about it shows who the buyer is, and must not be kept in the clear.
    pub fn names_somebody(&self) -> bool {
        *self.buyer != Buyer::default()
    }

    /// Why a failed session failed: what was stored, or else the deletion of its link, by which an open one fails.
    pub fn failure_reason(&self, status: Status) -> Option<FailureReason> {
        (status == Status::Failed).then(|| self.failure.unwrap_or(FailureReason::LinkDeleted))
    }

    /// Puts a discount code on an open session, in the place of any other, or takes it off.
    ///
    /// # Errors
    /// `invalid_status_transition` when it is not open any more.
    pub fn apply_discount(
        &mut self,
        discount: Option<AppliedDiscount>,
        now: Timestamp,
        link_deleted_at: Option<Timestamp>,
    ) -> Result<(), Rejection> {
        let status = self.status(now, link_deleted_at);
        if status != Status::Open {
            let message =
                format!("Only an open checkout session takes a discount, and this one is {}.", status.as_str());
            return Err(Problem::new(Code::InvalidStatusTransition, message).into());
        }
        self.discount = discount;
        self.touch(now);
        Ok(())
    }

    /// Ends an open session on the merchant's word.
    ///
    /// # Errors
    /// `invalid_status_transition` when it is not open any more.
    pub fn expire(&mut self, now: Timestamp, link_deleted_at: Option<Timestamp>) -> Result<(), Rejection> {
        let status = self.status(now, link_deleted_at);
        if !status.may_become(Status::Expired) {
            let message = format!("Only an open checkout session can be expired, and this one is {}.", status.as_str());
            return Err(Problem::new(Code::InvalidStatusTransition, message).into());
        }
        self.stored_status = Status::Expired;
        self.touch(now);
        Ok(())
    }

    /// Takes down how time, or the deletion of its link, has ended an open session: what it has been since then is what it
    /// says itself from now on. `false` when nothing has ended it.
    pub fn end(&mut self, now: Timestamp, link_deleted_at: Option<Timestamp>) -> bool {
        let status = self.status(now, link_deleted_at);
        if status == self.stored_status {
            return false;
        }
        if status == Status::Failed {
            self.failure = Some(FailureReason::LinkDeleted);
        }
        self.stored_status = status;
        let ended_at = link_deleted_at.filter(|_| status == Status::Failed).unwrap_or(self.expires_at);
        self.touch(ended_at.max(self.updated_at));
        true
    }

    /// Opens a session again whose payment came to nothing or did not suffice; one whose link was deleted meanwhile has
    /// failed with it.
    pub(crate) fn reopen(&mut self, link_deleted_at: Option<Timestamp>) {
        self.stored_status = Status::Open;
        if link_deleted_at.is_some_and(|deleted| deleted < self.expires_at) {
            self.stored_status = Status::Failed;
            self.failure = Some(FailureReason::LinkDeleted);
        }
    }
}

/// The one rule of what a session's status is, for a whole session and for the slim row of a list alike.
pub fn status_at(stored: Status, expires_at: Timestamp, now: Timestamp, link_deleted_at: Option<Timestamp>) -> Status {
    match (stored, link_deleted_at) {
        // A link that was deleted after the session had expired changes nothing any more.
        (Status::Open, Some(deleted)) if deleted < expires_at => Status::Failed,
        (Status::Open, _) if now >= expires_at => Status::Expired,
        _ => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chains;

    #[test]
    fn completed_expired_and_failed_are_final() {
        for end in [Status::Completed, Status::Expired, Status::Failed] {
            assert!(Status::ALL.iter().all(|next| !end.may_become(*next)));
        }
        assert!(!Status::Open.may_become(Status::Completed), "nothing is completed without being seen on chain");
        assert!(Status::Processing.may_become(Status::Open) && !Status::Processing.may_become(Status::Expired));
    }

    #[test]
    fn an_open_session_ends_to_the_millisecond_and_by_what_came_first() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let status = |now, deleted: Option<u64>| status_at(Status::Open, at(1_000), at(now), deleted.map(at));
        assert_eq!(status(999, None), Status::Open);
        assert_eq!(status(1_000, None), Status::Expired);
        assert_eq!(status(999, Some(500)), Status::Failed);
        assert_eq!(status(2_000, Some(500)), Status::Failed);
        assert_eq!(status(2_000, Some(1_000)), Status::Expired);
        assert_eq!(status_at(Status::Completed, at(1_000), at(2_000), Some(at(1))), Status::Completed);
    }

    fn session(now: Timestamp) -> CheckoutSession {
        let address = |text| Some(Address::parse(text).unwrap());
        let request = NewCheckoutSession {
            token_address: address("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
            chain_id: Some(8453),
            recipient_address: address("0x1234567890abcdef1234567890abcdef12345678"),
            amount: Some(Amount::parse("7").unwrap()),
            expires_in: Some(MIN_LIFETIME),
            ..NewCheckoutSession::default()
        };
        let owner = Owner { org: crate::OrgId::generate(now), mode: crate::Mode::Test };
        let id = CheckoutSessionId::generate(now, &crate::ShortCode::none());
        CheckoutSession::open(id, owner, request, Source::Request, now, &Chains::default()).unwrap()
    }

    #[test]
    fn what_ended_a_session_is_taken_down_as_it_was_read_and_reads_the_same_ever_after() {
        let made_at = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        let after = |seconds| made_at.plus_seconds(seconds);
        for stored_status in Status::ALL.iter().copied() {
            for deleted in
                [None, Some(100), Some(MIN_LIFETIME - 1), Some(MIN_LIFETIME), Some(400)].map(|at| at.map(after))
            {
                for now in [0, 99, 100, MIN_LIFETIME - 1, MIN_LIFETIME, 400, 500].map(after) {
                    let mut taken_down = CheckoutSession { stored_status, ..session(made_at) };
                    // Nobody knows of a deletion before it happens.
                    let deleted = deleted.filter(|deleted| *deleted <= now);
                    let before = taken_down.clone();
                    let read = before.status(now, deleted);
                    assert_eq!(taken_down.end(now, deleted), read != stored_status);
                    assert_eq!(taken_down.stored_status, read);
                    assert_eq!(taken_down.failure_reason(read), before.failure_reason(read));
                    assert!(taken_down.updated_at >= before.updated_at && taken_down.updated_at <= now);
                    for later in [0, 1, 1_000].map(|seconds| now.plus_seconds(seconds)) {
                        assert_eq!(taken_down.status(later, deleted), before.status(later, deleted));
                    }
                }
            }
        }
    }

    #[test]
    fn a_session_that_opens_again_has_failed_if_its_link_was_deleted_in_time() {
        let made_at = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        for deleted in [None, Some(100), Some(MIN_LIFETIME)].map(|at| at.map(|at| made_at.plus_seconds(at))) {
            let mut session = CheckoutSession { stored_status: Status::Processing, ..session(made_at) };
            session.reopen(deleted);
            for now in [100, MIN_LIFETIME, 1_000].map(|seconds| made_at.plus_seconds(seconds)) {
                // What is stored says all of it, whether or not it is known that the link is gone.
                let read = status_at(Status::Open, session.expires_at, now, deleted);
                assert_eq!((session.status(now, None), session.status(now, deleted)), (read, read));
            }
        }
    }
}
