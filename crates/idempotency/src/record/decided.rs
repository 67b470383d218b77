use crate::Record;

/// What a record's machine has decided: the answer, and what the store must write before it gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<A> {
    /// What the caller hears.
    pub answer: A,
    /// What changes; `None` if nothing does.
    pub write: Option<Write>,
}

/// A change of what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// This record stands there from now on.
    Put(Record),
    /// Nothing stands there from now on.
    Remove,
}

impl<A> Decided<A> {
    pub(super) const fn unchanged(answer: A) -> Self {
        Self { answer, write: None }
    }

    pub(super) const fn put(answer: A, record: Record) -> Self {
        Self { answer, write: Some(Write::Put(record)) }
    }

    pub(super) const fn remove(answer: A) -> Self {
        Self { answer, write: Some(Write::Remove) }
    }
}
