//! A platform that follows a chain.

use crate::node::{CHAIN, Node, USDC};
use anyspend_api::job::Job;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_domain::matching::Scope;
use anyspend_domain::payment::{LinkState, report, report_of_unmatched};
use anyspend_domain::settlement::{WalletSignature, statement};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{CheckoutSessionId, TransactionId};
use anyspend_store::db::Item;
use anyspend_store::settlement;
use anyspend_testing::{App, Client, START};
use serde_json::{Value, json};
use settle::{ChainRun, Settler};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Confirmations the tests wait for.
pub(crate) const CONFIRMATIONS: u64 = 3;
/// What sessions cost: 10 dollars.
pub(crate) const PRICE: u64 = 10_000_000;
const SESSIONS: &str = "/api/v1/checkout-sessions";

pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) app: App,
    pub(crate) settler: Settler,
    recipients: AtomicU64,
}

/// When the tests' clock stands, in Unix seconds.
pub(crate) fn start() -> u64 {
    anyspend_domain::Timestamp::parse(START).unwrap().seconds()
}

/// A platform that believes these endpoints about Base.
pub(crate) async fn platform(urls: Vec<String>) -> App {
    let access = ChainAccess { rpc_urls: urls, confirmations: Some(CONFIRMATIONS) };
    App::start_with(anyspend_local::groups, |config| config.chains = Chains::new(BTreeMap::from([(CHAIN, access)])))
        .await
}

impl World {
    pub(crate) async fn start() -> Self {
        let node = Node::start(CHAIN, Some(start())).await;
        Self::with_endpoints(node, |node| vec![node.url.clone()]).await
    }

    /// With other endpoints than the node's own.
    pub(crate) async fn with_endpoints(node: Node, urls: impl FnOnce(&Node) -> Vec<String>) -> Self {
        node.dollars().await;
        let app = platform(urls(&node)).await;
        let settler = Settler::prepare(app.platform.clone()).unwrap();
        Self { node, app, settler, recipients: AtomicU64::new(1) }
    }

    /// A recipient nobody has used yet.
    pub(crate) fn recipient(&self) -> String {
        format!("0x{:040x}", 0xaaaa_0000_0000 + self.recipients.fetch_add(1, Ordering::SeqCst))
    }

    /// A session of ten dollars to a recipient, with some fields changed.
    pub(crate) async fn session(&self, client: &Client<'_>, recipient: &str, changes: Value) -> Session {
        let mut body = json!({
            "token_address": USDC, "chain_id": CHAIN, "recipient_address": recipient, "amount": PRICE.to_string(),
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.opened(&client.post(SESSIONS, &body).await.expect(201))
    }

    /// A session of a payment link.
    pub(crate) async fn session_from(&self, client: &Client<'_>, link: &Value) -> Session {
        let body = json!({"payment_link_id": link["id"], "expires_in": 86_400});
        self.opened(&client.post(SESSIONS, &body).await.expect(201))
    }

    fn opened(&self, json: &Value) -> Session {
        let recipient = json["recipient_address"].as_str().unwrap();
        let id = CheckoutSessionId::parse(json["id"].as_str().unwrap()).unwrap();
        let reference = self.app.platform.payment_reference(&id).unwrap().to_string();
        let asked = json["amount_due"].as_str().unwrap().parse().unwrap();
        Session { id, reference, asked, recipient: recipient.to_owned() }
    }

    /// The session as it is now.
    pub(crate) async fn read(&self, client: &Client<'_>, session: &Session) -> Value {
        client.get(&format!("{SESSIONS}/{}", session.id)).await.expect(200)
    }

    /// The payer reports a transaction, as the page does.
    pub(crate) async fn report(&self, session: &Session, hash: &str, signature: Option<String>) {
        let (db, platform) = (&self.app.platform.db, &*self.app.platform);
        let before = db.find_checkout_session(&session.id, platform).await.unwrap().unwrap();
        let (now, hash) = (self.app.now(), TxHash::parse(hash).unwrap());
        let signature = signature.map(|text| WalletSignature::parse(&text).unwrap());
        if db.is_unmatched(CHAIN, &hash, &Scope::of(&before)).await.unwrap() {
            let after = report_of_unmatched(before.clone(), LinkState::None, now).unwrap();
            let writes = settlement::report_of_unmatched(&before, &after, &hash, signature, now, platform).unwrap();
            db.commit(writes).await.unwrap();
            return;
        }
        let id = TransactionId::generate(now);
        let (after, transaction) = report(before.clone(), hash, None, LinkState::None, id, now).unwrap();
        let writes = settlement::report(&before, &after, &transaction, signature, now, platform).unwrap();
        db.commit(writes).await.unwrap();
    }

    /// What a wallet signs to say that its transaction was meant for a session.
    pub(crate) async fn sign(&self, wallet: &str, session: &Session, hash: &str) -> String {
        let text = statement(&session.id, CHAIN, &TxHash::parse(hash).unwrap());
        let signed = self.node.rpc("personal_sign", json!([crate::node::hex(text.as_bytes()), wallet])).await;
        signed.as_str().unwrap().to_owned()
    }

    /// One run of settlement on the chain.
    pub(crate) async fn run(&self) -> ChainRun {
        self.settler.run_once().await.remove(0)
    }

    /// A run that must do all it should.
    pub(crate) async fn settle(&self) -> ChainRun {
        let run = self.run().await;
        assert_eq!(run.problem, None, "{run:?}");
        run
    }

    /// Mines enough for everything there is to be final, and runs.
    pub(crate) async fn finish(&self) -> ChainRun {
        self.node.mine(CONFIRMATIONS).await;
        self.settle().await
    }

    /// Everything the table holds.
    pub(crate) async fn rows(&self) -> Vec<Item> {
        let (client, table) = self.app.table();
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let page = client.scan().table_name(table).set_exclusive_start_key(from).send().await.unwrap();
            rows.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return rows;
            }
        }
    }

    /// The records of a session's transactions: status, amount, exception and payer of each, oldest first.
    pub(crate) async fn records(&self, session: &Session) -> Vec<Record> {
        let rows = self.rows().await;
        let text =
            |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let mut records: Vec<Record> = rows
            .iter()
            .filter(|item| text(item, "sk") == "TX" && text(item, "session_id") == session.id.as_str())
            .map(|item| Record {
                id: text(item, "id"),
                status: text(item, "status"),
                amount: text(item, "amount"),
                exception: text(item, "exception"),
                payer: text(item, "payer_address"),
            })
            .collect();
        records.sort_by(|one, other| one.id.cmp(&other.id));
        records
    }
}

/// A session in a test.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: CheckoutSessionId,
    /// `0x…`, to be appended to calldata.
    pub(crate) reference: String,
    /// What its page asks for.
    pub(crate) asked: u64,
    pub(crate) recipient: String,
}

/// A transaction's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: String,
    pub(crate) exception: String,
    pub(crate) payer: String,
}
