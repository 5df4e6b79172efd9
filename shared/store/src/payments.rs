//! What a payment changes, as one transaction: the one way for the chain, the test helpers and every retry.

use crate::db::{Db, StoreError};
use crate::outbox::{self, OutboxEvent};
use crate::payment_links::LinkHead;
use crate::vault::Vault;
use crate::{Write, checkout_sessions, customers, discount_codes, facts, payment_links, transactions};
use anyspend_domain::chain::usd_value;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::customer::Customer;
use anyspend_domain::matching::Scope;
use anyspend_domain::payment::{LinkState, PaymentOutcome};
use anyspend_domain::transaction::{Transaction, TransactionStatus};
use anyspend_domain::{Address, CheckoutSessionId, CustomerId, OrgId, Owner, Timestamp};

/// What a payment is decided on. All of it is checked again by the writes.
#[derive(Debug, Clone)]
pub struct PaymentContext {
    /// The session.
    pub session: CheckoutSession,
    /// Its link.
    pub link: LinkState,
    /// The same, as far as counting a use of it goes.
    pub link_head: Option<LinkHead>,
    /// The payer's record, if the merchant has one.
    pub customer: Option<Customer>,
    /// Whether the discount code on the session is still there to be counted.
    pub discount_exists: bool,
}

impl PaymentContext {
    /// Who the payer is, or will be, to the merchant. Nobody is a customer of nobody.
    pub fn customer_id(&self, wallet: &Address, now: Timestamp) -> Option<CustomerId> {
        let owner = &self.session.owner;
        (owner.org != OrgId::anonymous()).then(|| match &self.customer {
            Some(customer) => customer.id.clone(),
            None => CustomerId::generate(now, &customers::locator(owner, wallet)),
        })
    }
}

/// The writes that make an outcome true. `before` is the transaction it was decided on, where there was one.
///
/// A refusal says which part of the context changed: [`crate::Refusal::Claimed`] that the transfer has paid already,
/// [`crate::Refusal::Changed`] and [`crate::Refusal::Taken`] that it is to be decided anew.
pub fn writes(
    context: &PaymentContext,
    before: Option<&Transaction>,
    outcome: &PaymentOutcome,
    now: Timestamp,
    vault: &impl Vault,
) -> Result<Vec<Write>, StoreError> {
    let PaymentOutcome { session, transaction, .. } = outcome;
    let mut writes = Vec::new();
    if session.version != context.session.version {
        writes.extend(checkout_sessions::update(&context.session, session, vault)?);
    }
    writes.extend(transactions::record(transaction, before, vault)?);
    if transaction.status == TransactionStatus::Completed {
        writes.push(transactions::claim(transaction, &Scope::of(session))?);
    }
    if let (true, Some(head)) = (outcome.counts_use, &context.link_head) {
        writes.extend(payment_links::count_use(head, now)?);
    }
    if let (true, Some(received)) = (outcome.completes(), session.amount_received) {
        writes.extend(facts::payment_completed(session, &transaction.id, received, now)?);
        let discount = session.discount.as_ref().filter(|_| context.discount_exists);
        writes.extend(discount.map(discount_codes::count_use));
    }
    if let (true, Some(id), Some(wallet)) =
        (outcome.counts_payment, &transaction.customer_id, &transaction.payer_address)
    {
        let known = context.customer.as_ref();
        let mut customer =
            known.cloned().unwrap_or_else(|| Customer::new(id.clone(), session.owner.clone(), wallet.clone(), now));
        let worth = usd_value(&transaction.token_address, transaction.chain_id, transaction.amount);
        customer.count_payment(worth, (session.buyer.name.as_ref(), session.buyer.email.as_ref()), now);
        writes.extend(customers::record(&customer, known, vault)?);
    }
    // Nobody's links have no endpoints.
    if session.owner.org != OrgId::anonymous() {
        for event in &outcome.events {
            writes.push(outbox::emit(&OutboxEvent::of(session, Some(&transaction.id), *event, now))?);
        }
    }
    Ok(writes)
}

impl Db {
    /// What a payment by `wallet` for this session is decided on, in one round trip; `None` when `owner` has no such
    /// session. A discount code is taken to be there still, because the write that counts its use refuses if it is not;
    /// only `again`, after a refusal, it is looked for, in one round trip more.
    pub async fn payment_context(
        &self,
        owner: &Owner,
        id: &CheckoutSessionId,
        wallet: &Address,
        vault: &impl Vault,
        again: bool,
    ) -> Result<Option<PaymentContext>, StoreError> {
        let code = id.short_code();
        let (session, (link, link_head), customer) = tokio::try_join!(
            self.find_checkout_session(id, vault),
            self.link_state(&code),
            self.find_customer_by_wallet(owner, wallet, vault),
        )?;
        let Some(session) = session.filter(|session| session.owner == *owner) else { return Ok(None) };
        let discount_exists = match &session.discount {
            Some(discount) if again => self.find_discount_code_by_id(&discount.id).await?.is_some(),
            discount => discount.is_some(),
        };
        Ok(Some(PaymentContext { session, link, link_head, customer, discount_exists }))
    }
}
