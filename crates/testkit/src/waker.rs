use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// A waker that counts how often it was woken. Clones share.
#[derive(Clone, Debug, Default)]
pub struct CountingWaker(Arc<Bell>);

#[derive(Debug, Default)]
struct Bell {
    rings: AtomicUsize,
    ringing: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl CountingWaker {
    /// A waker that nobody has woken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The waker to poll with.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.0.rings.load(Ordering::SeqCst)
    }

    /// Whether it was woken since this was asked last.
    pub fn take_woken(&self) -> bool {
        self.0.ringing.swap(false, Ordering::SeqCst)
    }

    /// Wakes that one too, from now on.
    pub(crate) fn forward_to(&self, parent: &Waker) {
        *self.0.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent.clone());
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        self.ringing.store(true, Ordering::SeqCst);
        let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
