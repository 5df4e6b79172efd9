//! The one place that reads the wall clock.

use anyspend_domain::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where `now` comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that stands until it is moved, in milliseconds; for tests.
    Fixed(Arc<AtomicU64>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn fixed(start: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicU64::new(start.millis())))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
    pub fn now(&self) -> Timestamp {
        let millis = match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| u64::try_from(since.as_millis()).ok())
                .unwrap_or_default(),
            Self::Fixed(millis) => millis.load(Ordering::SeqCst),
        };
        Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX)
    }

    /// Moves a fixed clock on; the system's clock moves by itself.
    pub fn advance_millis(&self, millis: u64) {
        if let Self::Fixed(at) = self {
            at.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
