//! `POST /checkout/sessions/{id}/payment`

use crate::api::view::PayerSessionView;
use crate::decisions::context::{self, Context, find};
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::matching::Scope;
use anyspend_domain::payment::{LinkState, report, report_of_unmatched};
use anyspend_domain::rate_limit;
use anyspend_domain::settlement::WalletSignature;
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{Address, TransactionId};
use anyspend_store::{Write, settlement};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct ReportPayment {
    tx_hash: TxHash,
    payer_address: Option<Address>,
    signature: Option<WalletSignature>,
}

impl Body for ReportPayment {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let tx_hash = fields.required("tx_hash");
        let payer_address = fields.optional("payer_address");
        let signature = fields.optional("signature");
        Some(Self { tx_hash: tx_hash?, payer_address, signature })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "reportPayment",
        Method::POST,
        "/api/v1/checkout/sessions/{id}/payment",
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        StatusCode::OK,
        "Say which transaction pays a session",
    )
    .described(
        "The session is `processing` from then on, and completes when the chain says so, not before. A transaction is \
         public, so it must be tied to the session: by `payment_reference` at the end of its calldata, by paying exactly \
         `amount_due`, or by `signature`: what the paying wallet makes (`personal_sign`) of the text `My transaction \
         {tx_hash} on chain {chain_id} pays the checkout session {id}.`, all in lower case as given here. The signature \
         may follow in a second report of the same transaction. A session takes up to 10 transactions.",
    )
    .body::<ReportPayment>()
    .read_by(Audience::AnySite)
    .beside(find, report_payment)
}

async fn report_payment(call: Arc<Call>, caller: Caller, found: Option<Context>) -> Result<Answer, ApiError> {
    let context = found.ok_or_else(|| context::unknown(&call))?;
    let body: ReportPayment = call.read_body_in(context.session.owner.mode)?.strict()?;
    let (call, caller, body) = (&*call, &caller, &body);
    call.decide(
        call.param("id"),
        context,
        || context::again(call),
        |context| async move {
            let Some((session, writes)) = decide(call, &context, body).await? else {
                return Ok(call.answer(StatusCode::OK, &view(call, &context, &context.session))?);
            };
            let answer = call.answer(StatusCode::OK, &view(call, &context, &session))?;
            let changes = Changes::of(&session, AuditEventType::CheckoutSessionPaymentReported, writes, answer);
            call.commit_for(caller, &session.owner, changes).await
        },
    )
    .await
}

fn view(call: &Call, context: &Context, session: &CheckoutSession) -> PayerSessionView {
    PayerSessionView::new(session, call, context.link_deleted_at)
}

/// The session after the report and what makes it so; `None` when nothing is new about it.
async fn decide(
    call: &Call,
    context: &Context,
    body: &ReportPayment,
) -> Result<Option<(CheckoutSession, Vec<Write>)>, ApiError> {
    let session = &context.session;
    let scope = Scope::of(session);
    let (followed, is_unmatched) = tokio::try_join!(
        call.db.find_followed(session.chain_id, &body.tx_hash, &session.id),
        call.db.is_unmatched(session.chain_id, &body.tx_hash, &scope),
    )?;
    if let Some(followed) = followed {
        let new = body.signature.clone().filter(|signature| followed.signature.as_ref() != Some(signature));
        return Ok(match new {
            Some(signature) => Some((session.clone(), vec![settlement::sign(&followed, signature)?])),
            None => None,
        });
    }
    let link = context.link_deleted_at.map_or(LinkState::None, LinkState::Deleted);
    if is_unmatched {
        let after = report_of_unmatched(session.clone(), link, call.now)?;
        let (hash, signature) = (&body.tx_hash, body.signature.clone());
        let writes = settlement::report_of_unmatched(session, &after, hash, signature, call.now, &*call.platform)?;
        return Ok(Some((after, writes)));
    }
    let id = TransactionId::generate(call.now);
    let (hash, payer) = (body.tx_hash.clone(), body.payer_address.clone());
    let (after, transaction) = report(session.clone(), hash, payer, link, id, call.now)?;
    let signature = body.signature.clone();
    let writes = settlement::report(session, &after, &transaction, signature, call.now, &*call.platform)?;
    Ok(Some((after, writes)))
}
