//! Reading and changing one stored link, for the operations that name one in their path.

use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::PaymentLinkRef;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_store::payment_links;
use std::sync::Arc;

/// How often a change is decided anew because another one came first.
const DECISIONS: u32 = 10;

/// The link the path names, by id or short code, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<PaymentLink>, ApiError> {
    match PaymentLinkRef::parse(call.param("id")) {
        Some(wanted) => Ok(call.db.find_payment_link(&wanted).await?),
        None => Ok(None),
    }
}

/// Changes a link: decides on the state it was read in, and decides anew when that state has changed meanwhile.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    found: Option<PaymentLink>,
    decide: impl Fn(&mut PaymentLink) -> Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    let mut found = found;
    for _ in 0..DECISIONS {
        let was = caller.own(found, call.param("id"))?;
        let mut link = was.clone();
        let answer = decide(&mut link)?;
        let changes = Changes {
            writes: payment_links::update(&was, &link)?,
            event_type: AuditEventType::PaymentLinkUpdated,
            resource_id: link.id.to_string(),
            answer,
        };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed) => found = find(call.clone()).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the link kept changing"))
}
