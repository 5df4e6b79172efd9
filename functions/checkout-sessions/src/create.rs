//! `POST /checkout-sessions`

use anyspend_api::checkout_session::{CheckoutSessionView, read_purchase};
use anyspend_api::error::unknown_reference;
use anyspend_api::fields::{Body, Fields, MAX_SAFE_INTEGER, Whole};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::find_named_link;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::{CheckoutSession, MAX_LIFETIME, MIN_LIFETIME, NewCheckoutSession, Source};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::text::Identifier;
use anyspend_domain::{CheckoutSessionId, PaymentLinkId, ShortCode};
use anyspend_store::{checkout_sessions, facts};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct CreateCheckoutSession {
    /// As it was sent; what it names is looked up.
    payment_link_id: Option<String>,
    session: NewCheckoutSession,
}

impl Body for CreateCheckoutSession {
    const RESOURCE: &'static str = CheckoutSessionId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        // Any short text: what is no id is a link that does not exist.
        let payment_link_id = fields.optional::<Identifier>("payment_link_id").map(|id| id.as_str().to_owned());
        let session = NewCheckoutSession {
            token_address: fields.optional("token_address"),
            chain_id: fields.optional::<Whole<1, MAX_SAFE_INTEGER>>("chain_id").map(|id| id.0),
            recipient_address: fields.optional("recipient_address"),
            amount: fields.optional("amount"),
            product_id: fields.optional("product_id"),
            ..read_purchase(fields)
        };
        let expires_in = fields.optional::<Whole<MIN_LIFETIME, MAX_LIFETIME>>("expires_in").map(|seconds| seconds.0);
        Some(Self { payment_link_id, session: NewCheckoutSession { expires_in, ..session } })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<CheckoutSessionView>(
        "createCheckoutSession",
        Method::POST,
        crate::CHECKOUT_SESSIONS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a checkout session",
    )
    .described(
        "From `payment_link_id`, whose terms it inherits as they are now, or from `token_address`, `chain_id`, \
         `recipient_address` and `amount`. Redirect the buyer to its `url`. `{SESSION_ID}` in `success_url` and \
         `cancel_url` is replaced when the buyer is sent there.",
    )
    .body::<CreateCheckoutSession>()
    .beside(find_named_link, create)
}

async fn create(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let (CreateCheckoutSession { payment_link_id, session }, problems) =
        call.read_body::<CreateCheckoutSession>(&caller)?.parts()?;
    let mut problems = problems;
    let link = match &payment_link_id {
        None => None,
        Some(id) => {
            Some(caller.own(found, id).map_err(|_| unknown_reference(PaymentLinkId::OBJECT, id, "payment_link_id"))?)
        }
    };
    if link.is_none() {
        let references = session.product_id.iter().map(|id| ("product_id".to_owned(), id.clone())).collect();
        problems.extend(call.unknown_products(&caller, references).await?);
    }
    let code = link.as_ref().map_or_else(ShortCode::none, |link| link.id.short_code());
    let decided = CheckoutSession::open(
        CheckoutSessionId::generate(call.now, &code),
        caller.owner.clone(),
        session,
        link.as_ref().map_or(Source::Request, Source::Link),
        call.now,
        &call.platform.config.chains,
    );
    let session = ApiError::settle(problems, decided)?;
    // Boxed, like every future that commits more than once: it holds what each try needs.
    Ok(Box::pin(call.commit_asking(&caller, &session, |session| opening(&call, session))).await?)
}

fn opening(call: &Call, session: &CheckoutSession) -> Result<Changes, ApiError> {
    let answer = call.answer(StatusCode::CREATED, &CheckoutSessionView::new(session, call, None))?;
    let mut writes = checkout_sessions::create(session, &*call.platform)?;
    writes.extend(facts::session_opened(session)?);
    let answer = answer.sealed_if(session.names_somebody());
    Ok(Changes::of(session, AuditEventType::CheckoutSessionCreated, writes, answer))
}
