//! How endpoints, deliveries and what was done about them are shown, and how an endpoint is read from a body.

use anyspend_api::fields::{Body, Fields, List};
use anyspend_api::versions::Time;
use anyspend_api::webhook::SigningSecret;
use anyspend_domain::webhook::{Standing, Subscription, Webhook, WebhookPatch, Wish};
use anyspend_domain::webhook_delivery::{Delivery, DeliveryState};
use anyspend_domain::{DeliveryId, Patch, Timestamp, WebhookId};
use serde::Serialize;
use utoipa::ToSchema;

/// The body of a create.
pub(crate) struct CreateWebhook(pub(crate) WebhookPatch);

/// The body of an update.
pub(crate) struct UpdateWebhook {
    /// What changes.
    pub(crate) patch: WebhookPatch,
    /// Whether nothing was sent at all.
    pub(crate) is_empty: bool,
}

impl Body for CreateWebhook {
    const RESOURCE: &'static str = WebhookId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.requires(&["url", "events"]);
        Some(Self(read_patch(fields)))
    }
}

impl Body for UpdateWebhook {
    const RESOURCE: &'static str = WebhookId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { is_empty: fields.is_empty(), patch: read_patch(fields) })
    }
}

fn read_patch(fields: &mut Fields<'_>) -> WebhookPatch {
    let events = fields.patch::<List<Wish, 1, { Subscription::MAX }>>("events");
    WebhookPatch {
        url: fields.patch("url"),
        events: match events {
            Patch::Set(wishes) => Subscription::new(wishes.0).map_or(Patch::Clear, Patch::Set),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        },
        description: fields.patch("description"),
        active: fields.patch("active"),
    }
}

/// A webhook endpoint in an answer, under the names of both versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// `wh_…`
    id: String,
    /// `webhook`
    #[schema(examples("webhook"))]
    object: &'static str,
    /// Whether it is told of real money.
    livemode: bool,
    /// Where it is.
    url: String,
    /// What it wants to be told; `*` is everything.
    events: Vec<&'static str>,
    /// The merchant's own note.
    description: Option<String>,
    /// The API version it is told in: the one in force when it was made.
    api_version: String,
    /// Whether it is told anything.
    active: bool,
    /// Why the platform switched it off: `gone` (it answered 410) or `failing` (10 deliveries in a row failed).
    disabled_reason: Option<&'static str>,
    /// When the platform switched it off.
    disabled_at: Option<Time>,
    /// Deliveries that succeeded.
    success_count: u64,
    /// Deliveries that failed for good.
    failure_count: u64,
    /// When it was last sent anything.
    last_triggered_at: Option<Time>,
    /// Until when the secret before the last rotation signs too.
    previous_secret_expires_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl WebhookView {
    pub(crate) fn new(webhook: &Webhook, now: Timestamp) -> Self {
        let (reason, at) = match webhook.standing {
            Standing::Disabled { reason, at } => (Some(reason.as_str()), Some(Time(at))),
            Standing::Active | Standing::SwitchedOff => (None, None),
        };
        Self {
            id: webhook.id.to_string(),
            object: WebhookId::OBJECT,
            livemode: webhook.owner.mode.is_live(),
            url: webhook.url.as_str().to_owned(),
            events: webhook.events.names(),
            description: webhook.description.as_ref().map(|text| text.as_str().to_owned()),
            api_version: webhook.api_version.clone(),
            active: webhook.is_active(),
            disabled_reason: reason,
            disabled_at: at,
            success_count: webhook.health.success_count,
            failure_count: webhook.health.failure_count,
            last_triggered_at: webhook.health.last_triggered_at.map(Time),
            previous_secret_expires_at: webhook.retiring_at(now).map(|retiring| Time(retiring.until)),
            created_at: Time(webhook.created_at),
            updated_at: Time(webhook.updated_at),
        }
    }
}

/// A webhook endpoint with its secret: shown when it is made, and when it is changed, and never again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookWithSecretView {
    #[serde(flatten)]
    view: WebhookView,
    /// What deliveries are signed with: `whsec_…`
    secret: String,
}

impl WebhookWithSecretView {
    pub(crate) fn new(webhook: &Webhook, secret: &SigningSecret, now: Timestamp) -> Self {
        Self { view: WebhookView::new(webhook, now), secret: secret.expose().to_owned() }
    }
}

/// A delivery in an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// `del_…`
    id: String,
    /// `webhook_delivery`
    #[schema(examples("webhook_delivery"))]
    object: &'static str,
    /// Whether it tells of real money.
    livemode: bool,
    /// The endpoint.
    webhook_id: String,
    /// What happened, as the receiver sees it in `id`: the same for every attempt and every endpoint.
    event_id: String,
    /// What happened.
    #[schema(examples("payment.completed"))]
    event_type: &'static str,
    /// Where it was sent, or will be.
    url: String,
    /// `pending`, `success` or `failed`
    status: &'static str,
    /// Attempts that were begun.
    attempts: u32,
    /// What the endpoint answered last.
    status_code: Option<u16>,
    /// How long that took, in milliseconds.
    response_time_ms: Option<u64>,
    /// The first 2,048 bytes of what it answered; bytes that are not UTF-8 are replaced.
    response_body: Option<String>,
    /// What went wrong with the last attempt.
    error_message: Option<String>,
    /// When the next attempt is due.
    next_attempt_at: Option<Time>,
    /// When the last attempt was made.
    attempted_at: Option<Time>,
    /// When the delivery was made.
    created_at: Time,
}

impl DeliveryView {
    pub(crate) fn new(delivery: &Delivery) -> Self {
        let last = delivery.last.as_ref();
        let status_code = last.and_then(|last| last.status_code);
        Self {
            id: delivery.id.to_string(),
            object: DeliveryId::OBJECT,
            livemode: delivery.owner.mode.is_live(),
            webhook_id: delivery.webhook_id.to_string(),
            event_id: delivery.event_id.to_string(),
            event_type: delivery.event.as_str(),
            url: delivery.url.clone(),
            status: delivery.state.status().as_str(),
            attempts: delivery.attempts,
            status_code,
            response_time_ms: last.and_then(|last| last.response_millis),
            response_body: last.and_then(|last| last.response_body.clone()),
            error_message: last.and_then(|last| last.error_message.clone()),
            next_attempt_at: match delivery.state {
                DeliveryState::Waiting { due_at, .. } => Some(Time(due_at)),
                DeliveryState::Attempting { .. } | DeliveryState::Succeeded | DeliveryState::Failed => None,
            },
            attempted_at: last.map(|last| Time(last.at)),
            created_at: Time(delivery.created_at),
        }
    }
}

/// What was set off. It happens a moment later; the delivery's own entry in the log says how it went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookActionView {
    /// `action`
    #[schema(examples("action"))]
    object: &'static str,
    /// `webhook.test` or `webhook_delivery.retry`
    action: &'static str,
    /// The endpoint.
    webhook_id: String,
    /// The delivery's id.
    delivery_id: String,
    /// The delivery's status: `pending`
    status: &'static str,
    /// The delivery as it stands now.
    delivery: DeliveryView,
}

impl WebhookActionView {
    pub(crate) fn new(action: &'static str, delivery: &Delivery) -> Self {
        Self {
            object: "action",
            action,
            webhook_id: delivery.webhook_id.to_string(),
            delivery_id: delivery.id.to_string(),
            status: delivery.state.status().as_str(),
            delivery: DeliveryView::new(delivery),
        }
    }
}
