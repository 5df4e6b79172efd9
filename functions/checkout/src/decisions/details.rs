//! Adding what a session still lacks: what may be sent, and what becomes of it, for the page and the API alike.

use crate::decisions::context::Context;
use crate::decisions::opening::read_payer_input;
use anyspend_api::fields::{Body, Fields, Reading};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::payer_answers::PayerInput;
use anyspend_domain::{Amount, Rejection};
use anyspend_store::checkout_sessions;

/// The body.
pub(crate) struct AddDetails {
    amount: Option<Amount>,
    input: PayerInput,
}

impl Body for AddDetails {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { amount: fields.optional("amount"), input: read_payer_input(fields) })
    }
}

/// The session with the details added.
///
/// # Errors
/// Everything that is wrong with what was sent; `invalid_status_transition` when the session is not open any more.
pub(crate) fn decide(
    call: &Call,
    context: &Context,
    reading: Reading<AddDetails>,
) -> Result<CheckoutSession, ApiError> {
    let (AddDetails { amount, input }, read) = reading.parts()?;
    let mut session = context.session.clone();
    let mut decided = Vec::new();
    let answers = session.still_asked(context.asked()).accept(input).unwrap_or_else(|rejection| {
        decided.extend(rejection.into_problems());
        anyspend_domain::payer_answers::Answers::default()
    });
    if let Err(rejection) = session.add_details(answers, amount, call.now, context.link_deleted_at) {
        decided.extend(rejection.into_problems());
    }
    ApiError::settle(read, Rejection::unless_empty(decided).map(|()| session))
}

/// Stores the session as decided on what it `was` when it was read. What it owes may be known only now: then it becomes an amount of its
/// own. `answer` answers with the session as it was stored.
///
/// # Errors
/// [`NotCommitted::Changed`] when another change came first.
pub(crate) async fn commit(
    call: &Call,
    caller: &Caller,
    was: &CheckoutSession,
    session: &CheckoutSession,
    answer: impl Fn(&CheckoutSession) -> Result<Answer, ApiError>,
) -> Result<Answer, NotCommitted> {
    let changes = |session: &CheckoutSession| {
        let writes = checkout_sessions::update(was, session, &*call.platform)?;
        Ok(Changes::of(session, AuditEventType::CheckoutSessionUpdated, writes, answer(session)?))
    };
    call.commit_asking(caller, session, changes).await
}
