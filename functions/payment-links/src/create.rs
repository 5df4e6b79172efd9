//! `POST /payment-links`

use crate::stored::{surroundings, unknown_products};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{CreatePaymentLink, PaymentLinkView};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::{PaymentLink, TermsPatch};
use anyspend_domain::{Patch, PaymentLinkId, ShortCode};
use anyspend_store::payment_links;
use http::{Method, StatusCode};
use std::sync::Arc;

/// How often another short code is drawn when one is taken already.
const SHORT_CODES: u32 = 4;

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
    let reading = call.read_body::<CreatePaymentLink>(&caller)?;
    let Some(CreatePaymentLink(mut patch)) = reading.value else {
        return Err(ApiError::merged(reading.problems, None).unwrap_or_else(|| ApiError::internal("no body")));
    };
    fill_with_defaults(&call, &caller, &mut patch).await?;
    let mut problems = reading.problems;
    problems.extend(unknown_products(&patch));
    for _ in 0..SHORT_CODES {
        let id = PaymentLinkId::generate(call.now, &ShortCode::generate());
        let decided = PaymentLink::create(id, caller.owner.clone(), patch.clone(), surroundings(&call));
        let link = match (decided, problems.is_empty()) {
            (Ok(link), true) => link,
            (decided, _) => return Err(refusal(problems, decided.err())),
        };
        let view = PaymentLinkView::new(&link, &call.platform.config, call.now);
        let changes = Changes {
            writes: payment_links::create(&link)?,
            event_type: "payment_link.created",
            resource_type: PaymentLinkId::OBJECT,
            resource_id: link.id.to_string(),
            answer: call.answer(StatusCode::CREATED, &view)?,
        };
        match call.commit(&caller, changes).await {
            Err(NotCommitted::Taken) => {}
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("no free short code was found"))
}

fn refusal(problems: Vec<anyspend_domain::Problem>, decided: Option<anyspend_domain::Rejection>) -> ApiError {
    ApiError::merged(problems, decided).unwrap_or_else(|| ApiError::internal("refused without a problem"))
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
