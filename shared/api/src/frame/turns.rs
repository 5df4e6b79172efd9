//! Turns: the writers of one instance who met at an object go one after the other.
//!
//! Nothing depends on it. Instances know nothing of each other's turns, and what makes a change safe is the condition of
//! its write. It only spares writers of one instance from losing to each other again and again.

use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, MutexGuard};

/// Lines to stand in. Two objects in one line wait for each other without need, which is rare: only who has met somebody
/// stands in line at all.
const LINES: usize = 64;

/// The lines of one instance.
#[derive(Debug)]
pub(crate) struct Turns {
    lines: [Mutex<()>; LINES],
}

impl Default for Turns {
    fn default() -> Self {
        Self { lines: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Turns {
    /// Waits for the turn at an object, in the order of asking.
    pub(crate) async fn at(&self, object: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        object.hash(&mut hasher);
        let line = usize::try_from(hasher.finish() % LINES as u64).unwrap_or_default();
        self.lines[line].lock().await
    }
}
