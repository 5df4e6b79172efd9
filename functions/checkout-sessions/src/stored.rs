//! Reading one stored session, for the operations that name one in their path.

use anyspend_api::{ApiError, Call};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::{CheckoutSessionId, ShortCode, Timestamp};
use std::sync::Arc;

/// A session, and when its link was deleted, if it was.
pub(crate) type Found = (Option<CheckoutSession>, Option<Timestamp>);

/// The session the path names, whoever owns it, and side by side the fate of its link: the id carries its code.
pub(crate) async fn find(call: Arc<Call>) -> Result<Found, ApiError> {
    let Some(id) = CheckoutSessionId::parse(call.param("id")) else { return Ok((None, None)) };
    let code = id.short_code();
    let link = async { if code == ShortCode::none() { Ok(None) } else { call.db.link_deleted_at(&code).await } };
    let (session, deleted_at) = tokio::try_join!(call.db.find_checkout_session(&id, &*call.platform), link)?;
    Ok((session, deleted_at))
}
