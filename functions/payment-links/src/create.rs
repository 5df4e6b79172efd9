//! `POST /payment-links`

use crate::stored::unknown_products;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{CreatePaymentLink, PaymentLinkView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Patch;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::{PaymentLink, TermsPatch};
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "createPaymentLink",
        Method::POST,
        crate::LINKS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a payment link",
    )
    .described(
        "With `amount`, the price is fixed. Without it, it is the total of the `items`; without those too, the \
         payer chooses between `min_amount` and `max_amount`. The organization's defaults fill `token_address`, \
         `chain_id` and `recipient_address` where they are set.",
    )
    .body::<CreatePaymentLink>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (CreatePaymentLink(mut patch), mut problems) = call.read_body::<CreatePaymentLink>(&caller)?.parts()?;
    fill_with_defaults(&call, &caller, &mut patch).await?;
    problems.extend(unknown_products(&patch));
    call.create_link(&caller, |id| {
        let decided = PaymentLink::create(id, caller.owner.clone(), patch.clone(), call.surroundings());
        ApiError::settle(problems.clone(), decided)
    })
    .await
}

/// The organization's defaults stand in for what was not sent. The organization is read only when something is
/// missing, so that the common case stays at two round trips.
async fn fill_with_defaults(call: &Call, caller: &Caller, patch: &mut TermsPatch) -> Result<(), ApiError> {
    let complete = patch.token_address.value().is_some()
        && patch.chain_id.value().is_some()
        && patch.recipient_address.value().is_some();
    if complete {
        return Ok(());
    }
    let Some(organization) = call.db.find_organization(&caller.owner.org).await? else { return Ok(()) };
    fill(&mut patch.token_address, organization.default_token_address);
    fill(&mut patch.chain_id, organization.default_chain_id);
    fill(&mut patch.recipient_address, organization.default_recipient_address);
    Ok(())
}

fn fill<T>(field: &mut Patch<T>, default: Option<T>) {
    if field.value().is_none()
        && let Some(default) = default
    {
        *field = Patch::Set(default);
    }
}
