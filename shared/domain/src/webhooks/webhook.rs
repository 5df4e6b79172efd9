//! Webhooks: what can be told, to which endpoint, and what becomes of an endpoint that does not listen.
//!
//! What must stay true: an endpoint leads out, never to a machine of ours; its secret is here in sealed form only; and
//! nothing but a success or its merchant takes back the failures it has had in a row.

pub use super::destination::{Reach, check_destination};
pub use super::event::{EventData, Star, Subscription, WebhookEvent, Wish};

use crate::text::Description;
use crate::values::named::named;
use crate::web_url::WebUrl;
use crate::webhook_delivery::Settled;
use crate::{Mode, Owner, Patch, Problem, Rejection, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Most endpoints an organization can have in one mode. All of them are read when something happens.
pub const MAX_WEBHOOKS: u64 = 1_000;
/// How long a secret goes on signing after it was rotated.
pub const ROTATION_SECONDS: u64 = 24 * 60 * 60;
/// This many failed deliveries in a row switch an endpoint off.
pub const FAILURES_TO_DISABLE: u64 = 10;
/// An endpoint that took longer than this once is given a lane of its own for a while.
pub const SLOW_MILLIS: u64 = 3_000;
/// How long an endpoint counts as slow.
pub const SLOW_SECONDS: u64 = 10 * 60;

/// Why an endpoint was switched off by the platform.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410 Gone.
    Gone,
    /// [`FAILURES_TO_DISABLE`] deliveries in a row failed.
    Failing,
}

named!(DisabledReason);

/// Whether an endpoint is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Standing {
    /// It is.
    Active,
    /// Its merchant switched it off.
    SwitchedOff,
    /// The platform switched it off.
    Disabled {
        /// Why.
        reason: DisabledReason,
        /// When.
        at: Timestamp,
    },
}

/// A secret that no longer is the endpoint's, and still signs for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    /// The secret, sealed.
    pub sealed: String,
    /// From when on it signs no more.
    pub until: Timestamp,
}

/// How deliveries to an endpoint have gone. Deliveries change it, whatever else changes meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Deliveries that succeeded.
    pub success_count: u64,
    /// Deliveries that failed for good.
    pub failure_count: u64,
    /// How many of them since the last success.
    pub failures_in_a_row: u64,
    /// When it was last sent anything.
    pub last_triggered_at: Option<Timestamp>,
    /// Until when it counts as slow.
    pub slow_until: Option<Timestamp>,
}

/// A webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// `wh_…`
    pub id: WebhookId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// Where it is.
    pub url: WebUrl,
    /// What it wants to be told.
    pub events: Subscription,
    /// The merchant's own note.
    pub description: Option<Description>,
    /// Whether it is told anything.
    pub standing: Standing,
    /// The API version it is told in: the one in force when it was made.
    pub api_version: String,
    /// The secret it verifies with, sealed.
    pub secret: String,
    /// The one before, if it was rotated lately.
    pub retiring: Option<RetiringSecret>,
    /// How deliveries have gone.
    #[serde(flatten)]
    pub health: Health,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a change is written on the version it was decided on.
    pub version: u64,
}

/// What a request says about an endpoint.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// Where it is.
    pub url: Patch<WebUrl>,
    /// What it wants to be told.
    pub events: Patch<Subscription>,
    /// The merchant's own note.
    pub description: Patch<Description>,
    /// Whether it is told anything.
    pub active: Patch<bool>,
}

/// What the platform gives a new endpoint.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub owner: Owner,
    /// Its secret, sealed.
    pub secret: String,
    /// The version in force.
    pub api_version: String,
}

impl Webhook {
    /// Makes an endpoint.
    ///
    /// # Errors
    /// Every problem of the request at once.
    pub fn create(new: NewWebhook, patch: WebhookPatch, now: Timestamp, reach: Reach) -> Result<Self, Rejection> {
        let mut problems = Problem::of_each(
            &[("url", patch.url.value().is_none()), ("events", patch.events.value().is_none())],
            Problem::missing,
        );
        problems.extend(destination_problem(&patch, new.owner.mode, reach));
        Rejection::unless_empty(problems)?;
        let (Patch::Set(url), Patch::Set(events)) = (patch.url, patch.events) else {
            return Err(Problem::missing("url").into());
        };
        let active = !matches!(patch.active, Patch::Set(false));
        Ok(Self {
            id: new.id,
            owner: new.owner,
            url,
            events,
            description: patch.description.value().cloned(),
            standing: if active { Standing::Active } else { Standing::SwitchedOff },
            api_version: new.api_version,
            secret: new.secret,
            retiring: None,
            health: Health::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }

    /// Changes an endpoint. Switching it on forgives its failures.
    ///
    /// # Errors
    /// Every problem at once; the endpoint is then as it was.
    pub fn update(&mut self, patch: WebhookPatch, now: Timestamp, reach: Reach) -> Result<(), Rejection> {
        let mut problems = Problem::of_each(
            &[
                ("url", matches!(patch.url, Patch::Clear)),
                ("events", matches!(patch.events, Patch::Clear)),
                ("active", matches!(patch.active, Patch::Clear)),
            ],
            Problem::uncleared,
        );
        problems.extend(destination_problem(&patch, self.owner.mode, reach));
        Rejection::unless_empty(problems)?;
        patch.url.replace(&mut self.url);
        patch.events.replace(&mut self.events);
        patch.description.apply(&mut self.description);
        match patch.active {
            Patch::Set(true) if !self.is_active() => {
                self.standing = Standing::Active;
                self.health.failures_in_a_row = 0;
            }
            Patch::Set(false) if self.is_active() => self.standing = Standing::SwitchedOff,
            Patch::Set(_) | Patch::Keep | Patch::Clear => {}
        }
        self.touch(now);
        Ok(())
    }

    /// Gives it a new secret; the one it has goes on signing for [`ROTATION_SECONDS`]. One that was retiring already
    /// ends here: two are enough to bring a new one out.
    pub fn rotate_secret(&mut self, sealed: String, now: Timestamp) {
        let old = std::mem::replace(&mut self.secret, sealed);
        self.retiring = Some(RetiringSecret { sealed: old, until: now.plus_seconds(ROTATION_SECONDS) });
        self.touch(now);
    }

    /// Switches it off because of how its deliveries go.
    pub const fn disable(&mut self, reason: DisabledReason, now: Timestamp) {
        self.standing = Standing::Disabled { reason, at: now };
        self.touch(now);
    }

    /// Whether the way a delivery ended switches it off, and why. `gone` is whether it answered 410.
    pub const fn verdict(&self, settled: Settled, gone: bool) -> Option<DisabledReason> {
        match settled {
            Settled::Failed if !self.is_active() => None,
            Settled::Failed if gone => Some(DisabledReason::Gone),
            Settled::Failed if self.health.failures_in_a_row + 1 >= FAILURES_TO_DISABLE => {
                Some(DisabledReason::Failing)
            }
            Settled::Failed | Settled::Succeeded | Settled::WillRetry => None,
        }
    }

    /// Whether it is told anything.
    pub const fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active)
    }

    /// The old secret, while it still signs.
    pub fn retiring_at(&self, now: Timestamp) -> Option<&RetiringSecret> {
        self.retiring.as_ref().filter(|retiring| now < retiring.until)
    }

    /// Whether it was slow lately.
    pub fn is_slow(&self, now: Timestamp) -> bool {
        self.health.slow_until.is_some_and(|until| now < until)
    }

    const fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.version += 1;
    }
}

fn destination_problem(patch: &WebhookPatch, mode: Mode, reach: Reach) -> Option<Problem> {
    let url = patch.url.value()?;
    check_destination(url, mode, reach).err().map(|invalid| invalid.at("url"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgId;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000).unwrap()
    }

    fn webhook() -> Webhook {
        let new = NewWebhook {
            id: WebhookId::generate(now()),
            owner: Owner { org: OrgId::generate(now()), mode: Mode::Test },
            secret: "sealed".to_owned(),
            api_version: "2026-02-27".to_owned(),
        };
        let patch = WebhookPatch {
            url: Patch::Set(WebUrl::parse("https://example.com/hook", Mode::Test).unwrap()),
            events: Patch::Set(Subscription::new(vec![Wish::parse("*").unwrap()]).unwrap()),
            ..WebhookPatch::default()
        };
        Webhook::create(new, patch, now(), Reach::Public).unwrap()
    }

    #[test]
    fn the_old_secret_signs_for_a_day_and_not_a_moment_longer() {
        let mut webhook = webhook();
        webhook.rotate_secret("new".to_owned(), now());
        let last = now().plus_seconds(ROTATION_SECONDS).millis() - 1;
        let last = Timestamp::from_millis(last).unwrap();
        assert_eq!(webhook.retiring_at(last).map(|old| old.sealed.as_str()), Some("sealed"));
        assert_eq!(webhook.retiring_at(last.plus_millis(1)), None);
        webhook.rotate_secret("newest".to_owned(), now());
        assert_eq!(webhook.retiring_at(now()).map(|old| old.sealed.as_str()), Some("new"));
    }

    #[test]
    fn the_tenth_failure_in_a_row_or_a_410_switches_off_and_a_failed_attempt_does_not() {
        let mut webhook = webhook();
        assert_eq!(webhook.verdict(Settled::Failed, false), None);
        assert_eq!(webhook.verdict(Settled::Failed, true), Some(DisabledReason::Gone));
        webhook.health.failures_in_a_row = FAILURES_TO_DISABLE - 2;
        assert_eq!(webhook.verdict(Settled::Failed, false), None);
        webhook.health.failures_in_a_row += 1;
        assert_eq!(webhook.verdict(Settled::Failed, false), Some(DisabledReason::Failing));
        for settled in [Settled::WillRetry, Settled::Succeeded] {
            assert_eq!(webhook.verdict(settled, false), None);
        }
        webhook.disable(DisabledReason::Failing, now());
        assert_eq!(webhook.verdict(Settled::Failed, true), None, "it is off already");
    }

    #[test]
    fn switching_on_forgives_and_nothing_else_does() {
        let mut webhook = webhook();
        webhook.health.failures_in_a_row = 9;
        let active = |active| WebhookPatch { active: Patch::Set(active), ..WebhookPatch::default() };
        webhook.update(active(true), now(), Reach::Public).unwrap();
        assert_eq!(webhook.health.failures_in_a_row, 9);
        webhook.disable(DisabledReason::Failing, now());
        webhook.update(active(false), now(), Reach::Public).unwrap();
        assert!(matches!(webhook.standing, Standing::Disabled { .. }), "it says why until it is switched on");
        webhook.update(active(true), now(), Reach::Public).unwrap();
        assert_eq!((webhook.is_active(), webhook.health.failures_in_a_row), (true, 0));
    }
}
