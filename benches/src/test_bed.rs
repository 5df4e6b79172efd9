//! An embedded engine with payment links and API keys in it, and the price of asking it directly.

use anyspend_api::clock::Clock;
use anyspend_api::versions::Version;
use anyspend_domain::api_key::{ApiKey, KeyText, Permission, Permissions};
use anyspend_domain::chain::Chains;
use anyspend_domain::payment_link::{PaymentLink, Surroundings, TermsPatch};
use anyspend_domain::text::{Description, Name};
use anyspend_domain::{Address, Amount, Mode, OrgId, Owner, Patch, PaymentLinkId, ShortCode};
use anyspend_embedded::{Embedded, Port};
use anyspend_store::db::Connection;
use anyspend_store::schema::{self, Key};
use anyspend_store::{Db, api_keys, payment_links};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The table's name.
pub(crate) const TABLE: &str = "bench";
/// How many links requests are spread over.
const LINKS: usize = 100;

/// The engine and what is in it.
pub(crate) struct TestBed {
    /// The links that can be asked for.
    pub(crate) links: Vec<PaymentLinkId>,
    owner: Owner,
    client: Client,
    db: Db,
    port: Port,
    _engine: Embedded,
}

impl TestBed {
    /// Starts an engine in memory and fills it.
    pub(crate) async fn start() -> Result<Self, String> {
        let engine = Embedded::start(None)?;
        // Programs that are measured are processes of their own.
        let port = engine.listen()?;
        let client = Connection::local(port.url().to_owned()).client();
        schema::create_table_if_absent(&client, TABLE).await?;
        let db = Db::new(client.clone(), TABLE);
        let owner = Owner { org: OrgId::generate(Clock::System.now()), mode: Mode::Test };
        let mut bed = Self { links: Vec::new(), owner, client, db, port, _engine: engine };
        for _ in 0..LINKS {
            let link = bed.create_link().await?;
            bed.links.push(link);
        }
        Ok(bed)
    }

    /// Where the engine listens.
    pub(crate) fn url(&self) -> &str {
        self.port.url()
    }

    async fn create_link(&self) -> Result<PaymentLinkId, String> {
        let invalid = |invalid: anyspend_domain::Invalid| invalid.must;
        let address = |text: &str| Address::parse(text).map_err(invalid);
        let now = Clock::System.now();
        let patch = TermsPatch {
            name: Patch::Set(Name::parse("Premium Membership").map_err(invalid)?),
            description: Patch::Set(Description::parse("Everything, for one month.").map_err(invalid)?),
            amount: Patch::Set(Amount::parse("10000000").map_err(invalid)?),
            token_address: Patch::Set(address("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")?),
            chain_id: Patch::Set(8453),
            recipient_address: Patch::Set(address("0x1234567890abcdef1234567890abcdef12345678")?),
            ..TermsPatch::default()
        };
        let id = PaymentLinkId::generate(now, &ShortCode::generate());
        let around = Surroundings { now, chains: &Chains::default() };
        let link = PaymentLink::create(id.clone(), self.owner.clone(), patch, around)
            .map_err(|rejection| format!("the payment link to measure with is refused: {rejection:?}"))?;
        let writes = payment_links::create(&link).map_err(|error| error.to_string())?;
        self.db.commit(writes).await.map_err(|error| format!("cannot create a payment link: {error:?}"))?;
        Ok(id)
    }

    /// Fresh keys that may read.
    pub(crate) async fn create_keys(&self, count: usize) -> Result<Vec<KeyText>, String> {
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            keys.push(self.create_key().await?);
        }
        Ok(keys)
    }

    async fn create_key(&self) -> Result<KeyText, String> {
        let now = Clock::System.now();
        let text = KeyText::generate(self.owner.mode);
        let name = Name::parse("Bench").map_err(|invalid| invalid.must)?;
        let permissions = Permissions::new(vec![Permission::Read]).map_err(|invalid| invalid.must)?;
        let key = ApiKey::new(&text, self.owner.clone(), name, permissions, Version::current().name(), now);
        let writes = api_keys::create(&key).map_err(|error| error.to_string())?;
        self.db.commit(writes).await.map_err(|error| format!("cannot create an API key: {error:?}"))?;
        Ok(text)
    }

    /// One `GetItem` of a link and, after it, one `UpdateItem` of a key: the least an authenticated read asks of the
    /// table. Through the same SDK client as the platform's own calls.
    pub(crate) async fn two_calls(&self, link: &PaymentLinkId, key: &KeyText) -> Result<Duration, String> {
        let attributes = |key: Key| {
            HashMap::from([
                (schema::PK.to_owned(), AttributeValue::S(key.pk)),
                (schema::SK.to_owned(), AttributeValue::S(key.sk)),
            ])
        };
        let (link, key) = (attributes(Key::link_head(&link.short_code())), attributes(Key::api_key(key.hash())));
        let began = Instant::now();
        let read = self.client.get_item().table_name(TABLE).set_key(Some(link)).send().await;
        let found = read.map_err(|error| format!("GetItem failed: {error:?}"))?.item.is_some();
        self.client
            .update_item()
            .table_name(TABLE)
            .set_key(Some(key))
            .condition_expression("attribute_exists(pk)")
            .update_expression("ADD bench_calls :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| format!("UpdateItem failed: {error:?}"))?;
        let took = began.elapsed();
        if found { Ok(took) } else { Err("the link to read is not in the table".to_owned()) }
    }
}
