//! Reading and changing one stored customer, for the operations that name one in their path.

use crate::view::OwnedCustomer;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::CustomerId;
use anyspend_domain::customer::Customer;
use anyspend_store::commit::pause;
use anyspend_store::customers;
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

/// Changes a customer: decides on the state it was read in, and decides anew when that state has changed meanwhile.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    found: Option<OwnedCustomer>,
    decide: impl Fn(&mut Customer) -> Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    let mut found = found;
    for decision in 1..=DECISIONS {
        let OwnedCustomer(mut customer) = caller.own(found, call.param("id"))?;
        let version = customer.version;
        let answer = decide(&mut customer)?;
        let changes = Changes {
            writes: vec![customers::record(&customer, Some(version), &*call.platform)?],
            event_type: "customer.updated",
            resource_type: CustomerId::OBJECT,
            resource_id: customer.id.to_string(),
            answer,
        };
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
