use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a test wants to remember of each request, oldest first. Keeps the last [`Log::CAPACITY`]. Clones share.
pub struct Log<N>(Arc<Mutex<VecDeque<N>>>);

impl<N> Log<N> {
    /// How many notes are kept.
    pub const CAPACITY: usize = 1_000;

    /// An empty log.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Writes one note down.
    pub fn push(&self, note: N) {
        let mut notes = self.lock();
        if notes.len() == Self::CAPACITY {
            notes.pop_front();
        }
        notes.push_back(note);
    }

    /// How many notes there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The notes, oldest first.
    pub fn all(&self) -> Vec<N>
    where
        N: Clone,
    {
        self.lock().iter().cloned().collect()
    }

    /// The latest note.
    pub fn last(&self) -> Option<N>
    where
        N: Clone,
    {
        self.lock().back().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<N>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N> Default for Log<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Clone for Log<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<N: fmt::Debug> fmt::Debug for Log<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
