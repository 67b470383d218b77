//! What is measured: a [`Case`] is a table, a [`Subject`] one of its rows.

use crate::budget::Budget;

/// The same operation done by several people's code, and the bare service beneath it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What one operation is.
    pub(crate) what: &'static str,
    /// The operation with no layer at all: what the others are compared with.
    pub(crate) bare: Subject,
    /// Ours first: the first row is the one that peers are compared with.
    pub(crate) rows: &'static [Subject],
}

/// One way to do the operation.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) whose: Whose,
    pub(crate) budget: Budget,
    /// Builds the layer. Each thread gets a worker of its own from it, and all of them share the layer.
    pub(crate) build: fn() -> Shared,
    /// The most operations that one layer value serves before it is built anew.
    pub(crate) most: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The service without a layer.
    Bare,
    Ours,
    Peer,
    /// No layer at all, but something to compare layers with.
    Yardstick,
}

/// A layer that was built once, ready to hand out workers that share it.
pub(crate) type Shared = Box<dyn Fn() -> Worker + Send + Sync>;

/// Does the operation so many times.
pub(crate) type Worker = Box<dyn FnMut(u64) + Send>;

impl Case {
    /// Every subject: the bare one, then the rows.
    pub(crate) fn subjects(&'static self) -> impl Iterator<Item = &'static Subject> {
        std::iter::once(&self.bare).chain(self.rows)
    }
}

impl Subject {
    pub(crate) const fn bare(name: &'static str, build: fn() -> Shared) -> Self {
        Self::new(name, Whose::Bare, build)
    }

    pub(crate) const fn ours(name: &'static str, build: fn() -> Shared) -> Self {
        Self::new(name, Whose::Ours, build)
    }

    pub(crate) const fn peer(name: &'static str, build: fn() -> Shared) -> Self {
        Self::new(name, Whose::Peer, build)
    }

    pub(crate) const fn yardstick(name: &'static str, build: fn() -> Shared) -> Self {
        Self::new(name, Whose::Yardstick, build)
    }

    const fn new(name: &'static str, whose: Whose, build: fn() -> Shared) -> Self {
        Self { name, whose, budget: Budget::NONE, build, most: u64::MAX }
    }

    /// The same subject with what it may cost.
    pub(crate) const fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// The same subject for a layer whose cost grows with what it has seen.
    pub(crate) const fn at_most(self, operations: u64) -> Self {
        Self { most: operations, ..self }
    }
}
