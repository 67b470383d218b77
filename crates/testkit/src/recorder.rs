use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buttress_core::{Context, Entry, Observer, Signal, Trail, Verdict};

/// An observer that keeps every signal. Clones share, so one goes into the layer and one stays with the test.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Entry>>>);

impl Recorder {
    /// A recorder that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every signal so far, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    /// The codes of all signals, oldest first.
    pub fn codes(&self) -> Vec<&'static str> {
        self.lock().iter().map(|entry| entry.code).collect()
    }

    /// Verdict and code of all signals, oldest first.
    pub fn verdicts(&self) -> Vec<(Verdict, &'static str)> {
        self.lock().iter().map(|entry| (entry.verdict, entry.code)).collect()
    }

    /// How many signals had this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lock().iter().filter(|entry| entry.verdict == verdict).count()
    }

    /// Forgets everything heard.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, signal: &Signal<'_>) {
        self.lock().push(Entry::from(signal));
    }
}

/// Runs a future as one request with a trail, and returns what the layers left on it.
///
/// The current context stays in force otherwise.
pub async fn trail_of<F: Future>(future: F) -> (F::Output, Trail) {
    let trail = Trail::new();
    let context = Context::current().with_trail(trail.clone());
    (context.scope(future).await, trail)
}
