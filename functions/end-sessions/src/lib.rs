//! Takes down what has ended checkout sessions: time, or the deletion of their link.
//!
//! Nobody waits for it: a session reads `expired` to the second, and `failed` from its link's deletion on, by rules that
//! every reader applies. What comes of it here is what only a write can bring: the merchant's endpoints are told that a
//! session expired, the trail has it, what the session held of a discount code is let go, and the row that stands for
//! all sessions of a deleted link can go.
//!
//! What must stay true: each session is ended by one transaction that finds it as it was read, with all that follows; so a
//! run may die anywhere, and two may run at once.

use anyspend_api::Platform;
use anyspend_api::job::{Afterwards, Job, NotPrepared, Run, Summary, demand_secret};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::{CheckoutSession, Status};
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::{CheckoutSessionId, OrgId};
use anyspend_store::audit::{self, AuditEvent};
use anyspend_store::checkout_sessions::{self, SessionColumns, SessionFacet};
use anyspend_store::list::{Columns, Ending, ListId, Selection};
use anyspend_store::outbox::{self, OutboxEvent};
use anyspend_store::schema::SHARDS;
use anyspend_store::{Patience, Step, StoreError, Write};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Sessions that are ended side by side.
const AT_ONCE: usize = 8;
/// Sessions that are read from the index at once.
const PAGE: u32 = 200;

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Sessions whose time was over.
    pub expired: u32,
    /// Sessions whose link was deleted.
    pub failed: u32,
}

impl Done {
    fn count(&mut self, ended: Option<Status>) {
        match ended {
            Some(Status::Failed) => self.failed += 1,
            Some(_) => self.expired += 1,
            None => {}
        }
    }
}

impl Summary for Done {
    fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// The scheduled job.
#[derive(Debug)]
pub struct EndSessions(Arc<Platform>);

impl Job for EndSessions {
    const NAME: &'static str = "end-sessions";
    const EVERY: Duration = Duration::from_secs(60);
    const RUN_TIME: Duration = Duration::from_secs(40);
    type Summary = Done;
    type Error = StoreError;

    /// Buyers stand sealed in the rows that are rewritten.
    fn prepare(platform: Arc<Platform>) -> Result<Self, NotPrepared> {
        demand_secret::<Self>(&platform)?;
        Ok(Self(platform))
    }

    async fn run(&self, run: &Run) -> Result<Done, StoreError> {
        Endings { platform: &self.0, run }.all().await
    }
}

/// One run, as a host would make it.
///
/// # Errors
/// When the table does not answer. What was not done is done by the next run.
pub async fn run(platform: &Platform) -> Result<Done, StoreError> {
    let run = Run::of::<EndSessions>(platform, Afterwards::GoesOn);
    Endings { platform, run: &run }.all().await
}

struct Endings<'a> {
    platform: &'a Platform,
    run: &'a Run,
}

impl Endings<'_> {
    async fn all(&self) -> Result<Done, StoreError> {
        let mut done = Done::default();
        for shard in 0..SHARDS {
            for (list, endings) in self.run.db.lists_with_endings(shard).await? {
                Box::pin(self.end_in(&list, &endings, &mut done)).await?;
            }
        }
        for shard in 0..SHARDS {
            Box::pin(self.end_due(shard, &mut done)).await?;
        }
        Ok(done)
    }

    /// Ends what deletions of links have ended, until each session says so itself.
    async fn end_in(&self, list: &ListId, endings: &[Ending], done: &mut Done) -> Result<(), StoreError> {
        if list.object != SessionColumns::OBJECT {
            return Err(StoreError::Fault(format!("nobody knows how to end a '{}'", list.object)));
        }
        let selection = Selection::of(SessionFacet::All);
        let open = self.run.db.open_list::<SessionColumns>(list, &selection, self.run.now).await?;
        let ids = open.ended.iter().filter_map(|id| CheckoutSessionId::parse(id)).collect();
        self.end_all(ids, done).await?;
        for ending in endings {
            if ending.is_superfluous(self.run.now) {
                self.run.db.forget_ending(list, ending).await?;
            } else if open.ended.is_empty() && ending.done_at.is_none() && ending.is_known(self.run.now) {
                self.run.db.finish_ending(list, ending, self.run.now).await?;
            }
        }
        Ok(())
    }

    /// Ends the sessions of a shard whose time is over.
    async fn end_due(&self, shard: u8, done: &mut Done) -> Result<(), StoreError> {
        loop {
            let due = self.run.db.due_sessions(shard, self.run.now, PAGE).await?;
            let before = *done;
            let whole = u32::try_from(due.len()).is_ok_and(|found| found == PAGE);
            self.end_all(due, done).await?;
            // The index follows the table a moment later: what was just ended may still be found, and is the next run's.
            if !whole || *done == before || self.run.is_over() {
                return Ok(());
            }
        }
    }

    async fn end_all(&self, ids: Vec<CheckoutSessionId>, done: &mut Done) -> Result<(), StoreError> {
        let mut ending = stream::iter(ids)
            .take_while(|_| std::future::ready(!self.run.is_over()))
            .map(|id| async move { self.end(&id).await })
            .buffer_unordered(AT_ONCE);
        while let Some(ended) = ending.try_next().await? {
            done.count(ended);
        }
        Ok(())
    }

    /// Ends one session; `None` when nothing has ended it, or somebody else has said so already.
    async fn end(&self, id: &CheckoutSessionId) -> Result<Option<Status>, StoreError> {
        let ended = self.run.db.decide(Patience::until(self.run.deadline), |_| async {
            let (found, link_deleted_at) = self.run.db.find_session_and_links_end(id, self.platform).await?;
            let Some(was) = found else { return Ok(Step::Done(None)) };
            let mut session = was.clone();
            if !session.end(self.run.now, link_deleted_at) {
                return Ok(Step::Done(None));
            }
            let mut writes = checkout_sessions::update(&was, &session, self.platform)?;
            writes.extend(self.told(&session)?);
            Ok(Step::Write(writes, Some(session.stored_status)))
        });
        // One that keeps changing is being looked after; if not, the next run does.
        Ok(ended.await?.flatten())
    }

    /// What the merchant learns of it, where there is one.
    fn told(&self, session: &CheckoutSession) -> Result<Vec<Write>, StoreError> {
        let owner = &session.owner;
        if owner.org == OrgId::anonymous() {
            return Ok(Vec::new());
        }
        let expired = session.stored_status == Status::Expired;
        let event_type =
            if expired { AuditEventType::CheckoutSessionExpired } else { AuditEventType::CheckoutSessionFailed };
        let actor = ("system", EndSessions::NAME);
        let event = AuditEvent::by_job(event_type, session.id.as_str(), actor, &self.run.id, self.run.now);
        let mut writes = vec![audit::record(owner, &event)?];
        if expired {
            writes.push(outbox::emit(&OutboxEvent::of(session, None, WebhookEvent::CheckoutExpired, self.run.now))?);
        }
        Ok(writes)
    }
}
