//! One tree of one version of a list, with all that is needed to bring it up to date.

use crate::Damaged;
use crate::codec::{Entry, Reader, put_bytes, put_length, put_number};
use crate::columns::{Columns, entry_of, packed_id};
use crate::journal::Changes;
use crate::overlay::Overlay;
use crate::tree::Tree;
use crate::{Facet, epoch};
use anyspend_domain::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// A change of the tree that time will make: an entry comes in or goes at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueChange {
    /// When.
    pub at: Timestamp,
    /// Whether the entry comes in.
    pub comes: bool,
    /// The entry.
    pub entry: Entry,
}

/// One tree of one version of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Counts the publications of the list; 0 before the first.
    pub version: u64,
    /// The moment whose facets the version shows.
    pub at: Timestamp,
    /// The journal rows the version has absorbed and that may still be there, by the version that absorbed them.
    pub absorbed: BTreeMap<u64, Vec<u64>>,
    /// The tree.
    pub tree: Tree,
    /// What time will change in this tree, in order, as far as it is worth repeating here.
    pub due: Vec<DueChange>,
    /// The moment from which on more is due than stands in `due`; 0 when there is no more.
    pub due_until: Timestamp,
}

impl Default for Directory {
    /// The directory of a list that has no base yet.
    fn default() -> Self {
        let (absorbed, tree) = (BTreeMap::new(), Tree::default());
        Self { version: 0, at: epoch(), absorbed, tree, due: Vec::new(), due_until: epoch() }
    }
}

impl Directory {
    /// Packs it.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, self.version);
        put_number(&mut out, self.at.millis());
        put_length(&mut out, self.absorbed.len());
        for (version, hashes) in &self.absorbed {
            put_number(&mut out, *version);
            let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
            put_bytes(&mut out, &hashes);
        }
        self.tree.pack(&mut out);
        put_length(&mut out, self.due.len());
        for due in &self.due {
            put_number(&mut out, due.at.millis());
            put_number(&mut out, u64::from(due.comes));
            put_bytes(&mut out, &due.entry.key);
            put_bytes(&mut out, &due.entry.row);
        }
        put_number(&mut out, self.due_until.millis());
        out
    }

    /// Unpacks what [`Directory::pack`] packed; `None` of anything else.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let version = reader.number()?;
        let at = Timestamp::from_millis(reader.number()?)?;
        let mut absorbed = BTreeMap::new();
        for _ in 0..reader.length()? {
            let version = reader.number()?;
            let hashes = reader.bytes()?.chunks_exact(8);
            let hashes = hashes.map(|hash| hash.iter().fold(0, |hash, byte| (hash << 8) | u64::from(*byte)));
            absorbed.insert(version, hashes.collect());
        }
        let tree = Tree::unpack(&mut reader)?;
        let mut due = Vec::new();
        for _ in 0..reader.length()? {
            let at = Timestamp::from_millis(reader.number()?)?;
            let comes = reader.number()? == 1;
            let entry = Entry { key: reader.bytes()?.to_vec(), row: reader.bytes()?.to_vec() };
            due.push(DueChange { at, comes, entry });
        }
        let due_until = Timestamp::from_millis(reader.number()?)?;
        Some(Self { version, at, absorbed, tree, due, due_until })
    }

    /// The journal rows that are in the base already.
    pub fn absorbs(&self) -> HashSet<u64> {
        self.absorbed.values().flatten().copied().collect()
    }

    /// Whether more is due at `now` than stands in the directory.
    pub fn lacks_what_is_due(&self, now: Timestamp) -> bool {
        self.due_until.millis() > 0 && self.due_until <= now
    }

    /// What changed until `now` in the tree of a facet and an order, which this is the directory of.
    pub fn overlay<T: Columns>(
        &self,
        facet: T::Facet,
        sort: T::Sort,
        changes: &Changes<T>,
        now: Timestamp,
    ) -> Result<Overlay, Damaged> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let mut touched = HashSet::new();
        for (id, change) in changes {
            let packed = packed_id::<T>(id)?;
            let entry = |columns: &T| entry_of(sort, &packed, columns);
            let base = change.base.as_ref().filter(|base| facet.holds(base, self.at));
            removed.extend(base.map(entry).transpose()?);
            let is = change.now.as_ref().filter(|is| facet.holds(is, now));
            added.extend(is.map(entry).transpose()?);
            touched.insert(packed);
        }
        for due in self.due.iter().take_while(|due| due.at <= now) {
            let id = &due.entry.key[due.entry.key.len().saturating_sub(T::ID.packed_length())..];
            if !touched.contains(id) {
                if due.comes { &mut added } else { &mut removed }.push(due.entry.clone());
            }
        }
        Ok(Overlay::new(removed, added))
    }
}
