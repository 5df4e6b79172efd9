//! Reading and changing one stored endpoint, for the operations that name one in their path.

use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::Webhook;
use anyspend_domain::{Owner, WebhookId};
use anyspend_store::webhooks;
use std::sync::Arc;

/// How often a change is decided anew because another one came first.
const DECISIONS: u32 = 10;

/// What was read beside the check of the caller: whose, and what.
pub(crate) type Expected = Option<(Owner, Option<Webhook>)>;

/// The endpoint the path names, among those of the organization this key opened the last time.
pub(crate) async fn expected(call: Arc<Call>) -> Result<Expected, ApiError> {
    let (Some(owner), Some(id)) = (call.expected_owner(), WebhookId::parse(call.param("id"))) else { return Ok(None) };
    let found = call.db.find_webhook(&owner, &id).await?;
    Ok(Some((owner, found)))
}

/// The caller's own endpoint: what was expected, if it was the caller's that was looked for.
pub(crate) async fn own(call: &Call, caller: &Caller, expected: Expected) -> Result<Webhook, ApiError> {
    let found = match expected {
        Some((owner, found)) if owner == caller.owner => found,
        _ => read(call, caller).await?,
    };
    found.ok_or_else(|| ApiError::not_found(WebhookId::OBJECT, call.param("id")))
}

async fn read(call: &Call, caller: &Caller) -> Result<Option<Webhook>, ApiError> {
    match WebhookId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_webhook(&caller.owner, &id).await?),
        None => Ok(None),
    }
}

/// Changes an endpoint: decides on the state it was read in, and decides anew when that state has changed meanwhile.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    expected: Expected,
    event_type: AuditEventType,
    decide: impl Fn(&mut Webhook) -> Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    let mut expected = expected;
    for _ in 0..DECISIONS {
        let before = own(call, caller, expected.take()).await?;
        let mut after = before.clone();
        let answer = decide(&mut after)?;
        let changes = Changes {
            writes: vec![webhooks::update(&before, &after)?],
            event_type,

            resource_id: after.id.to_string(),
            answer,
        };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed) => {}
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the webhook kept changing"))
}
