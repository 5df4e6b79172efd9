//! A platform on AWS, small enough for a test: a table with what the fixtures name in it, and instances of functions.

use crate::emulator::Instance;
use crate::event::{FIXTURE_KEY, FIXTURE_SHORT_CODE, FIXTURE_TOKEN};
use crate::gate::Gate;
use crate::kms::KmsKey;
use crate::template::Template;
use anyspend_api::clock::Clock;
use anyspend_api::version::Version;
use anyspend_domain::ProductId;
use anyspend_domain::api_key::{ApiKey, KeyHash, KeyText, Permissions};
use anyspend_domain::chain::{BASE, Chains, USDC_ON_BASE};
use anyspend_domain::checkout_session::{CheckoutSession, NewCheckoutSession, Source};
use anyspend_domain::discount_code::{CodeText, DiscountCode, DiscountCodePatch, ReductionType};
use anyspend_domain::line_item::NewLineItem;
use anyspend_domain::payment_link::{PaymentLink, Surroundings, TermsPatch};
use anyspend_domain::product::{Product, ProductPatch};
use anyspend_domain::text::Name;
use anyspend_domain::{
    Address, Amount, ApiKeyId, CheckoutSessionId, DiscountCodeId, LineItemId, Locator, Mode, OrgId, Owner, Patch,
    PaymentLinkId, Timestamp,
};
use anyspend_embedded::Embedded;
use anyspend_store::db::Connection;
use anyspend_store::vault::Vault;
use anyspend_store::{Db, StoreError, api_keys, checkout_sessions, discount_codes, payment_links, products, schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The table's name; on AWS, CloudFormation draws one.
pub(crate) const TABLE: &str = "anyspend-platform-Table-1EXAMPLE";
/// Where checkout pages are.
pub(crate) const PUBLIC_URL: &str = "https://pay.example.com";
const SECRET: &str = "only-for-tests-only-for-tests-only-for-tests-only-for-tests-1234";

/// A table, and what it takes to start functions on it.
pub(crate) struct World {
    pub(crate) client: aws_sdk_dynamodb::Client,
    template: Template,
    embedded: Embedded,
    /// Where there is none, functions get the secret itself, which is quicker.
    key: Option<KmsKey>,
}

impl World {
    /// A table with the organization of the fixtures in it: the key they present, another key, and a link with one
    /// line item.
    pub(crate) async fn start() -> Self {
        let embedded = Embedded::start(None).unwrap();
        let client = Connection::local(embedded.url().to_owned()).client();
        schema::create_table_if_absent(&client, TABLE).await.unwrap();
        let world = Self { client, template: Template::load(), embedded, key: None };
        world.seed().await;
        world
    }

    /// The same, with a key management service.
    pub(crate) async fn with_kms(key: KmsKey) -> Self {
        Self { key: Some(key), ..Self::start().await }
    }

    async fn seed(&self) {
        let now = Clock::System.now();
        let org = OrgId::parse("org_00000000000000000000EVENTS").unwrap();
        let owner = Owner { org, mode: Mode::Test };
        let presented = KeyText::parse(FIXTURE_KEY).unwrap();
        let another = KeyText::generate(Mode::Test);
        let named = ApiKeyId::parse(&format!("ak_{FIXTURE_TOKEN}")).unwrap();
        let mut writes = api_keys::create(&admin_key(ApiKeyId::generate(now), presented.hash(), &owner, now)).unwrap();
        writes.extend(api_keys::create(&admin_key(named, another.hash(), &owner, now)).unwrap());
        let link = link(owner, now);
        writes.extend(payment_links::create(&link).unwrap());
        writes.extend(products::create(&product(&link.owner, now)).unwrap());
        writes.push(checkout_sessions::create(&session(&link, now), &NoVault).unwrap());
        writes.push(discount_codes::create(&discount_code(&link.owner, now), None).unwrap());
        Db::new(self.client.clone(), TABLE).commit(writes).await.unwrap();
    }

    /// One instance of a function, in the environment the template gives it.
    pub(crate) async fn instance(&self, package: &str) -> Instance {
        let function = self.template.function(package);
        let gate = Gate::open(self.embedded.url(), function.permissions).await;
        let value = |written: String| match written.as_str() {
            "Table" => TABLE.to_owned(),
            "PublicUrl" => PUBLIC_URL.to_owned(),
            "DynamoDbEndpoint" => gate.url.clone(),
            "PlatformSecret" if self.key.is_none() => SECRET.to_owned(),
            "PlatformKey.Arn" => self.key.as_ref().map(|key| key.arn.clone()).unwrap_or_default(),
            _ => self.template.parameter_default(&written).unwrap_or(written),
        };
        let mut environment: BTreeMap<String, String> =
            function.environment.into_iter().map(|(name, written)| (name, value(written))).collect();
        // What Lambda itself provides.
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", function.logical_id.as_str()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "29"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_SESSION_TOKEN", "test"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        if let Some(key) = &self.key {
            environment.insert("AWS_ENDPOINT_URL_KMS".to_owned(), key.endpoint.clone());
        }
        Instance::start(package, &environment, gate).await
    }
}

fn admin_key(id: ApiKeyId, hash: KeyHash, owner: &Owner, now: Timestamp) -> ApiKey {
    ApiKey {
        id,
        owner: owner.clone(),
        hash,
        prefix: FIXTURE_KEY[..13].to_owned(),
        name: Name::parse("Fixtures").unwrap(),
        permissions: Permissions::admin(),
        pinned_version: Version::current().name().to_owned(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

fn product(owner: &Owner, now: Timestamp) -> Product {
    let patch = ProductPatch {
        name: Patch::Set(Name::parse("Mug").unwrap()),
        amount: Patch::Set(Amount::parse("15000000").unwrap()),
        token_address: Patch::Set(Address::parse(USDC_ON_BASE).unwrap()),
        chain_id: Patch::Set(BASE),
        recipient_address: Patch::Set(Address::parse("0x1234567890abcdef1234567890abcdef12345678").unwrap()),
        ..ProductPatch::default()
    };
    let id = ProductId::parse(&format!("prod_{FIXTURE_TOKEN}")).unwrap();
    Product::create(id, owner.clone(), patch, Surroundings { now, chains: &Chains::default() }).unwrap()
}

fn discount_code(owner: &Owner, now: Timestamp) -> DiscountCode {
    let id = DiscountCodeId::parse(&format!("dc_{FIXTURE_TOKEN}{}", "0".repeat(Locator::LENGTH))).unwrap();
    let patch = DiscountCodePatch {
        reduction_type: Patch::Set(ReductionType::Percentage),
        value: Patch::Set("10".to_owned()),
        ..DiscountCodePatch::default()
    };
    DiscountCode::create(id, owner.clone(), CodeText::parse("FIXTURE").unwrap(), patch, now).unwrap()
}

/// A session that knows no buyer, so that nothing needs sealing.
fn session(link: &PaymentLink, now: Timestamp) -> CheckoutSession {
    let id = CheckoutSessionId::parse(&format!("cs_{FIXTURE_TOKEN}{FIXTURE_SHORT_CODE}")).unwrap();
    let request = NewCheckoutSession::default();
    CheckoutSession::open(id, link.owner.clone(), request, Source::Link(link), now, &Chains::default()).unwrap()
}

/// Has nothing to seal.
struct NoVault;

impl Vault for NoVault {
    fn seal<T: Serialize>(&self, _: &T, _: &str) -> Result<String, StoreError> {
        Err(nobody())
    }

    fn open<T: DeserializeOwned>(&self, _: &str, _: &str) -> Result<T, StoreError> {
        Err(nobody())
    }

    fn blind(&self, _: &str, _: &str) -> Result<String, StoreError> {
        Err(nobody())
    }
}

fn nobody() -> StoreError {
    StoreError::Fault("no fixture knows a person".to_owned())
}

fn link(owner: Owner, now: Timestamp) -> PaymentLink {
    let item = NewLineItem {
        id: LineItemId::parse(&format!("pli_{FIXTURE_TOKEN}")).unwrap(),
        name: Name::parse("Mug").unwrap(),
        description: None,
        amount: Amount::parse("15000000").unwrap(),
        quantity: 1,
        image_url: None,
        product_id: None,
        sort_order: None,
    };
    let patch = TermsPatch {
        name: Patch::Set(Name::parse("Premium Membership").unwrap()),
        amount: Patch::Set(Amount::parse("10000000").unwrap()),
        token_address: Patch::Set(Address::parse(USDC_ON_BASE).unwrap()),
        chain_id: Patch::Set(BASE),
        recipient_address: Patch::Set(Address::parse("0x1234567890abcdef1234567890abcdef12345678").unwrap()),
        items: Patch::Set(vec![item]),
        ..TermsPatch::default()
    };
    let id = PaymentLinkId::parse(&format!("pl_{FIXTURE_TOKEN}{FIXTURE_SHORT_CODE}")).unwrap();
    PaymentLink::create(id, owner, patch, Surroundings { now, chains: &Chains::default() }).unwrap()
}
