//! The dated versions of the API, and the only place where they differ: in values and in names, of answers, webhooks,
//! bodies, queries and exports.
//!
//! Everything else knows one shape of each resource, that of the code. A view is made into a [`Tree`]; the names every
//! version has are added ([`superset`]); then the changes of each version are applied, from the code's shape down to the
//! version asked for. A request may use every name any version has, whatever version it asks for, as it may write a time
//! or an address in every form.
//!
//! A version is one module of this folder and its line in [`VERSIONS`].

mod change;
mod leaf;
mod superset;
mod tree;
mod v2024_02_28;
mod v2026_02_27;

pub use change::{Change, Of};
pub use leaf::{Addr, Leaves, Time};
pub use tree::{Fields, Tree};

use serde::Serialize;
use superset::SUPERSET;
use utoipa::openapi::{RefOr, Schema};

/// Newest first; the first is the default.
static VERSIONS: &[&Dialect] = &[&v2026_02_27::VERSION, &v2024_02_28::VERSION];

/// How one version differs.
#[derive(Debug)]
pub struct Dialect {
    /// Its name.
    pub date: &'static str,
    /// The version whose answers it changes; none changes those of the code.
    pub after: Option<&'static Self>,
    /// How it shows times and addresses.
    pub leaves: Leaves,
    /// What it changes, in this order.
    pub changes: &'static [Of],
}

/// A version of the API.
#[derive(Debug, Clone, Copy)]
pub struct Version(&'static Dialect);

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Version {}

impl Version {
    /// The version new API keys are pinned to.
    pub fn current() -> Self {
        Self(VERSIONS[0])
    }

    /// The version with this name.
    pub fn parse(name: &str) -> Option<Self> {
        VERSIONS.iter().find(|version| version.date == name).map(|version| Self(version))
    }

    /// Its date.
    pub const fn name(self) -> &'static str {
        self.0.date
    }

    /// Every version's date, newest first.
    pub fn names() -> Vec<&'static str> {
        VERSIONS.iter().map(|version| version.date).collect()
    }

    /// What this version calls a field of a resource.
    pub fn name_of<'n>(self, object: &str, name: &'n str) -> &'n str {
        changes_of(self.0).fold(name, |name, of| of.renamed(object, name))
    }

    /// Renders a view as JSON.
    ///
    /// # Errors
    /// When the view cannot be JSON, which is a fault of ours.
    pub fn render(self, view: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.tree(view)?)
    }

    /// The same for a view that does not say by an `object` of its own what it is.
    ///
    /// # Errors
    /// As for [`Version::render`].
    pub fn render_as(self, object: &str, view: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.tree_as(Some(object), view)?)
    }

    /// A view as this version shows it.
    ///
    /// # Errors
    /// As for [`Version::render`].
    pub fn tree(self, view: &impl Serialize) -> Result<Tree, serde_json::Error> {
        self.tree_as(None, view)
    }

    fn tree_as(self, object: Option<&str>, view: &impl Serialize) -> Result<Tree, serde_json::Error> {
        let mut tree = Tree::of(view, self.0.leaves)?;
        change::apply(SUPERSET, &mut tree, object);
        convert(self.0, &mut tree, object);
        Ok(tree)
    }
}

/// Applies the changes of a version, after those of the versions it comes after.
fn convert(version: &Dialect, tree: &mut Tree, object: Option<&str>) {
    if let Some(before) = version.after {
        convert(before, tree, object);
    }
    change::apply(version.changes, tree, object);
}

/// Every change that leads to a version, in their order.
fn changes_of(version: &'static Dialect) -> Box<dyn Iterator<Item = &'static Of>> {
    match version.after {
        None => Box::new(version.changes.iter()),
        Some(before) => Box::new(changes_of(before).chain(version.changes)),
    }
}

/// Every name a request may call a field of a resource by: the code's own first.
pub fn names(object: &str, name: &'static str) -> Vec<&'static str> {
    names_among(VERSIONS, object, name)
}

fn names_among(versions: &[&'static Dialect], object: &str, name: &'static str) -> Vec<&'static str> {
    let mut names = vec![name];
    for of in SUPERSET.iter().chain(versions.iter().flat_map(|version| version.changes)) {
        of.collect_names(object, &mut names);
    }
    names
}

/// Adds to the schemas of resources the names every version has.
pub(crate) fn describe_superset(schemas: &mut [(String, RefOr<Schema>)]) {
    for of in SUPERSET {
        of.describe(schemas);
    }
}

#[cfg(test)]
mod tests;
