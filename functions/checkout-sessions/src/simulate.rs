//! What the test helpers share: they bring a test session a payment without a chain, and everything after that is the
//! code every payment goes through.

use anyspend_api::checkout_session::CheckoutSessionView;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::payment::PaymentOutcome;
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{Address, CheckoutSessionId, Code, entropy};
use anyspend_store::payments::{self, PaymentContext};
use http::StatusCode;

/// Who pays when nobody is named.
const TEST_WALLET: &str = "0x7e57000000000000000000000000000000007e57";

/// The wallet of a helper's body, or the one that always pays.
pub(crate) fn payer(named: Option<Address>) -> Result<Address, ApiError> {
    named.map_or_else(|| Address::parse(TEST_WALLET).map_err(|invalid| ApiError::internal(invalid.must)), Ok)
}

/// A hash no chain has.
pub(crate) fn hash() -> TxHash {
    TxHash::new(entropy::bytes())
}

/// Decides on the session the path names, commits, and answers with the session.
///
/// # Errors
/// 403 for a live key, 404 for another's session, and what the decision refuses.
pub(crate) async fn simulate(
    call: &Call,
    caller: &Caller,
    wallet: &Address,
    decide: impl Fn(&PaymentContext) -> Result<PaymentOutcome, ApiError>,
) -> Result<Answer, ApiError> {
    if caller.owner.mode.is_live() {
        let message = "Test helpers move test sessions: use a key that begins with 'asp_test_'.";
        return Err(ApiError::new(Code::InsufficientPermissions, message));
    }
    let text = call.param("id");
    let absent = || ApiError::not_found(CheckoutSessionId::OBJECT, text);
    let id = CheckoutSessionId::parse(text).ok_or_else(absent)?;
    // A payment changes its link and its customer too: those of one link meet there.
    let (owner, link, decide) = (&caller.owner, id.short_code(), &decide);
    // Boxed, like every read of several rows at once: futures are moved about, and this one holds three replies.
    let context = |again| Box::pin(call.db.payment_context(owner, &id, wallet, &*call.platform, again));
    let read = |again| async move { Ok(context(again).await?) };
    call.decide(
        link.as_str(),
        read(false).await?,
        || read(true),
        |context| async move {
            let context = context.ok_or_else(absent)?;
            let outcome = decide(&context)?;
            let view = CheckoutSessionView::new(&outcome.session, call, context.link.deleted_at());
            let answer = call.answer(StatusCode::OK, &view)?.sealed_if(outcome.session.names_somebody());
            let writes = payments::writes(&context, None, &outcome, call.now, &*call.platform)?;
            call.commit(caller, Changes::of(&outcome.session, outcome.audit_event(), writes, answer)).await
        },
    )
    .await
}
