//! A platform on AWS, small enough for a test: a table with what the fixtures name in it, and instances of functions.

use crate::chain::Chain;
use crate::emulator::Instance;
use crate::event::{FIXTURE_KEY, FIXTURE_SHORT_CODE, FIXTURE_TOKEN};
use crate::gate::Gate;
use crate::kms::KmsKey;
use crate::template::Template;
use anyspend_api::Platform;
use anyspend_api::clock::Clock;
use anyspend_api::config::Config;
use anyspend_api::seal::MasterSecret;
use anyspend_api::versions::Version;
use anyspend_api::webhook::SigningSecret;
use anyspend_domain::ProductId;
use anyspend_domain::api_key::{ApiKey, KeyText, Permissions};
use anyspend_domain::chain::{BASE, Chains, USDC_ON_BASE};
use anyspend_domain::checkout_session::{
    AppliedDiscount, Attribution, CheckoutSession, NewCheckoutSession, Source, Status,
};
use anyspend_domain::customer::Customer;
use anyspend_domain::discount_code::{CodeText, DiscountCode, DiscountCodePatch, ReductionType};
use anyspend_domain::line_item::NewLineItem;
use anyspend_domain::organization::Organization;
use anyspend_domain::payment::{LinkState, Payment, PaymentRecord, settle};
use anyspend_domain::payment_link::{PaymentLink, Surroundings, TermsPatch};
use anyspend_domain::product::{Product, ProductPatch};
use anyspend_domain::statistics::{Visitor, VisitorHash};
use anyspend_domain::text::Name;
use anyspend_domain::transaction::{Transaction, TxHash};
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::webhook::{NewWebhook, Reach, Subscription, Webhook, WebhookEvent, WebhookPatch, Wish};
use anyspend_domain::webhook_delivery::{Cause, Delivery, Occurrence};
use anyspend_domain::{
    Address, Amount, ApiKeyId, CheckoutSessionId, CustomerId, DiscountCodeId, LineItemId, Locator, Mode, OrgId, Owner,
    Patch, PaymentLinkId, ShortCode, Timestamp, TransactionId, VisitorId,
};
use anyspend_domain::{DeliveryId, EventId, WebhookId};
use anyspend_embedded::{Embedded, Port};
use anyspend_store::checkout_sessions::SessionColumns;
use anyspend_store::db::Connection;
use anyspend_store::list::{Compacted, Ending, ListId, Tuning};
use anyspend_store::payment_links::LinkColumns;
use anyspend_store::vault::{Blind, Vault};
use anyspend_store::{
    Db, StoreError, api_keys, checkout_sessions, customers, discount_codes, organizations, payment_links, products,
    schema, settlement, transactions, webhook_deliveries, webhooks,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Who pays in the fixtures.
const FIXTURE_WALLET: &str = "0x7e57000000000000000000000000000000007e57";
/// Who is paid in the fixtures.
const RECIPIENT: &str = "0x1234567890abcdef1234567890abcdef12345678";
/// What the fixtures' session costs.
const PRICE: u64 = 10_000_000;
/// Links that expired in the list that is due: more than its directories repeat.
const EXPIRED: usize = 70;
/// The token of the session with a discount.
const DISCOUNTED_TOKEN: &str = "01JD00000000000000000EVEN7";
/// Sessions of a deleted link: so many that their list has blocks.
const COMPLETED: usize = 1_000;
/// The table's name; on AWS, CloudFormation draws one.
pub(crate) const TABLE: &str = "anyspend-platform-Table-1EXAMPLE";
/// Where checkout pages are.
pub(crate) const PUBLIC_URL: &str = "https://pay.example.com";
const SECRET: &str = "only-for-tests-only-for-tests-only-for-tests-only-for-tests-1234";

/// A table, and what it takes to start functions on it.
pub(crate) struct World {
    pub(crate) client: aws_sdk_dynamodb::Client,
    template: Template,
    _embedded: Embedded,
    port: Port,
    /// Where the session's price has been paid, and nobody has noticed yet.
    chain: Chain,
    /// Where there is none, functions get the secret itself, which is quicker.
    key: Option<KmsKey>,
}

impl World {
    /// A table with the organization of the fixtures in it: the key they present, another key, and a link with one
    /// line item.
    pub(crate) async fn start() -> Self {
        let embedded = Embedded::start(None).unwrap();
        let port = embedded.listen().unwrap();
        let client = Connection::local(port.url().to_owned()).client();
        schema::create_table_if_absent(&client, TABLE).await.unwrap();
        let time = Clock::System.now().seconds() + 1;
        let chain = Chain::with_a_transfer(USDC_ON_BASE.address().as_sent(), RECIPIENT, PRICE, time).await;
        let world = Self { client, template: Template::load(), _embedded: embedded, port, chain, key: None };
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
        let organization = Organization::new(owner.org.clone(), Name::parse("Fixtures").unwrap(), now);
        let mut writes = vec![organizations::create(&organization).unwrap()];
        writes.extend(api_keys::create(&admin_key(&presented, &owner, now)).unwrap());
        writes.extend(api_keys::create(&ApiKey { id: named, ..admin_key(&another, &owner, now) }).unwrap());
        let link = link(owner, now);
        writes.extend(payment_links::create(&link).unwrap());
        writes.extend(products::create(&product(&link.owner, now)).unwrap());
        let session = session(&link, now);
        writes.extend(checkout_sessions::create(&session, &NoVault).unwrap());
        let asked = session.amount_asked().unwrap();
        assert_eq!(asked.to_string(), PRICE.to_string());
        writes.extend(settlement::ask(&session, now).unwrap());
        writes.push(settlement::watch(&session).unwrap());
        let customer = customer(&link.owner, now);
        writes.extend(customers::record(&customer, None, &NoVault).unwrap());
        writes.extend(transactions::record(&transaction(session, customer.id, now), None, &NoVault).unwrap());
        let code = discount_code(&link.owner, now);
        writes.extend(discount_codes::create(&code, None).unwrap());
        writes.extend(checkout_sessions::create(&discounted(&link, &code, now), &NoVault).unwrap());
        let db = Db::new(self.client.clone(), TABLE);
        let (webhook, deliveries) = webhook(&db, &link.owner, now);
        writes.extend(webhooks::create(&webhook).unwrap());
        writes.extend(deliveries.iter().map(|delivery| webhook_deliveries::create(delivery).unwrap()));
        db.commit(writes).await.unwrap();
        neglected_list(&db, now).await;
        ended_sessions(&db, &link, now).await;
        // Long enough ago for its bucket to be closed.
        db.record_view(&visit(&link, Timestamp::from_millis(now.millis() - 1_200_000).unwrap())).await.unwrap();
    }

    /// One instance of a function, in the environment the template gives it.
    pub(crate) async fn instance(&self, package: &str) -> Instance {
        let function = self.template.function(package);
        let gate = Gate::open(self.port.url(), function.grants.clone()).await;
        let value = |written: String| match written.as_str() {
            "Table" => TABLE.to_owned(),
            "PublicUrl" => PUBLIC_URL.to_owned(),
            "DynamoDbEndpoint" => gate.url.clone(),
            "Chains" => format!("{}={}", BASE.id, self.chain.url),
            "FollowedChains" => BASE.id.to_string(),
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

fn admin_key(text: &KeyText, owner: &Owner, now: Timestamp) -> ApiKey {
    let name = Name::parse("Fixtures").unwrap();
    ApiKey::new(text, owner.clone(), name, Permissions::admin(), Version::current().name(), now)
}

/// An endpoint at a name that nobody has, with its secret sealed as the functions seal it, and test events for it: one by
/// the name that fixtures know, and one that is young enough to be listed.
fn webhook(db: &Db, owner: &Owner, now: Timestamp) -> (Webhook, [Delivery; 2]) {
    let config = Config { secret: MasterSecret::from_text(SECRET), ..Config::local(PUBLIC_URL.to_owned()) };
    let platform = Platform::new(db.clone(), config, Clock::System);
    let id = WebhookId::parse(&format!("wh_{FIXTURE_TOKEN}")).unwrap();
    let new = NewWebhook {
        secret: platform.seal_webhook_secret(owner, &id, &SigningSecret::generate()).unwrap(),
        id,
        owner: owner.clone(),
        api_version: Version::current().name().to_owned(),
    };
    let patch = WebhookPatch {
        url: Patch::Set(WebUrl::parse("https://hooks.example.invalid/anyspend", Mode::Test).unwrap()),
        events: Patch::Set(Subscription::new(vec![Wish::parse("*").unwrap()]).unwrap()),
        ..WebhookPatch::default()
    };
    let webhook = Webhook::create(new, patch, now, Reach::Public).unwrap();
    let occurrence = Occurrence {
        id: EventId::generate(now),
        event: WebhookEvent::TestPing,
        transaction_id: None,
        session_id: None,
        at: now,
    };
    let young = Delivery::new(&webhook, occurrence, Cause::Request, now);
    let named = DeliveryId::parse(&format!("del_{FIXTURE_TOKEN}")).unwrap();
    let deliveries = [Delivery { id: named, ..young.clone() }, young];
    (webhook, deliveries)
}

fn product(owner: &Owner, now: Timestamp) -> Product {
    let patch = ProductPatch {
        name: Patch::Set(Name::parse("Mug").unwrap()),
        amount: Patch::Set(Amount::parse("15000000").unwrap()),
        token_address: Patch::Set(USDC_ON_BASE.address()),
        chain_id: Patch::Set(BASE.id),
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

/// A session that holds a use of a discount code, under an id of its own.
fn discounted(link: &PaymentLink, code: &DiscountCode, now: Timestamp) -> CheckoutSession {
    let id = CheckoutSessionId::parse(&format!("cs_{DISCOUNTED_TOKEN}{FIXTURE_SHORT_CODE}")).unwrap();
    let discount = AppliedDiscount { id: code.id.clone(), code: code.code.as_str().to_owned(), amount: None };
    CheckoutSession { id, discount: Some(discount), ..session(link, now) }
}

/// The list of another organization, whose links have expired since it was looked after: the compaction that is due by
/// now reads it, publishes it anew, and forgets what the one before has cleared away.
async fn neglected_list(db: &Db, now: Timestamp) {
    let before = |seconds: u64| Timestamp::from_millis(now.millis() - seconds * 1_000).unwrap();
    let (loaded_at, cleared_at, expired_at) = (before(300), before(200), before(30));
    let owner = Owner { org: OrgId::generate(loaded_at), mode: Mode::Test };
    let pattern = link(owner.clone(), loaded_at);
    let links = (0..EXPIRED).map(|_| {
        let mut link = pattern.clone();
        link.id = PaymentLinkId::generate(loaded_at, &ShortCode::generate());
        link.terms.expires_at = Some(expired_at);
        (link.id.to_string(), LinkColumns::of(&link))
    });
    let list = ListId::all::<LinkColumns>(&owner);
    let loaded = db.load_list(&list, links.collect(), loaded_at, &Tuning::default()).await.unwrap();
    assert_eq!(loaded, Compacted::Published);
    let published = db.look_after_lists(cleared_at, &Tuning::default()).await.unwrap();
    assert_eq!(published, 0, "there was nothing to do yet but to clear up");
}

/// What the job that ends sessions has to do: a session whose time is over; and in another organization, the deletion of a
/// link with many sessions that nobody needs to know of any more.
async fn ended_sessions(db: &Db, link: &PaymentLink, now: Timestamp) {
    let before = |seconds: u64| now.minus_seconds(seconds);
    let open = |link: &PaymentLink, at: Timestamp| {
        let id = CheckoutSessionId::generate(at, &link.id.short_code());
        let request = NewCheckoutSession::default();
        CheckoutSession::open(id, link.owner.clone(), request, Source::Link(link), at, &Chains::default()).unwrap()
    };
    db.commit(checkout_sessions::create(&open(link, before(7_200)), &NoVault).unwrap()).await.unwrap();
    let mut deleted = link.clone();
    deleted.owner = Owner { org: OrgId::generate(now), mode: Mode::Test };
    let sessions = (0..COMPLETED).map(|_| {
        let mut session = open(&deleted, before(600));
        session.stored_status = Status::Completed;
        (session.id.to_string(), SessionColumns::of(&session))
    });
    let list = ListId::all::<SessionColumns>(&deleted.owner);
    let loaded = db.load_list(&list, sessions.collect(), before(500), &Tuning::default()).await.unwrap();
    assert_eq!(loaded, Compacted::Published);
    let ending = Ending { what: deleted.id.to_string(), at: before(400), done_at: None };
    db.finish_ending(&list, &ending, before(200)).await.unwrap();
}

fn visit(link: &PaymentLink, at: Timestamp) -> Visitor {
    Visitor {
        id: VisitorId::generate(at, &link.id.short_code()),
        owner: link.owner.clone(),
        payment_link_id: link.id.clone(),
        ip_country: None,
        referrer: None,
        user_agent: None,
        attribution: Attribution::default(),
        hash: VisitorHash::of_mac(&[7; 32]),
        started_session: false,
    }
}

/// A customer without a name, so that nothing needs sealing.
fn customer(owner: &Owner, now: Timestamp) -> Customer {
    let wallet = Address::parse(FIXTURE_WALLET).unwrap();
    let id = CustomerId::parse(&format!("cust_{FIXTURE_TOKEN}{}", customers::locator(owner, &wallet))).unwrap();
    Customer::new(id, owner.clone(), wallet, now)
}

/// What a payment of the session leaves behind.
fn transaction(session: CheckoutSession, customer: CustomerId, now: Timestamp) -> Transaction {
    let id = TransactionId::parse(&format!("tx_{FIXTURE_TOKEN}")).unwrap();
    let payment = Payment {
        amount: Amount::parse("15000000").unwrap(),
        payer_address: Address::parse(FIXTURE_WALLET).unwrap(),
        tx_hash: TxHash::new([7; 32]),
        log_index: Some(0),
        block: None,
        confirmations: 1,
    };
    settle(session, PaymentRecord::New(id), &payment, LinkState::None, Some(customer), now).transaction
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

    fn blind(&self, _: &str, _: &str) -> Result<Blind, StoreError> {
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
        token_address: Patch::Set(USDC_ON_BASE.address()),
        chain_id: Patch::Set(BASE.id),
        recipient_address: Patch::Set(Address::parse("0x1234567890abcdef1234567890abcdef12345678").unwrap()),
        items: Patch::Set(vec![item]),
        ..TermsPatch::default()
    };
    let id = PaymentLinkId::parse(&format!("pl_{FIXTURE_TOKEN}{FIXTURE_SHORT_CODE}")).unwrap();
    PaymentLink::create(id, owner, patch, Surroundings { now, chains: &Chains::default() }).unwrap()
}
