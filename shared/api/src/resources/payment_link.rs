//! How a payment link is read from a body and shown in an answer: shared by every group that makes one.

use crate::call::Call;
use crate::config::Config;
use crate::error::{ApiError, ErrorItem};
use crate::fields::{Body, Fields, List, MAX_SAFE_INTEGER, Whole, describe_body};
use crate::versions::{Addr, Time};
use anyspend_domain::chain::{token_at, token_elsewhere};
use anyspend_domain::line_item::{LineItem, MAX_LINE_ITEMS, NewLineItem};
use anyspend_domain::link_form::{
    FieldId, FieldKind, FormField, FormSchema, MAX_FORM_FIELDS, MAX_SELECT_OPTIONS, MAX_SHIPPING_OPTIONS,
    ShippingOption,
};
use anyspend_domain::money::ShippingCost;
use anyspend_domain::pasted::machine_form;
use anyspend_domain::payment_link::{Branding, PaymentLink, TermsPatch};
use anyspend_domain::text::Name;
use anyspend_domain::{Address, Amount, Code, LineItemId, Metadata, Patch, PaymentLinkId, PaymentLinkRef, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// The body of a create.
pub struct CreatePaymentLink(pub TermsPatch);

/// The body of an update.
pub struct UpdatePaymentLink {
    /// What changes.
    pub patch: TermsPatch,
    /// Whether nothing was sent at all.
    pub is_empty: bool,
}

/// The body of an operation that makes a link out of something else: any field of a create may be sent, none must.
pub struct LinkOverrides(pub TermsPatch);

impl Body for LinkOverrides {
    const RESOURCE: &'static str = PaymentLinkId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(read_terms(fields)))
    }
}

impl Body for CreatePaymentLink {
    const RESOURCE: &'static str = PaymentLinkId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.requires(&["name", "token_address", "chain_id", "recipient_address"]);
        Some(Self(read_terms(fields)))
    }
}

impl Body for UpdatePaymentLink {
    const RESOURCE: &'static str = PaymentLinkId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { is_empty: fields.is_empty(), patch: read_terms(fields) })
    }
}

/// A chain's number in a body.
pub type ChainId = Whole<1, MAX_SAFE_INTEGER>;
/// Most uses that can be asked for.
type Uses = Whole<1, MAX_SAFE_INTEGER>;

fn read_terms(fields: &mut Fields<'_>) -> TermsPatch {
    let now = fields.now();
    TermsPatch {
        name: fields.patch("name"),
        description: fields.patch("description"),
        token_address: fields.patch("token_address"),
        chain_id: fields.patch::<ChainId>("chain_id").map(|id| id.0),
        recipient_address: fields.patch("recipient_address"),
        amount: fields.patch("amount"),
        min_amount: fields.patch("min_amount"),
        max_amount: fields.patch("max_amount"),
        suggested_amount: fields.patch("suggested_amount"),
        product_id: fields.patch("product_id"),
        image_url: fields.patch("image_url"),
        theme_color: fields.patch("theme_color"),
        button_text: fields.patch("button_text"),
        max_uses: fields.patch::<Uses>("max_uses").map(|uses| uses.0),
        expires_at: fields.patch("expires_at"),
        active: fields.patch("active"),
        form_schema: read_form_schema(fields),
        shipping_options: read_shipping_options(fields),
        collect_shipping_address: fields.patch("collect_shipping_address"),
        return_url: fields.patch("return_url"),
        return_label: fields.patch("return_label"),
        branding: fields.patch::<BrandingBody>("branding").map(|branding| branding.0),
        fee_on_top: fields.patch("fee_on_top"),
        metadata: fields.patch("metadata"),
        items: fields
            .patch::<List<LineItemBody, 0, MAX_LINE_ITEMS>>("items")
            .map(|items| items.0.into_iter().map(|item| item.into_item(now)).collect()),
    }
}

/// `form_schema`, of whatever asks a payer to fill one in.
pub(crate) fn read_form_schema(fields: &mut Fields<'_>) -> Patch<FormSchema> {
    fields.patch::<FormSchemaBody>("form_schema").map(|form| form.0)
}

/// `shipping_options`, of whatever is sent to a payer.
pub(crate) fn read_shipping_options(fields: &mut Fields<'_>) -> Patch<Vec<ShippingOption>> {
    fields
        .patch::<List<ShippingOptionBody, 0, MAX_SHIPPING_OPTIONS>>("shipping_options")
        .map(|options| options.0.into_iter().map(|option| option.0).collect())
}

struct FormSchemaBody(FormSchema);

impl Body for FormSchemaBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let list = fields.required::<List<FormFieldBody, 0, MAX_FORM_FIELDS>>("fields")?;
        Some(Self(FormSchema { fields: list.0.into_iter().map(|field| field.0).collect() }))
    }
}

struct FormFieldBody(FormField);

impl Body for FormFieldBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required::<FieldId>("id");
        let kind = fields.required::<FieldKind>("type");
        let label = fields.required::<Name>("label");
        let required = fields.optional::<bool>("required").unwrap_or(false);
        let placeholder = fields.optional("placeholder");
        let options = fields.optional::<List<Name, 0, MAX_SELECT_OPTIONS>>("options").map(|options| options.0);
        Some(Self(FormField { id: id?, kind: kind?, label: label?, required, placeholder, options }))
    }
}

struct ShippingOptionBody(ShippingOption);

impl Body for ShippingOptionBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required::<FieldId>("id");
        let name = fields.required::<Name>("name");
        let amount = fields.required::<ShippingCost>("amount");
        let estimated_days = fields.optional("estimated_days");
        Some(Self(ShippingOption { id: id?, name: name?, amount: amount?, estimated_days }))
    }
}

struct BrandingBody(Branding);

impl Body for BrandingBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(Branding { logo_url: fields.optional("logo_url"), business_name: fields.optional("business_name") }))
    }
}

/// The body of a line item.
pub struct LineItemBody(NewLineItemFields);

struct NewLineItemFields {
    name: Name,
    description: Option<anyspend_domain::text::Description>,
    amount: Amount,
    quantity: u64,
    image_url: Option<anyspend_domain::web_url::WebUrl>,
    product_id: Option<anyspend_domain::ProductId>,
    sort_order: Option<u64>,
}

impl Body for LineItemBody {
    const RESOURCE: &'static str = LineItemId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required::<Name>("name");
        let amount = fields.required::<Amount>("amount");
        // The official client may leave the quantity out; one is what is meant.
        let quantity = fields.optional::<Whole<1, MAX_SAFE_INTEGER>>("quantity").map_or(1, |quantity| quantity.0);
        let description = fields.optional("description");
        let image_url = fields.optional("image_url");
        let product_id = fields.optional("product_id");
        let sort_order = fields.optional::<Whole<0, MAX_SAFE_INTEGER>>("sort_order").map(|order| order.0);
        Some(Self(NewLineItemFields {
            name: name?,
            description,
            amount: amount?,
            quantity,
            image_url,
            product_id,
            sort_order,
        }))
    }
}

impl LineItemBody {
    /// The item, with a fresh id.
    pub fn into_item(self, now: Timestamp) -> NewLineItem {
        let NewLineItemFields { name, description, amount, quantity, image_url, product_id, sort_order } = self.0;
        let id = LineItemId::generate(now);
        NewLineItem { id, name, description, amount, quantity, image_url, product_id, sort_order }
    }
}

fn form_schema_schema() -> RefOr<Schema> {
    describe_body::<FormSchemaBody>()
}

fn shipping_option_schema() -> RefOr<Schema> {
    <List<ShippingOptionBody, 0, MAX_SHIPPING_OPTIONS> as crate::fields::FieldValue>::schema()
}

/// A line item in an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineItemView {
    /// `pli_…`
    pub id: String,
    /// `payment_link_item`
    #[schema(examples("payment_link_item"))]
    pub object: &'static str,
    /// The link it belongs to.
    pub payment_link_id: String,
    /// What is sold.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Price of one, in the token's smallest unit.
    pub amount: String,
    /// How many.
    pub quantity: u64,
    /// A picture of it.
    pub image_url: Option<String>,
    /// The product it stands for.
    pub product_id: Option<String>,
    /// Position among the link's items.
    pub sort_order: u64,
    /// When it was added.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl LineItemView {
    /// Shows an item of a link.
    pub fn new(item: &LineItem, link: &PaymentLinkId) -> Self {
        Self {
            id: item.id.to_string(),
            object: LineItemId::OBJECT,
            payment_link_id: link.to_string(),
            name: item.name.as_str().to_owned(),
            description: item.description.as_ref().map(|text| text.as_str().to_owned()),
            amount: item.amount.to_string(),
            quantity: item.quantity,
            image_url: item.image_url.as_ref().map(|url| url.as_str().to_owned()),
            product_id: item.product_id.as_ref().map(ToString::to_string),
            sort_order: item.sort_order,
            created_at: Time(item.created_at),
            updated_at: Time(item.updated_at),
        }
    }
}

/// Branding in an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct BrandingView {
    /// The merchant's logo.
    pub logo_url: Option<String>,
    /// The name shown instead of the organization's.
    pub business_name: Option<String>,
}

/// A payment link in an answer, under the names of both versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentLinkView {
    /// `pl_…`
    pub id: String,
    /// `payment_link`
    #[schema(examples("payment_link"))]
    pub object: &'static str,
    /// Whether it takes real money.
    pub livemode: bool,
    /// Shown to the payer.
    pub name: String,
    /// Shown to the payer.
    pub description: Option<String>,
    /// The checkout page.
    pub url: String,
    /// What stands in the page's address.
    pub short_code: String,
    /// A shorter address that leads to the page.
    pub short_url: String,
    /// What is paid with.
    pub token_address: Addr,
    /// Where it is paid.
    pub chain_id: u64,
    /// Who is paid.
    pub recipient_address: Addr,
    /// The price in the token's smallest unit: fixed, or the items' total; null when the payer chooses.
    pub amount: Option<String>,
    /// The least a payer may choose.
    pub min_amount: Option<String>,
    /// The most a payer may choose.
    pub max_amount: Option<String>,
    /// What the page proposes.
    pub suggested_amount: Option<String>,
    /// The product it sells.
    pub product_id: Option<String>,
    /// Shown to the payer.
    pub image_url: Option<String>,
    /// The page's accent.
    pub theme_color: Option<String>,
    /// What the pay button says; "Pay" when null.
    pub button_text: Option<String>,
    /// Completed payments after which the link closes.
    pub max_uses: Option<u64>,
    /// Completed payments so far.
    pub uses: u64,
    /// When the link closes.
    pub expires_at: Option<Time>,
    /// Whether the link takes payments now.
    pub active: bool,
    /// What the payer fills in.
    #[schema(schema_with = nullable_form_schema)]
    pub form_schema: Option<FormSchema>,
    /// Ways of sending goods.
    #[schema(schema_with = nullable_shipping_options)]
    pub shipping_options: Option<Vec<ShippingOption>>,
    /// Whether the payer gives a postal address.
    pub collect_shipping_address: bool,
    /// Where the payer goes afterwards.
    pub return_url: Option<String>,
    /// What the way back says.
    pub return_label: Option<String>,
    /// The page's look.
    pub branding: Option<BrandingView>,
    /// Whether the platform fee is added to the price.
    pub fee_on_top: bool,
    /// The merchant's own notes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub metadata: Option<Metadata>,
    /// What it is for.
    pub items: Vec<LineItemView>,
    /// When it was made.
    pub created_at: Time,
    /// When the merchant last changed it.
    pub updated_at: Time,
    /// What is legal but almost surely a mistake; absent when there is nothing to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ErrorItem>,
}

fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
    let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
    OneOfBuilder::new().item(schema).item(null).into()
}

pub(crate) fn nullable_form_schema() -> RefOr<Schema> {
    nullable(form_schema_schema())
}

pub(crate) fn nullable_shipping_options() -> RefOr<Schema> {
    nullable(shipping_option_schema())
}

impl PaymentLinkView {
    /// Shows a link as it is at `now`.
    pub fn new(link: &PaymentLink, config: &Config, now: Timestamp) -> Self {
        let terms = &link.terms;
        let code = link.id.short_code();
        let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let active = link.is_active(now);
        Self {
            id: link.id.to_string(),
            object: PaymentLinkId::OBJECT,
            livemode: link.owner.mode.is_live(),
            name: terms.name.as_str().to_owned(),
            description: terms.description.as_ref().map(|text| text.as_str().to_owned()),
            url: config.page_url(&code),
            short_code: code.to_string(),
            short_url: config.short_link(&code),
            token_address: Addr(terms.token_address.clone()),
            chain_id: terms.chain_id,
            recipient_address: Addr(terms.recipient_address.clone()),
            amount: amount(link.amount()),
            min_amount: amount(terms.min_amount),
            max_amount: amount(terms.max_amount),
            suggested_amount: amount(terms.suggested_amount),
            product_id: terms.product_id.as_ref().map(ToString::to_string),
            image_url: terms.image_url.as_ref().map(|url| url.as_str().to_owned()),
            theme_color: terms.theme_color.as_ref().map(|color| color.as_str().to_owned()),
            button_text: terms.button_text.as_ref().map(|text| text.as_str().to_owned()),
            max_uses: terms.max_uses,
            uses: link.uses,
            expires_at: terms.expires_at.map(Time),
            active,
            form_schema: terms.form_schema.clone(),
            shipping_options: terms.shipping_options.clone(),
            collect_shipping_address: terms.collect_shipping_address,
            return_url: terms.return_url.as_ref().map(|url| url.as_str().to_owned()),
            return_label: terms.return_label.as_ref().map(|text| text.as_str().to_owned()),
            branding: terms.branding.as_ref().map(|branding| BrandingView {
                logo_url: branding.logo_url.as_ref().map(|url| url.as_str().to_owned()),
                business_name: branding.business_name.as_ref().map(|name| name.as_str().to_owned()),
            }),
            fee_on_top: terms.fee_on_top,
            metadata: terms.metadata.clone(),
            items: link.items.iter().map(|item| LineItemView::new(item, &link.id)).collect(),
            created_at: Time(link.created_at),
            updated_at: Time(link.updated_at),
            warnings: warnings(&terms.token_address, terms.chain_id, Some(&terms.recipient_address), "link"),
        }
    }
}

/// The link a body names in `payment_link_id`, whoever owns it, read beside the check of the caller.
pub async fn find_named_link(call: Arc<Call>) -> Result<Option<PaymentLink>, ApiError> {
    match call.peek("payment_link_id").and_then(|text| PaymentLinkRef::parse(&machine_form(&text))) {
        Some(wanted) => Ok(call.db.find_payment_link(&wanted).await?),
        None => Ok(None),
    }
}

/// Warns of a well-known token on a chain where it does not live, and of being paid at the contract of one.
pub(crate) fn warnings(token: &Address, chain_id: u64, recipient: Option<&Address>, noun: &str) -> Vec<ErrorItem> {
    let misplaced = token_elsewhere(token, chain_id).map(|(symbol, home)| ErrorItem {
        code: Code::TokenChainMismatch.as_str(),
        message: format!(
            "This is the address of {symbol} on {} (chain {}), but the {noun} is on chain {chain_id}: check \
             'token_address' and 'chain_id'.",
            home.name, home.id
        ),
        param: Some("token_address".to_owned()),
    });
    misplaced.into_iter().chain(recipient.and_then(recipient_warning)).collect()
}

/// Warns of a recipient that is the contract of a well-known token, which gives back nothing.
pub(crate) fn recipient_warning(recipient: &Address) -> Option<ErrorItem> {
    token_at(recipient).map(|symbol| ErrorItem {
        code: Code::RecipientIsToken.as_str(),
        message: format!("This is the address of the token {symbol}, not of a wallet: check 'recipient_address'."),
        param: Some("recipient_address".to_owned()),
    })
}
