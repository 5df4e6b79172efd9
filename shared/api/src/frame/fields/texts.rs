//! Values that are a text of some form: one line each, its reading beside its description.

use super::{FieldValue, Place, ReadContext};
use crate::json::Json;
use anyspend_domain::api_key::Permission;
use anyspend_domain::country::CountryCode;
use anyspend_domain::discount_code::{CodeText, ReductionType};
use anyspend_domain::link_form::{FieldId, FieldKind};
use anyspend_domain::money::ShippingCost;
use anyspend_domain::product::ProductType;
use anyspend_domain::settlement::WalletSignature;
use anyspend_domain::text::{
    Caption, ClientReference, CustomerName, Description, Email, Identifier, Name, PostalCode, ThemeColor, UtmTag,
};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::webhook::Wish;
use anyspend_domain::{Address, Amount, Invalid, ProductId, VisitorId, pasted};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// Any string.
pub(super) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

macro_rules! string_fields {
    ($($type:ty = $parse:expr, $schema:expr;)*) => {$(
        impl FieldValue for $type {
            fn read(json: &Json, place: &mut Place<'_>) -> Option<Self> {
                let Json::String(text) = json else {
                    return place.refuse(Invalid::new(format!("must be a string, not {}", json.kind())));
                };
                let parse: fn(&str, &ReadContext) -> Result<$type, Invalid> = $parse;
                parse(text, &place.context).map_or_else(|invalid| place.refuse(invalid), Some)
            }

            fn schema() -> RefOr<Schema> {
                let schema: ObjectBuilder = $schema;
                schema.into()
            }
        }
    )*};
}

string_fields! {
    Name = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    Description = |text, _| Self::parse(text), string().max_length(Some(Self::MAX));
    Caption = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    ClientReference = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    CustomerName = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    UtmTag = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    Email = |text, _| Self::parse(text),
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Email))).max_length(Some(Self::MAX));
    ThemeColor = |text, _| Self::parse(text), string().pattern(Some("^#[0-9a-fA-F]{6}$"));
    WebUrl = |text, context| Self::parse(text, context.mode),
        string().format(Some(SchemaFormat::Custom("uri".to_owned()))).max_length(Some(Self::MAX));
    Amount = |text, _| Self::parse(text),
        string().pattern(Some("^[1-9][0-9]{0,77}$")).description(Some("In the token's smallest unit"));
    ShippingCost = |text, _| Self::parse(text),
        string().pattern(Some("^(0|[1-9][0-9]{0,77})$")).description(Some("In the token's smallest unit"));
    Address = |text, _| Self::parse(text), string().pattern(Some("^0x[0-9a-fA-F]{40}$"));
    TxHash = |text, _| Self::parse(text), string().pattern(Some("^0x[0-9a-fA-F]{64}$"));
    WalletSignature = |text, _| Self::parse(text),
        string().pattern(Some("^0x([0-9a-fA-F]{2})+$")).max_length(Some(2 + 2 * Self::MAX));
    ProductId = |text, _| Self::from_field(text), string().pattern(Some("^prod_[0-9A-Za-z]+$"));
    VisitorId = |text, _| Self::parse(&pasted::machine_form(text)).ok_or_else(|| Invalid::new("must be a visitor id such as 'vis_…'")),
        string().pattern(Some("^vis_[0-9A-Za-z]+$"));
    CountryCode = |text, _| Self::parse(text),
        string().pattern(Some("^[A-Za-z]{2}$")).description(Some("ISO 3166-1 alpha-2"));
    Identifier = |text, _| Self::parse(text), string().min_length(Some(Self::MIN)).max_length(Some(Self::MAX));
    PostalCode = |text, _| Self::parse(text),
        string().max_length(Some(Self::MAX)).description(Some("Required where the country has postal codes"));
    CodeText = |text, _| Self::parse(text),
        string().pattern(Some("^[A-Za-z0-9_-]{1,50}$")).description(Some("Kept in upper case"));
    ReductionType = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES.iter().copied()));
    FieldId = |text, _| Self::parse(text), string().min_length(Some(1)).max_length(Some(Self::MAX));
    FieldKind = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES.iter().copied()));
    ProductType = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES.iter().copied()));
    Wish = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES.iter().copied()));
    Permission = |text, _| Self::parse(text), string().enum_values(Some(Self::NAMES.iter().copied()));
}
