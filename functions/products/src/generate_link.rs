//! `POST /products/{id}/generate-link`

use crate::stored;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{LinkOverrides, PaymentLinkView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::product::Product;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "generateProductLink",
        Method::POST,
        crate::GENERATE_LINK,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a payment link from a product",
    )
    .described(
        "The product's name, description, amount, token, chain, recipient, image, form and shipping options, and its id \
         as `product_id`; any field of a link overrides them, and `null` leaves one out. A variable product makes a \
         link whose payer chooses; its amount is the suggestion. Later changes of the product do not reach the link.",
    )
    .body::<LinkOverrides>()
    .beside(stored::find, generate_link)
}

async fn generate_link(call: Arc<Call>, caller: Caller, found: Option<Product>) -> Result<Answer, ApiError> {
    let product = caller.own(found, call.param("id"))?;
    let (LinkOverrides(overrides), problems) = call.read_body::<LinkOverrides>(&caller)?.parts()?;
    // The product itself was just read: only the overrides can name one that does not exist.
    let references = overrides.products();
    call.create_link_of(&caller, product.link_terms(overrides)?, references, problems).await
}
