//! Reading and changing one stored link, for the operations that name one in their path.

use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::payment_link::{PaymentLink, TermsPatch};
use anyspend_domain::{Code, PaymentLinkId, PaymentLinkRef, Problem};
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
        let mut link = caller.own(found, call.param("id"))?;
        let version = link.version;
        let answer = decide(&mut link)?;
        let changes = Changes {
            writes: payment_links::update(&link, version)?,
            event_type: "payment_link.updated",
            resource_type: PaymentLinkId::OBJECT,
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

/// References to products that do not exist for this caller. Products are not part of the platform yet, so that
/// is every reference.
pub(crate) fn unknown_products(patch: &TermsPatch) -> Vec<Problem> {
    let of_link = patch.product_id.value().map(|id| ("product_id".to_owned(), id));
    let of_items = patch
        .items
        .value()
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(index, item)| item.product_id.as_ref().map(|id| (format!("items[{index}].product_id"), id)));
    of_link.into_iter().chain(of_items).map(|(param, id)| unknown_product(&param, id.as_str())).collect()
}

/// A reference to a product that does not exist for this caller.
pub(crate) fn unknown_product(param: &str, id: &str) -> Problem {
    Problem {
        code: Code::ResourceNotFound,
        message: format!("No product found with id '{id}'."),
        param: Some(param.to_owned()),
    }
}
