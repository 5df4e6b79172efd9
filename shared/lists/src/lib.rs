//! Lists that stay cheap, as far as they are pure: how a list is packed, what changed since, and the page that follows.
//!
//! Every change of a listed object adds one small row to the list's *journal*: what lists know of the object before and
//! after it. From time to time a compaction folds the journal into the list's *base*: for every filter (facet) and order
//! (sort) a *tree* of counted parts, whose *directory* is one row. A reader takes the directory of one tree and the
//! journal side by side and puts one over the other (the *overlay*): the answer is exact at any moment, and costs the same
//! on the first page as on the last.
//!
//! ```text
//!  directory of (facet, sort)                              journal, newest first
//!  ┌──────────────────────────────────────────────────┐    ┌──────────────────────┐
//!  │ version 7 · at 10:30 · absorbed rows · due next  │    │ pl_C v3  was … is …  │
//!  │                                                  │    │ pl_C v2  was … is …  │  was of the last row that is not
//!  │ part 0        part 1       part 2       part 3   │    │ pl_A v1      is …    │  absorbed: what the base holds
//!  │ 128 entries   700          690          60       │    └──────────┬───────────┘
//!  │ inline        ▼ block      ▼ block      inline   │               ▼
//!  └───────────────┼────────────┼─────────────────────┘    overlay: − removed keys
//!              ┌───┴────┐   ┌───┴────┐                              + added entries
//!              │ sorted │   │ sorted │                               │
//!              │ keys   │   │ keys   │  ◄── counts of the parts ─────┘
//!              └────────┘   └────────┘      shift by what changed in each
//!                                           page = sum over counts, then one block or two
//! ```
//!
//! What must stay true: nothing here reads, writes, waits or asks the time. A key sorts like what it was packed from. What
//! cannot be unpacked is [`Damaged`], never guessed.

mod codec;
mod columns;
mod compaction;
mod directory;
mod endings;
mod ids;
mod journal;
mod key_range;
mod list_id;
mod overlay;
mod repack;
mod selection;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use codec::{Entry, Reader, each_entry, unpack_entries};
pub use columns::{Choice, Columns, Facet, Sort, entry_of, id_in, keys, packed_id, sort_key, unpack};
pub use compaction::{Absorbed, Intake, Packing, TreeKind, TreeOf, Tuning, absorb, still_absorbed, trees};
pub use directory::{Directory, DueChange};
pub use endings::{Ending, Endings};
pub use ids::{IdShape, Suffix, packed_link, unpacked_link};
pub use journal::{Change, Changes, JournalEntry, JournalRow, changes};
pub use key_range::KeyRange;
pub use list_id::ListId;
pub use overlay::{Bodies, Changed, Overlay, Slice, Start, Window};
pub use repack::{Repacked, Sizes};
pub use selection::{ListPage, ListRow, Selection};
pub use tree::{BlockId, Body, Part, Tree};

use anyspend_domain::Timestamp;

/// How long what a version has made superfluous stays: longer than any request lives, and than clocks disagree.
pub const GRACE_SECONDS: u64 = 60;

/// What is kept of a list cannot be read, which is a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a list is damaged: {0}")]
pub struct Damaged(pub String);

/// The moment before all others.
fn epoch() -> Timestamp {
    Timestamp::from_millis(0).unwrap_or(Timestamp::MAX)
}
