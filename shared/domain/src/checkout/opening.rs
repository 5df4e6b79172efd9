//! How a session is opened: what may be asked for, and what its terms are taken from.

use super::checkout_session::{Bounds, CheckoutSession, Purchase, Status};
use crate::buyer::Buyer;
use crate::chain::Chains;
use crate::link_form::ShippingOption;
use crate::metadata::MetadataPatch;
use crate::payment_link::{PaymentLink, recipient_problem, settlement_problems};
use crate::{
    Address, Amount, CheckoutSessionId, Code, Metadata, Owner, Patch, PaymentLinkId, Problem, ProductId, Rejection,
    Timestamp,
};

/// Shortest life of a session, in seconds.
pub const MIN_LIFETIME: u64 = 300;
/// Longest life of a session, in seconds.
pub const MAX_LIFETIME: u64 = 86_400;
/// Life of a session that does not say, in seconds.
pub const DEFAULT_LIFETIME: u64 = 1_800;

/// A session as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `CheckoutSession`")]
pub struct NewCheckoutSession {
    pub token_address: Option<Address>,
    pub chain_id: Option<u64>,
    pub recipient_address: Option<Address>,
    pub amount: Option<Amount>,
    pub product_id: Option<ProductId>,
    pub shipping_option: Option<ShippingOption>,
    pub purchase: Purchase,
    pub metadata: Option<MetadataPatch>,
    pub buyer: Buyer,
    /// Seconds.
    pub expires_in: Option<u64>,
}

/// What the session's terms are taken from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A link, whose terms it inherits as they are now.
    Link(&'a PaymentLink),
    /// The request itself.
    Request,
}

impl CheckoutSession {
    /// Opens a session.
    ///
    /// # Errors
    /// Every problem of the request at once; `payment_link_inactive` alone when the link takes no payments.
    pub fn open(
        id: CheckoutSessionId,
        owner: Owner,
        request: NewCheckoutSession,
        source: Source<'_>,
        now: Timestamp,
        chains: &Chains,
    ) -> Result<Self, Rejection> {
        let mut problems = Vec::new();
        let terms = match source {
            Source::Link(link) => Terms::of_link(link, &request, now, &mut problems),
            Source::Request => Terms::of_request(&request, &owner, chains, &mut problems),
        };
        let mut metadata = None;
        Metadata::apply(&mut metadata, request.metadata.map_or(Patch::Keep, Patch::Set));
        if metadata.as_ref().is_some_and(|metadata| metadata.pairs().len() > Metadata::MAX_KEYS) {
            problems.push(Problem::invalid("metadata", format!("must have at most {} keys", Metadata::MAX_KEYS)));
        }
        if let Source::Link(link) = source {
            metadata = Metadata::over(metadata, link.terms.metadata.as_ref());
        }
        Rejection::unless_empty(problems)?;
        let Some(terms) = terms else { return Err(Problem::missing("payment_link_id").into()) };
        let session = Self {
            id,
            owner,
            stored_status: Status::Open,
            payment_link_id: terms.payment_link_id,
            product_id: terms.product_id,
            token_address: terms.token_address,
            chain_id: terms.chain_id,
            recipient_address: terms.recipient_address,
            amount: terms.amount,
            bounds: terms.bounds,
            discount: None,
            shipping_option: request.shipping_option,
            extra: 0,
            by_reference_only: false,
            reports: 0,
            amount_received: None,
            purchase: request.purchase,
            metadata,
            buyer: request.buyer.into(),
            payer_address: None,
            tx_hash: None,
            customer_id: None,
            failure: None,
            completed_at: None,
            expires_at: now.plus_seconds(request.expires_in.unwrap_or(DEFAULT_LIFETIME)),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        if session.amount.is_some() && session.amount_due().is_none() {
            let must = "must leave the sum of price and shipping within 2^256-1";
            return Err(Problem::invalid("shipping_option_id", must).into());
        }
        Ok(session)
    }
}

/// What a session takes from its source.
struct Terms {
    payment_link_id: Option<PaymentLinkId>,
    product_id: Option<ProductId>,
    token_address: Address,
    chain_id: u64,
    recipient_address: Address,
    amount: Option<Amount>,
    bounds: Bounds,
}

impl Terms {
    fn of_link(
        link: &PaymentLink,
        request: &NewCheckoutSession,
        now: Timestamp,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if !link.is_active(now) {
            let message = "This payment link is not active: it was switched off, has expired, or is used up.";
            problems.push(Problem::new(Code::PaymentLinkInactive, message));
            return None;
        }
        let fixed_by_the_link = [
            ("token_address", request.token_address.is_some()),
            ("chain_id", request.chain_id.is_some()),
            ("recipient_address", request.recipient_address.is_some()),
            ("product_id", request.product_id.is_some()),
        ];
        for (param, _) in fixed_by_the_link.iter().filter(|(_, sent)| *sent) {
            problems.push(Problem::invalid(
                param,
                "is the payment link's to decide: it cannot be sent beside 'payment_link_id'",
            ));
        }
        let amount = match (link.amount(), request.amount) {
            (Some(price), Some(asked)) if price != asked => {
                problems.push(Problem::invalid(
                    "amount",
                    format!("must be the payment link's price, {price}, or left out"),
                ));
                Some(price)
            }
            (Some(price), _) => Some(price),
            (None, asked) => {
                problems.extend(asked.and_then(|asked| link.terms.problem_of_choice(asked)));
                asked
            }
        };
        Some(Self {
            payment_link_id: Some(link.id.clone()),
            product_id: link.terms.product_id.clone(),
            token_address: link.terms.token_address.clone(),
            chain_id: link.terms.chain_id,
            recipient_address: link.terms.recipient_address.clone(),
            amount,
            bounds: Bounds { min: link.terms.min_amount, max: link.terms.max_amount },
        })
    }

    fn of_request(
        request: &NewCheckoutSession,
        owner: &Owner,
        chains: &Chains,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let required = [
            ("token_address", request.token_address.is_none()),
            ("chain_id", request.chain_id.is_none()),
            ("recipient_address", request.recipient_address.is_none()),
            ("amount", request.amount.is_none()),
        ];
        problems.extend(Problem::of_each(&required, Problem::missing));
        let recipient = request.recipient_address.as_ref();
        problems.extend(settlement_problems(owner.mode, request.chain_id, recipient, chains));
        problems.extend(recipient_problem(recipient, request.token_address.as_ref()));
        Some(Self {
            payment_link_id: None,
            product_id: request.product_id.clone(),
            token_address: request.token_address.clone()?,
            chain_id: request.chain_id?,
            recipient_address: request.recipient_address.clone()?,
            amount: Some(request.amount?),
            bounds: Bounds::default(),
        })
    }
}
