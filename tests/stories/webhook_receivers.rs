//! Receivers of webhooks on this machine, and a deliverer to send to them.

use anyspend_api::clock::Clock;
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::webhook::{NewWebhook, Reach, Subscription, Webhook, WebhookEvent, WebhookPatch, Wish};
use anyspend_domain::{EventId, Mode, Owner, Patch, WebhookId};
use anyspend_sender::Sender;
use anyspend_store::outbox::{self, OutboxEvent};
use anyspend_store::webhooks;
use anyspend_testing::App;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use deliver_webhooks::Deliverer;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// In a script: the answer breaks off.
pub(crate) const HANG_UP: u16 = 0;

/// What a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Verifies as the API reference tells receivers to: Standard Webhooks, by its own crate. It compares the timestamp
    /// with the system's clock: see [`come_to_the_present`].
    pub(crate) fn verifies_by_standard(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&self.body, &self.headers).is_ok()
    }

    /// Verifies the plain signature in one of two headers.
    pub(crate) fn verifies_plainly(&self, header: &str, secret: &str) -> bool {
        let mut hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(&self.body);
        hex::decode(self.header(header)).is_ok_and(|mac| hmac.verify_slice(&mac).is_ok())
    }
}

struct Shared {
    seen: watch::Sender<Vec<Seen>>,
    scripts: Mutex<HashMap<String, Vec<u16>>>,
    released: watch::Sender<bool>,
}

/// A server whose every path is an endpoint. It answers 200, unless a script says otherwise; paths that begin with
/// `/hang` get no answer until they are released.
pub(crate) struct Receivers {
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path().to_owned();
    let seen = Seen { path: path.clone(), headers: parts.headers, body };
    shared.seen.send_modify(|all| all.push(seen));
    if path.starts_with("/hang") {
        let mut released = shared.released.subscribe();
        released.wait_for(|released| *released).await.unwrap();
    }
    let status = {
        let mut scripts = shared.scripts.lock().unwrap();
        // The last answer of a script is repeated.
        scripts.get_mut(&path).map_or(200, |script| if script.len() > 1 { script.remove(0) } else { script[0] })
    };
    if status == HANG_UP {
        let broken = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("hung up"))]);
        return Response::new(Body::from_stream(broken));
    }
    let mut response = Response::builder().status(status);
    if (300..400).contains(&status) {
        response = response.header("location", "/redirected");
    }
    let body = if path.starts_with("/long") { "é".repeat(5_000) } else { format!("answer of {path}") };
    response.body(Body::from(if status == 204 { String::new() } else { body })).unwrap()
}

impl Receivers {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            seen: watch::Sender::new(Vec::new()),
            scripts: Mutex::default(),
            released: watch::Sender::new(false),
        });
        let app = Router::new().fallback(receive).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, serving }
    }

    /// The path answers with these, one after the other; the last again and again.
    pub(crate) fn script(&self, path: &str, statuses: &[u16]) {
        self.shared.scripts.lock().unwrap().insert(path.to_owned(), statuses.to_vec());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Everything that arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.borrow().clone()
    }

    /// What arrived at a path.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }

    /// Waits until this holds of what arrived. The limit only keeps a broken test from hanging.
    pub(crate) async fn until(&self, holds: impl Fn(&[Seen]) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        let waiting = seen.wait_for(|seen| holds(seen));
        tokio::time::timeout(Duration::from_secs(120), waiting).await.unwrap().unwrap();
    }

    /// Lets everybody go on who hangs.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

/// Moves an app's clock to what the system's says.
pub(crate) fn come_to_the_present(app: &App) {
    app.platform.clock.advance_millis(Clock::System.now().millis_since(app.now()));
}

/// What delivers an app's webhooks.
pub(crate) fn deliverer(app: &App) -> Deliverer {
    Deliverer::new(app.platform.clone(), sender())
}

/// What sends. Making one takes long, next to sending one message.
pub(crate) fn sender() -> Sender {
    Sender::new("AnySpend-Webhooks/1").unwrap()
}

/// One look at everything, to its end.
pub(crate) async fn deliver(app: &App) {
    let deliverer = deliverer(app);
    deliverer.sweep().await.unwrap();
    deliverer.finished().await;
}

/// Stores an endpoint without asking the API, which would count it against a key's rate limit.
pub(crate) async fn endpoint(app: &App, owner: &Owner, url: &str) -> WebhookId {
    let now = app.now();
    let id = WebhookId::generate(now);
    let secret = anyspend_api::webhook::SigningSecret::generate();
    let new = NewWebhook {
        secret: app.platform.seal_webhook_secret(owner, &id, &secret).unwrap(),
        id: id.clone(),
        owner: owner.clone(),
        api_version: "2026-02-27".to_owned(),
    };
    let patch = WebhookPatch {
        url: Patch::Set(WebUrl::parse(url, Mode::Test).unwrap()),
        events: Patch::Set(Subscription::new(vec![Wish::parse("*").unwrap()]).unwrap()),
        ..WebhookPatch::default()
    };
    // A live endpoint on this machine is what no request can make; the delivery must hold without that.
    let mut owner_for_check = new.clone();
    owner_for_check.owner.mode = Mode::Test;
    let mut webhook = Webhook::create(owner_for_check, patch, now, Reach::LoopbackInTestMode).unwrap();
    webhook.owner = owner.clone();
    app.platform.db.commit(webhooks::create(&webhook).unwrap()).await.unwrap();
    id
}

/// Something happens to an owner, and nothing is known about what.
pub(crate) async fn happen(app: &App, owner: &Owner) -> EventId {
    let event = OutboxEvent {
        id: EventId::generate(app.now()),
        owner: owner.clone(),
        event: WebhookEvent::CheckoutExpired,
        transaction_id: None,
        session_id: None,
        created_at: app.now(),
    };
    app.platform.db.commit(vec![outbox::emit(&event).unwrap()]).await.unwrap();
    event.id
}
