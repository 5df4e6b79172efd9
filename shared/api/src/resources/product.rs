//! How a product is read from a body and shown in an answer, and how references to products are checked.

use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, ErrorItem, unknown_reference};
use crate::fields::{Body, Fields};
use crate::payment_link::{
    ChainId, nullable_form_schema, nullable_shipping_options, read_form_schema, read_shipping_options, warnings,
};
use crate::versions::{Addr, Time};
use anyspend_domain::link_form::{FormSchema, ShippingOption};
use anyspend_domain::product::{Product, ProductPatch};
use anyspend_domain::{Metadata, Problem, ProductId};
use serde::Serialize;
use utoipa::ToSchema;

/// The body of a create.
pub struct CreateProduct(pub ProductPatch);

/// The body of an update.
pub struct UpdateProduct {
    /// What changes.
    pub patch: ProductPatch,
    /// Whether nothing was sent at all.
    pub is_empty: bool,
}

impl Body for CreateProduct {
    const RESOURCE: &'static str = ProductId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.requires(&["name", "token_address", "chain_id"]);
        Some(Self(read_terms(fields)))
    }
}

impl Body for UpdateProduct {
    const RESOURCE: &'static str = ProductId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { is_empty: fields.is_empty(), patch: read_terms(fields) })
    }
}

fn read_terms(fields: &mut Fields<'_>) -> ProductPatch {
    ProductPatch {
        name: fields.patch("name"),
        description: fields.patch("description"),
        amount: fields.patch("amount"),
        token_address: fields.patch("token_address"),
        chain_id: fields.patch::<ChainId>("chain_id").map(|id| id.0),
        recipient_address: fields.patch("recipient_address"),
        product_type: fields.patch("product_type"),
        image_url: fields.patch("image_url"),
        metadata: fields.patch("metadata"),
        form_schema: read_form_schema(fields),
        shipping_options: read_shipping_options(fields),
        active: fields.patch("active"),
    }
}

/// A product in an answer, under the names of both versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductView {
    /// `prod_…`
    pub id: String,
    /// `product`
    #[schema(examples("product"))]
    pub object: &'static str,
    /// Whether it is sold for real money.
    pub livemode: bool,
    /// Shown to the payer.
    pub name: String,
    /// Shown to the payer.
    pub description: Option<String>,
    /// The price in the token's smallest unit; of a variable product, what its links suggest.
    pub amount: Option<String>,
    /// What is paid with.
    pub token_address: Addr,
    /// Where it is paid.
    pub chain_id: u64,
    /// Who is paid; when null, each link made from it names its own.
    pub recipient_address: Option<Addr>,
    /// `one_time`, `subscription` or `variable`
    #[schema(examples("one_time"))]
    pub product_type: &'static str,
    /// Shown to the payer.
    pub image_url: Option<String>,
    /// The merchant's own notes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub metadata: Option<Metadata>,
    /// What the payer fills in.
    #[schema(schema_with = nullable_form_schema)]
    pub form_schema: Option<FormSchema>,
    /// Ways of sending goods.
    #[schema(schema_with = nullable_shipping_options)]
    pub shipping_options: Option<Vec<ShippingOption>>,
    /// Whether links can be made from it; an archived product is not active.
    pub active: bool,
    /// When it was made.
    pub created_at: Time,
    /// When the merchant last changed it.
    pub updated_at: Time,
    /// What is legal but almost surely a mistake; absent when there is nothing to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ErrorItem>,
}

impl ProductView {
    /// Shows a product.
    pub fn new(product: &Product) -> Self {
        let terms = &product.terms;
        Self {
            id: product.id.to_string(),
            object: ProductId::OBJECT,
            livemode: product.owner.mode.is_live(),
            name: terms.name.as_str().to_owned(),
            description: terms.description.as_ref().map(|text| text.as_str().to_owned()),
            amount: terms.amount.map(|amount| amount.to_string()),
            token_address: Addr(terms.token_address.clone()),
            chain_id: terms.chain_id,
            recipient_address: terms.recipient_address.clone().map(Addr),
            product_type: terms.product_type.as_str(),
            image_url: terms.image_url.as_ref().map(|url| url.as_str().to_owned()),
            metadata: terms.metadata.clone(),
            form_schema: terms.form_schema.clone(),
            shipping_options: terms.shipping_options.clone(),
            active: terms.active,
            created_at: Time(product.created_at),
            updated_at: Time(product.updated_at),
            warnings: warnings(&terms.token_address, terms.chain_id, terms.recipient_address.as_ref(), "product"),
        }
    }
}

impl Call {
    /// What is wrong with references to products, each given with the path of its field: those that do not exist
    /// for this caller. Without a reference, nothing is read.
    pub async fn unknown_products(
        &self,
        caller: &Caller,
        references: Vec<(String, ProductId)>,
    ) -> Result<Vec<Problem>, ApiError> {
        let ids = references.iter().map(|(_, id)| id).collect();
        let existing = self.db.existing_products(&caller.owner, ids).await?;
        let unknown = references.into_iter().filter(|(_, id)| !existing.contains(id));
        Ok(unknown.map(|(param, id)| unknown_reference(ProductId::OBJECT, id.as_str(), &param)).collect())
    }
}
