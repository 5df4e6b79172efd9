//! What tests build on: the platform on an embedded database, clients per kind of caller, a clock that stands, and
//! faults under the SDK.
//!
//! Failing loudly is what this crate is for, so it may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod death;
pub mod faults;

use anyspend_api::clock::Clock;
use anyspend_api::config::Config;
use anyspend_api::operation::Group;
use anyspend_api::road::{PeerAddress, router};
use anyspend_api::seal::MasterSecret;
use anyspend_api::versions::Version;
use anyspend_api::{Platform, session_token};
use anyspend_domain::api_key::{ApiKey, KeyText, Permission, Permissions};
use anyspend_domain::organization::Organization;
use anyspend_domain::text::Name;
use anyspend_domain::{Mode, OrgId, Owner, Timestamp};
use anyspend_embedded::Embedded;
use anyspend_store::db::{Connection, Item};
use anyspend_store::{Db, api_keys, organizations, schema};
use axum::Router;
use axum::body::Body;
use faults::Faults;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

/// The moment at which a test's clock stands when it begins.
pub const START: &str = "2026-02-27T10:30:00Z";
/// The embedded table's name.
const TABLE: &str = "test";

/// A platform on an embedded database of its own.
pub struct App {
    /// What its requests share.
    pub platform: Arc<Platform>,
    /// What goes wrong below the SDK.
    pub faults: Arc<Faults>,
    router: Router,
    embedded: Arc<Embedded>,
    table: &'static str,
    make_groups: fn() -> Vec<Group>,
}

impl App {
    /// A platform that serves these groups and has no data.
    pub async fn start(groups: fn() -> Vec<Group>) -> Self {
        Self::start_with(groups, |_| {}).await
    }

    /// The same, configured otherwise.
    pub async fn start_with(groups: fn() -> Vec<Group>, configure: impl FnOnce(&mut Config)) -> Self {
        let embedded = Arc::new(Embedded::start(None).unwrap());
        let plain = Connection::in_process(embedded.http_client()).client();
        schema::create_table_if_absent(&plain, TABLE).await.unwrap();
        let mut config = Config::local("https://pay.test".to_owned());
        config.secret = Some(MasterSecret::generate());
        configure(&mut config);
        let clock = Clock::fixed(Timestamp::parse(START).unwrap());
        Self::assemble(embedded, TABLE, config, clock, groups)
    }

    /// A platform on a database file that exists, with the clock at a moment: for data that another version wrote.
    pub fn open_file(
        groups: fn() -> Vec<Group>,
        file: &Path,
        table: &'static str,
        at: Timestamp,
        config: Config,
    ) -> Self {
        let embedded = Arc::new(Embedded::start(Some(file)).unwrap());
        Self::assemble(embedded, table, config, Clock::fixed(at), groups)
    }

    /// Another instance on the same table: its own memory, its own faults, the same clock.
    pub fn another_instance(&self) -> Self {
        Self::assemble(
            self.embedded.clone(),
            self.table,
            self.platform.config.clone(),
            self.platform.clock.clone(),
            self.make_groups,
        )
    }

    fn assemble(
        embedded: Arc<Embedded>,
        table: &'static str,
        config: Config,
        clock: Clock,
        make_groups: fn() -> Vec<Group>,
    ) -> Self {
        let faults = Arc::new(Faults::default());
        let connection = Connection::in_process(faults::under(embedded.http_client(), faults.clone()));
        let platform = Platform::new(Db::new(connection.client(), table), config, clock);
        let router = router(make_groups(), platform.clone());
        Self { platform, faults, router, embedded, table, make_groups }
    }

    /// The moment the clock stands at.
    pub fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }

    /// Moves the clock on.
    pub fn advance_seconds(&self, seconds: u64) {
        self.platform.clock.advance_millis(seconds * 1_000);
    }

    /// A raw SDK client for looking at the table itself, and the table's name.
    pub fn table(&self) -> (aws_sdk_dynamodb::Client, &'static str) {
        (Connection::in_process(self.embedded.http_client()).client(), self.table)
    }

    /// Stores items past the platform and the SDK, for what would take too many requests.
    pub fn load(&self, items: Vec<Item>) {
        self.embedded.load(self.table, items).unwrap();
    }

    /// How many items the table holds whose partition key begins with `prefix`.
    pub async fn count(&self, prefix: &str) -> usize {
        let (client, table) = self.table();
        let mut count = 0;
        let mut from = None;
        loop {
            let page = client.scan().table_name(table).set_exclusive_start_key(from).send().await.unwrap();
            count += page.items().iter().filter(|item| item["pk"].as_s().unwrap().starts_with(prefix)).count();
            from = page.last_evaluated_key;
            if from.is_none() {
                return count;
            }
        }
    }

    /// An organization of its own, and a key of it.
    pub async fn merchant(&self, mode: Mode, permission: Permission) -> Client<'_> {
        let org = OrgId::generate(self.now());
        self.organization(&org, |_| {}).await;
        self.key(&Owner { org, mode }, permission).await
    }

    /// A test-mode merchant who may do everything: what most tests need.
    pub async fn admin(&self) -> Client<'_> {
        self.merchant(Mode::Test, Permission::Admin).await
    }

    /// Stores an organization.
    pub async fn organization(&self, org: &OrgId, change: impl FnOnce(&mut Organization)) {
        let mut organization = Organization::new(org.clone(), Name::parse("Test merchant").unwrap(), self.now());
        change(&mut organization);
        self.platform.db.commit(vec![organizations::create(&organization).unwrap()]).await.unwrap();
    }

    /// A key of an owner.
    pub async fn key(&self, owner: &Owner, permission: Permission) -> Client<'_> {
        self.key_with(owner, permission, |_| {}).await
    }

    /// A key of an owner, changed before it is stored.
    pub async fn key_with(
        &self,
        owner: &Owner,
        permission: Permission,
        change: impl FnOnce(&mut ApiKey),
    ) -> Client<'_> {
        let text = KeyText::generate(owner.mode);
        let permissions = Permissions::new(vec![permission]).unwrap();
        let (name, version) = (Name::parse("test").unwrap(), Version::current().name());
        let mut key = ApiKey::new(&text, owner.clone(), name, permissions, version, self.now());
        change(&mut key);
        self.platform.db.commit(api_keys::create(&key).unwrap()).await.unwrap();
        let key_id = Some(key.id.to_string());
        let headers = vec![("authorization".to_owned(), format!("Bearer {}", text.expose()))];
        Client { app: self, owner: owner.clone(), key: Some(text), key_id, headers, ip: None }
    }

    /// A dashboard session of an organization.
    pub fn session(&self, org: &OrgId, lifetime_seconds: u64) -> Client<'_> {
        let claims = session_token::Claims::new(org.clone(), "session-1".to_owned(), self.now(), lifetime_seconds);
        let token = session_token::issue(self.platform.config.secret.as_ref().unwrap(), &claims);
        let owner = Owner { org: org.clone(), mode: Mode::Test };
        let headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Client { app: self, owner, key: None, key_id: None, headers, ip: None }
    }

    /// Somebody without a credential, calling from an address.
    pub fn anonymous(&self, ip: &str) -> Client<'_> {
        let owner = Owner { org: OrgId::anonymous(), mode: Mode::Test };
        Client { app: self, owner, key: None, key_id: None, headers: Vec::new(), ip: Some(ip.parse().unwrap()) }
    }

    /// Sends a request as it is, and leaves the answer's body where it is.
    pub async fn open(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

/// A caller.
#[derive(Clone)]
pub struct Client<'a> {
    app: &'a App,
    /// What it may see.
    pub owner: Owner,
    /// Its key, if it has one.
    pub key: Option<KeyText>,
    /// The key's public id.
    pub key_id: Option<String>,
    headers: Vec<(String, String)>,
    ip: Option<IpAddr>,
}

impl<'a> Client<'a> {
    /// The instance it calls.
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// The same caller, sending one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same caller, through another instance.
    #[must_use]
    pub fn through<'b>(&self, app: &'b App) -> Client<'b> {
        Client {
            app,
            owner: self.owner.clone(),
            key: self.key.clone(),
            key_id: self.key_id.clone(),
            headers: self.headers.clone(),
            ip: self.ip,
        }
    }

    /// The same caller with an idempotency key.
    #[must_use]
    pub fn idempotent(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// Sends a request with a body of any bytes.
    pub async fn raw(&self, method: Method, path: &str, body: Vec<u8>) -> Reply {
        self.app.send(self.request(method, path, body)).await
    }

    /// `GET`, with the answer's body left where it is.
    pub async fn open(&self, path: &str) -> Response<Body> {
        self.app.open(self.request(Method::GET, path, Vec::new())).await
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        let declared = self.headers.iter().any(|(name, _)| name == "content-type");
        if !body.is_empty() && !declared {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        if let Some(ip) = self.ip {
            request.extensions_mut().insert(PeerAddress(ip));
        }
        request
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Reply {
        self.raw(Method::GET, path, Vec::new()).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.raw(Method::POST, path, body.to_string().into_bytes()).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.raw(Method::PATCH, path, body.to_string().into_bytes()).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Reply {
        self.raw(Method::DELETE, path, Vec::new()).await
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// What an answer says it cost.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct SeenCost {
    /// Calls made.
    pub calls: u32,
    /// Calls in a row.
    pub depth: u32,
    /// Read request units.
    pub rru: f64,
    /// Write request units, indexes included.
    pub wru: f64,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header's text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Demands a status and returns the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Demands an error of this status and code, in the envelope, and returns what is in it.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> Value {
        let error = self.expect(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(error["type"].is_string() && error["message"].is_string() && error["doc_url"].is_string(), "{error}");
        assert!(self.header("request-id").starts_with("req_"));
        error
    }

    /// What the answer says it cost.
    #[track_caller]
    pub fn cost(&self) -> SeenCost {
        let timing = self.header("server-timing");
        let number = |name: &str| -> f64 {
            let rest = timing.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in '{timing}'")).1;
            rest.split([' ', '"']).next().unwrap().parse().unwrap()
        };
        SeenCost {
            calls: format!("{}", number("calls")).parse().unwrap(),
            depth: format!("{}", number("depth")).parse().unwrap(),
            rru: number("rru"),
            wru: number("wru"),
        }
    }
}
