//! One attempt, by whoever holds the lease: from the endpoint as it is now to what is written down about it.

use crate::deliverer::Deliverer;
use crate::lanes::Turn;
use crate::message;
use crate::subject::Subject;
use anyspend_api::job::Job;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::{DisabledReason, SLOW_MILLIS, SLOW_SECONDS, Webhook};
use anyspend_domain::webhook_delivery::{ATTEMPT_SECONDS, AttemptReport, Delivery, MAX_ANSWER_BYTES, Settled};
use anyspend_domain::{RequestId, Timestamp, entropy};
use anyspend_sender::{Loopback, Message, SendError};
use anyspend_store::audit::{self, AuditEvent};
use anyspend_store::{Patience, Refusal, Step, StoreError, Write, webhook_deliveries, webhooks};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long it is tried to write down how an attempt ended. The lease outlasts it.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
/// How long a place at a busy host is waited for. With an attempt and its writing down, less than the lease.
const HOST_PATIENCE: Duration = Duration::from_secs(15);
/// An attempt that has taken this long makes room for quicker ones.
const LONG: Duration = Duration::from_millis(SLOW_MILLIS);

/// What an attempt starts from, as far as it is known already.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The endpoint, read a moment ago.
    pub(crate) webhook: Option<Webhook>,
    /// What the event is about.
    pub(crate) subject: Option<Arc<Subject>>,
}

impl Deliverer {
    /// Attempts a delivery that this process has claimed, and writes down how it went.
    pub(crate) async fn attempt(
        &self,
        mut delivery: Delivery,
        known: Known,
        turn: &mut Turn,
    ) -> Result<(), StoreError> {
        let webhook = match known.webhook {
            Some(webhook) => Some(webhook),
            None => self.db().find_webhook(&delivery.owner, &delivery.webhook_id).await?,
        };
        let Some(webhook) = webhook else { return self.give_up(delivery, "The webhook was deleted.").await };
        if !webhook.is_active() && !delivery.is_asked_for() {
            return self.give_up(delivery, "The webhook is switched off.").await;
        }
        let host = webhook.url.host();
        let Some(_at_host) = turn.at_host(&host, HOST_PATIENCE).await else { return self.postpone(delivery).await };
        webhook.url.as_str().clone_into(&mut delivery.url);
        let subject = match known.subject {
            Some(subject) => subject,
            None => Arc::new(Subject::load(self.platform(), self.db(), &delivery).await?),
        };
        let (report, took) = self.send(&delivery, &webhook, &subject, turn).await?;
        let now = self.now();
        let slow_until = (took >= LONG).then(|| now.plus_seconds(SLOW_SECONDS));
        let claimed = delivery.version;
        let gone = report.is_gone();
        tracing::info!(
            delivery = delivery.id.as_str(),
            webhook = webhook.id.as_str(),
            event = delivery.event.as_str(),
            attempt = delivery.attempts,
            status = report.status_code,
            error = report.error_message,
            millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "webhook attempted"
        );
        let settled = delivery.settle(report, now, u64::from_be_bytes(entropy::bytes()));
        self.write_down(&delivery, claimed, webhook, settled, gone, slow_until).await
    }

    /// Its host is asked by as many as may already.
    async fn postpone(&self, mut delivery: Delivery) -> Result<(), StoreError> {
        let claimed = delivery.version;
        delivery.postpone(self.now());
        self.db().move_delivery(&delivery, claimed).await.map(|_| ())
    }

    async fn give_up(&self, mut delivery: Delivery, why: &str) -> Result<(), StoreError> {
        let claimed = delivery.version;
        delivery.give_up(self.now(), why);
        self.db().move_delivery(&delivery, claimed).await.map(|_| ())
    }

    async fn send(
        &self,
        delivery: &Delivery,
        webhook: &Webhook,
        subject: &Subject,
        turn: &mut Turn,
    ) -> Result<(AttemptReport, Duration), StoreError> {
        let at = self.now();
        let open = |sealed: &str| self.platform().open_webhook_secret(&webhook.owner, &webhook.id, sealed);
        let mut secrets = vec![open(&webhook.secret)?];
        if let Some(retiring) = webhook.retiring_at(at) {
            secrets.push(open(&retiring.sealed)?);
        }
        let body = message::body(webhook, delivery, subject).map_err(|error| StoreError::Fault(error.to_string()))?;
        let loopback = match self.platform().config.webhook_reach.allows_loopback(webhook.owner.mode) {
            true => Loopback::Allowed,
            false => Loopback::Refused,
        };
        let message = Message {
            url: delivery.url.clone(),
            headers: message::headers(delivery, &secrets, &body, at),
            body,
            loopback,
            deadline: Duration::from_secs(ATTEMPT_SECONDS),
            most_body: MAX_ANSWER_BYTES,
        };
        let began = Instant::now();
        let sending = self.sender().post(&message);
        tokio::pin!(sending);
        let sent = match tokio::time::timeout(LONG, &mut sending).await {
            Ok(sent) => sent,
            Err(_) => {
                turn.takes_long();
                sending.await
            }
        };
        let took = began.elapsed();
        Ok((report(at, took, sent), took))
    }

    /// Delivery and endpoint change together. Whoever comes too late, because the lease has ended and somebody else holds
    /// it now, writes nothing.
    async fn write_down(
        &self,
        delivery: &Delivery,
        claimed: u64,
        webhook: Webhook,
        settled: Settled,
        gone: bool,
        slow_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let patience = Patience::until(Instant::now() + WRITTEN_WITHIN).through_outages();
        let read = &webhook;
        let written = self.db().decide(patience, |refused| async move {
            let reread = match refused {
                None => None,
                // The endpoint is another one by now, or none.
                Some(Refusal::Unsupported) => {
                    Some(self.db().find_webhook(&delivery.owner, &delivery.webhook_id).await?)
                }
                Some(_) => return Ok(Step::Done(())),
            };
            let mut writes = vec![webhook_deliveries::replace(delivery, claimed)?];
            let webhook = reread.as_ref().map_or(Some(read), Option::as_ref);
            if let Some(webhook) = webhook {
                match webhook.verdict(settled, gone) {
                    Some(reason) => writes.extend(disabling(webhook, reason, now)?),
                    None => writes.push(webhooks::record(webhook, settled, now, slow_until)),
                }
            }
            Ok(Step::Write(writes, ()))
        });
        written.await?.ok_or_else(|| StoreError::Unavailable("an endpoint kept changing".to_owned()))
    }
}

fn disabling(before: &Webhook, reason: DisabledReason, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let mut after = before.clone();
    after.disable(reason, now);
    let run = RequestId::generate(now);
    let actor = ("system", Deliverer::NAME);
    let event = AuditEvent::by_job(AuditEventType::WebhookDisabled, after.id.as_str(), actor, &run, now);
    Ok(vec![webhooks::disable(before, &after, now)?, audit::record(&after.owner, &event)?])
}

/// What the log says about an attempt.
fn report(at: Timestamp, took: Duration, sent: Result<anyspend_sender::Reply, SendError>) -> AttemptReport {
    match sent {
        Ok(reply) => {
            let success = (200..300).contains(&reply.status);
            AttemptReport {
                at,
                status_code: Some(reply.status),
                response_millis: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
                response_body: Some(String::from_utf8_lossy(&reply.body).into_owned()),
                error_message: (!success).then(|| match reply.status {
                    300..400 => format!("Answered with status {}; redirects are not followed.", reply.status),
                    status => format!("Answered with status {status}."),
                }),
            }
        }
        Err(error) => AttemptReport::not_made(at, &error.to_string()),
    }
}
