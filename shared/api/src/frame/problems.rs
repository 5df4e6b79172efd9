//! What is wrong with a request, as it is found: all of it is counted, and as much of it kept as is told.

use anyspend_domain::Problem;
use anyspend_domain::problem::MOST_PROBLEMS;

/// Problems in the order they were found. Past the most that are told, further ones would only cost time and memory.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    kept: Vec<Problem>,
    found: usize,
}

impl Problems {
    pub(crate) const fn is_empty(&self) -> bool {
        self.found == 0
    }

    /// How many were found, kept or not.
    pub(crate) const fn found(&self) -> usize {
        self.found
    }

    /// Whether one that is kept is about this parameter.
    pub(crate) fn name(&self, param: Option<&str>) -> bool {
        self.kept.iter().any(|problem| problem.param.as_deref() == param)
    }

    /// Adds one. It is made only if it is kept.
    pub(crate) fn add(&mut self, make: impl FnOnce() -> Problem) {
        self.found += 1;
        if self.kept.len() < MOST_PROBLEMS {
            self.kept.push(make());
        }
    }

    pub(crate) fn append(&mut self, others: Self) {
        let room = MOST_PROBLEMS.saturating_sub(self.kept.len());
        self.kept.extend(others.kept.into_iter().take(room));
        self.found += others.found;
    }

    pub(crate) fn into_kept(self) -> Vec<Problem> {
        self.kept
    }
}
