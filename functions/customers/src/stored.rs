//! Reading and changing one stored customer, for the operations that name one in their path.

use crate::view::OwnedCustomer;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::CustomerId;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::customer::Customer;
use anyspend_store::Write;
use anyspend_store::commit::pause;
use std::sync::Arc;

/// How often a change is decided anew because another one came first. Payments change a customer too, and a wallet may
/// pay many times at once.
const DECISIONS: u32 = 40;

/// The customer the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<OwnedCustomer>, ApiError> {
    match CustomerId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_customer(&id, &*call.platform).await?.map(OwnedCustomer)),
        None => Ok(None),
    }
}

/// Changes or erases a customer: decides on the state it was read in, and anew when that state has changed meanwhile.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    found: Option<OwnedCustomer>,
    event_type: AuditEventType,
    decide: impl Fn(&Customer) -> Result<(Vec<Write>, Answer), ApiError>,
) -> Result<Answer, ApiError> {
    let mut found = found;
    for decision in 1..=DECISIONS {
        let OwnedCustomer(customer) = caller.own(found, call.param("id"))?;
        let (writes, answer) = decide(&customer)?;
        let resource_id = customer.id.to_string();
        let changes = Changes { writes, event_type, resource_id, answer };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed) => {
                tokio::time::sleep(pause(decision)).await;
                found = find(call.clone()).await?;
            }
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the customer kept changing"))
}
