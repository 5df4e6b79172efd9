//! Reading and changing one stored product, for the operations that name one in their path.

use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::ProductId;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::product::Product;
use anyspend_store::products;
use std::sync::Arc;

/// How often a change is decided anew because another one came first.
const DECISIONS: u32 = 10;

/// The product the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<Product>, ApiError> {
    match ProductId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_product(&id).await?),
        None => Ok(None),
    }
}

/// Changes a product: decides on the state it was read in, and decides anew when that state has changed meanwhile.
/// A decision that changes nothing writes nothing.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    found: Option<Product>,
    event_type: AuditEventType,
    decide: impl Fn(&mut Product) -> Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    let mut found = found;
    for _ in 0..DECISIONS {
        let was = caller.own(found, call.param("id"))?;
        let mut product = was.clone();
        let answer = decide(&mut product)?;
        if product.version == was.version {
            return Ok(answer);
        }
        let changes = Changes {
            writes: products::update(&was, &product)?,
            event_type,

            resource_id: product.id.to_string(),
            answer,
        };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed) => found = find(call.clone()).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the product kept changing"))
}
