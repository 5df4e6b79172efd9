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
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::{CheckoutSession, Status};
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::{CheckoutSessionId, OrgId, RequestId, Timestamp};
use anyspend_store::audit::{self, AuditEvent};
use anyspend_store::checkout_sessions::{self, SessionColumns};
use anyspend_store::commit::pause;
use anyspend_store::list::{Columns, Ending, ListId, Selection};
use anyspend_store::outbox::{self, OutboxEvent};
use anyspend_store::schema::SHARDS;
use anyspend_store::{CommitError, Db, StoreError, Write};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a run goes on beginning new work. What it has not reached by then is the next run's.
const RUN_TIME: Duration = Duration::from_secs(40);
/// Sessions that are ended side by side.
const AT_ONCE: usize = 8;
/// Sessions that are read from the index at once.
const PAGE: u32 = 200;
/// How often ending one session is decided anew because another change came first.
const DECISIONS: u32 = 5;

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

struct Run<'a> {
    platform: &'a Platform,
    db: Db,
    now: Timestamp,
    began: Instant,
    /// Names the run in the audit trail.
    request_id: RequestId,
}

/// The scheduled job: what `serve::on_events` runs. What the event says does not matter.
///
/// # Errors
/// When the platform has no secret: buyers stand sealed in the rows that are rewritten.
pub fn job(platform: Arc<Platform>) -> Result<impl AsyncFn(serde_json::Value) -> Result<Done, String>, String> {
    if platform.config.secret.is_none() {
        return Err("PLATFORM_SECRET is not set, so sessions cannot be read".to_owned());
    }
    Ok(async move |_: serde_json::Value| run(&platform).await.map_err(|error| error.to_string()))
}

/// One run.
///
/// # Errors
/// When the table does not answer. What was not done is done by the next run.
pub async fn run(platform: &Platform) -> Result<Done, StoreError> {
    let now = platform.clock.now();
    let run =
        Run { platform, db: platform.db.metered(), now, began: Instant::now(), request_id: RequestId::generate(now) };
    let mut done = Done::default();
    for shard in 0..SHARDS {
        for (list, endings) in run.db.lists_with_endings(shard).await? {
            Box::pin(run.end_in(&list, &endings, &mut done)).await?;
        }
    }
    for shard in 0..SHARDS {
        Box::pin(run.end_due(shard, &mut done)).await?;
    }
    if done != Done::default() {
        tracing::info!(?done, calls = run.db.cost().calls, "sessions ended");
    }
    Ok(done)
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        self.began.elapsed() >= RUN_TIME
    }

    /// Ends what deletions of links have ended, until each session says so itself.
    async fn end_in(&self, list: &ListId, endings: &[Ending], done: &mut Done) -> Result<(), StoreError> {
        if list.object != SessionColumns::OBJECT {
            return Err(StoreError::Fault(format!("nobody knows how to end a '{}'", list.object)));
        }
        let open = self.db.open_list::<SessionColumns>(list, &Selection::all(0, 0), self.now).await?;
        let ids = open.ended.iter().filter_map(|id| CheckoutSessionId::parse(id)).collect();
        self.end_all(ids, done).await?;
        for ending in endings {
            if ending.is_superfluous(self.now) {
                self.db.forget_ending(list, ending).await?;
            } else if open.ended.is_empty() && ending.done_at.is_none() && ending.is_known(self.now) {
                self.db.finish_ending(list, ending, self.now).await?;
            }
        }
        Ok(())
    }

    /// Ends the sessions of a shard whose time is over.
    async fn end_due(&self, shard: u8, done: &mut Done) -> Result<(), StoreError> {
        loop {
            let due = self.db.due_sessions(shard, self.now, PAGE).await?;
            let before = *done;
            let whole = u32::try_from(due.len()).is_ok_and(|found| found == PAGE);
            self.end_all(due, done).await?;
            // The index follows the table a moment later: what was just ended may still be found, and is the next run's.
            if !whole || *done == before || self.is_over() {
                return Ok(());
            }
        }
    }

    async fn end_all(&self, ids: Vec<CheckoutSessionId>, done: &mut Done) -> Result<(), StoreError> {
        let mut ending = stream::iter(ids)
            .take_while(|_| std::future::ready(!self.is_over()))
            .map(|id| async move { self.end(&id).await })
            .buffer_unordered(AT_ONCE);
        while let Some(ended) = ending.try_next().await? {
            done.count(ended);
        }
        Ok(())
    }

    /// Ends one session; `None` when nothing has ended it, or somebody else has said so already.
    async fn end(&self, id: &CheckoutSessionId) -> Result<Option<Status>, StoreError> {
        for decision in 0..DECISIONS {
            if decision > 0 {
                tokio::time::sleep(pause(decision)).await;
            }
            let (found, link_deleted_at) = self.db.find_session_and_links_end(id, self.platform).await?;
            let Some(was) = found else { return Ok(None) };
            let mut session = was.clone();
            if !session.end(self.now, link_deleted_at) {
                return Ok(None);
            }
            let mut writes = checkout_sessions::update(&was, &session, self.platform)?;
            writes.extend(self.told(&session)?);
            match self.db.commit(writes).await {
                Ok(()) => return Ok(Some(session.stored_status)),
                Err(CommitError::Refused { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        // It keeps changing, so it is being looked after; if not, the next run does.
        Ok(None)
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
        let event =
            AuditEvent::by_job(event_type, session.id.as_str(), ("system", "end-sessions"), &self.request_id, self.now);
        let mut writes = vec![audit::record(owner, &event)?];
        if expired {
            writes.push(outbox::emit(&OutboxEvent::of(session, None, WebhookEvent::CheckoutExpired, self.now))?);
        }
        Ok(writes)
    }
}
