use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::super::note::Note;
use super::{Anchor, AnchorError};

/// How long an anchor that failed is left alone, unless something newer is to be put.
const PAUSE: Duration = Duration::from_secs(5);

/// How an anchor is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorStatus {
    /// What it is called.
    pub name: Arc<str>,
    /// How many records its latest confirmed note covers; 0 before the first.
    pub anchored: u64,
    /// How often it has failed.
    pub failures: u64,
    /// Why it failed last; none since it has succeeded again.
    pub last_error: Option<Arc<str>>,
}

/// Puts the newest note to an anchor, on a thread of its own: one that hangs holds up nobody else.
pub(in super::super) struct Worker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    pause: Duration,
}

struct State {
    /// The newest note that is not confirmed. A newer one takes its place.
    wanted: Option<Note>,
    /// Nobody has tried to put it yet.
    is_fresh: bool,
    is_busy: bool,
    is_closed: bool,
    status: AnchorStatus,
}

impl Worker {
    /// Starts with what the anchor had when it was asked, or why it did not say.
    pub(in super::super) fn start(
        anchor: Box<dyn Anchor>,
        had: &Result<u64, AnchorError>,
    ) -> io::Result<Self> {
        Self::pausing(anchor, had, PAUSE)
    }

    pub(super) fn pausing(
        anchor: Box<dyn Anchor>,
        had: &Result<u64, AnchorError>,
        pause: Duration,
    ) -> io::Result<Self> {
        let status = AnchorStatus {
            name: anchor.name().into(),
            anchored: *had.as_ref().unwrap_or(&0),
            failures: u64::from(had.is_err()),
            last_error: had.as_ref().err().map(|error| error.to_string().into()),
        };
        let state = State { wanted: None, is_fresh: false, is_busy: false, is_closed: false, status };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), pause });
        let worker = Arc::clone(&shared);
        thread::Builder::new().name("audit-anchor".to_owned()).spawn(move || worker.run(anchor))?;
        Ok(Self { shared })
    }

    /// Asks for a note to be put, some time soon.
    pub(in super::super) fn put(&self, note: Note) {
        let mut state = self.shared.state.lock();
        state.wanted = Some(note);
        state.is_fresh = true;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until putting the last note was tried, but not longer than this.
    pub(in super::super) fn settle(&self, longest: Duration) {
        let mut state = self.shared.state.lock();
        self.shared.changed.wait_while_for(&mut state, |state| state.is_busy || state.is_fresh, longest);
    }

    pub(in super::super) fn status(&self) -> AnchorStatus {
        self.shared.state.lock().status.clone()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn run(&self, mut anchor: Box<dyn Anchor>) {
        let mut state = self.state.lock();
        loop {
            let Some(note) = state.wanted.take() else {
                if state.is_closed {
                    return;
                }
                self.changed.wait(&mut state);
                continue;
            };
            (state.is_busy, state.is_fresh) = (true, false);
            let put = MutexGuard::unlocked(&mut state, || attempt(anchor.as_mut(), &note));
            state.is_busy = false;
            let has_failed = put.is_err();
            state.settle(note, put);
            self.changed.notify_all();
            if has_failed {
                self.pause(&mut state);
            }
        }
    }

    fn pause(&self, state: &mut MutexGuard<'_, State>) {
        self.changed.wait_while_for(state, |state| !state.is_closed && !state.is_fresh, self.pause);
        if state.is_closed && !state.is_fresh {
            state.wanted = None;
        }
    }
}

impl State {
    fn settle(&mut self, note: Note, put: Result<(), Arc<str>>) {
        match put {
            Ok(()) => {
                self.status.anchored = note.checkpoint().size();
                self.status.last_error = None;
            }
            Err(why) => {
                tracing::warn!(
                    anchor = &*self.status.name,
                    error = &*why,
                    "an audit checkpoint was not anchored"
                );
                self.status.failures += 1;
                self.status.last_error = Some(why);
                self.wanted.get_or_insert(note);
            }
        }
    }
}

/// The anchor is somebody else's code: a panic in it is a failure like any other.
fn attempt(anchor: &mut dyn Anchor, note: &Note) -> Result<(), Arc<str>> {
    match panic::catch_unwind(AssertUnwindSafe(|| anchor.put(note))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(_) => Err("the anchor panicked".into()),
    }
}
