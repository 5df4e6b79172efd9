//! What a receiver is sent: the body in the version its endpoint is pinned to, and the headers it is verified by.

use crate::signature;
use crate::subject::Subject;
use anyspend_api::versions::{Time, Version};
use anyspend_api::webhook::SigningSecret;
use anyspend_domain::Timestamp;
use anyspend_domain::webhook::{Webhook, WebhookEvent};
use anyspend_domain::webhook_delivery::Delivery;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

/// The body of every delivery.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    id: &'a str,
    event: &'static str,
    api_version: &'static str,
    livemode: bool,
    webhook_id: &'a str,
    timestamp: Time,
    data: &'a Subject,
}

/// The body of a delivery. The same for every attempt, as far as what it is about has not changed.
pub(crate) fn body(webhook: &Webhook, delivery: &Delivery, subject: &Subject) -> Result<Bytes, serde_json::Error> {
    let version = Version::parse(&webhook.api_version).unwrap_or_else(Version::current);
    let envelope = Envelope {
        id: delivery.event_id.as_str(),
        event: delivery.event.as_str(),
        api_version: version.name(),
        livemode: delivery.owner.mode.is_live(),
        webhook_id: webhook.id.as_str(),
        timestamp: Time(delivery.event_at),
        data: subject,
    };
    version.render_as("webhook_event", &envelope).map(Bytes::from)
}

/// The headers of an attempt at `now`. `secrets` are the present one and, during a rotation, the one before.
pub(crate) fn headers(delivery: &Delivery, secrets: &[SigningSecret], body: &[u8], now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let seconds = now.seconds();
    let id = delivery.event_id.as_str();
    set("x-anyspend-webhook-id", delivery.webhook_id.to_string());
    set("x-anyspend-delivery-id", delivery.id.to_string());
    set("x-anyspend-event", delivery.event.as_str().to_owned());
    set("x-anyspend-timestamp", seconds.to_string());
    set("x-anyspend-test", (delivery.event == WebhookEvent::TestPing).to_string());
    set("webhook-id", id.to_owned());
    set("webhook-timestamp", seconds.to_string());
    set("webhook-signature", signature::standard(secrets, id, seconds, body));
    if let Some(secret) = secrets.first() {
        set("x-anyspend-signature", signature::plain(secret, body));
    }
    if let Some(secret) = secrets.get(1) {
        set("x-anyspend-signature-previous", signature::plain(secret, body));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}
