//! What the test helpers share: they bring a test session a payment without a chain, and everything after that is the
//! code every payment goes through.

use anyspend_api::checkout_session::CheckoutSessionView;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::payment::Outcome;
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{Address, CheckoutSessionId, Code, entropy};
use anyspend_store::commit::pause;
use anyspend_store::payments::{self, PaymentContext};
use http::StatusCode;

/// How often a payment is decided anew because another change came first. Each time, the other one got through.
const DECISIONS: u32 = 40;
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
    decide: impl Fn(&PaymentContext) -> Result<Outcome, ApiError>,
) -> Result<Answer, ApiError> {
    if caller.owner.mode.is_live() {
        let message = "Test helpers move test sessions: use a key that begins with 'asp_test_'.";
        return Err(ApiError::new(Code::InsufficientPermissions, message));
    }
    let text = call.param("id");
    let absent = || ApiError::not_found(CheckoutSessionId::OBJECT, text);
    let id = CheckoutSessionId::parse(text).ok_or_else(absent)?;
    for decision in 0..DECISIONS {
        if decision > 0 {
            tokio::time::sleep(pause(decision)).await;
        }
        // Boxed, like every read of several rows at once: futures are moved about, and this one holds three replies.
        let again = decision > 0;
        let context = Box::pin(call.db.payment_context(&caller.owner, &id, wallet, &*call.platform, again));
        let context = context.await?.ok_or_else(absent)?;
        let outcome = decide(&context)?;
        let view = CheckoutSessionView::new(&outcome.session, call, context.link.deleted_at());
        let mut answer = call.answer(StatusCode::OK, &view)?;
        answer.bears_secret = outcome.session.names_somebody();
        let changes = Changes {
            writes: payments::writes(&context, None, &outcome, call.now, &*call.platform)?,
            event_type: outcome.audit_event(),
            resource_type: CheckoutSessionId::OBJECT,
            resource_id: id.to_string(),
            answer,
        };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed | NotCommitted::Taken) => {}
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the session, its link or its customer kept changing"))
}
