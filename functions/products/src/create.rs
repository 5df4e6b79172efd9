//! `POST /products`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::product::{CreateProduct, ProductView};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::ProductId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::product::{Product, ProductPatch};
use anyspend_store::products;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ProductView>(
        "createProduct",
        Method::POST,
        crate::PRODUCTS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a product",
    )
    .described(
        "`amount` is required unless `product_type` is `variable`; there it is what links suggest. The organization's \
         defaults fill `token_address`, `chain_id` and `recipient_address` where they are set.",
    )
    .body::<CreateProduct>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (CreateProduct(mut patch), problems) = call.read_body::<CreateProduct>(&caller)?.parts()?;
    let ProductPatch { token_address, chain_id, recipient_address, .. } = &mut patch;
    call.fill_with_defaults(&caller, token_address, chain_id, recipient_address).await?;
    let id = ProductId::generate(call.now);
    let product = Product::create(id, caller.owner.clone(), patch, call.surroundings());
    let product = ApiError::settle(problems, product)?;
    let changes = Changes {
        writes: products::create(&product)?,
        event_type: AuditEventType::ProductCreated,
        resource_id: product.id.to_string(),
        answer: call.answer(StatusCode::CREATED, &ProductView::new(&product))?,
    };
    Ok(call.commit(&caller, changes).await?)
}
