use std::num::NonZeroU32;

use crate::{Sample, Totals};

/// The last N samples, exactly.
///
/// Each record past the first N pushes the oldest sample out, so a long healthy past weighs no more than N
/// samples do.
///
/// ```
/// use std::num::NonZeroU32;
/// use buttress_window::{CountWindow, Sample};
///
/// let mut window = CountWindow::new(NonZeroU32::MIN.saturating_add(3));
/// for _ in 0..10_000 {
///     window.record(Sample::Success);
/// }
/// window.record(Sample::Failure);
/// assert!(window.record(Sample::Failure).failed_at_least(500_000), "two of the last four");
/// ```
#[derive(Clone, Debug)]
pub struct CountWindow {
    ring: Box<[Option<Sample>]>,
    /// Where the next sample goes, which is where the oldest is.
    next: usize,
    totals: Totals,
}

impl CountWindow {
    /// The longest window: one million samples in one megabyte.
    pub const MAX_LEN: u32 = 1_000_000;

    /// An empty window of the last `len` samples, at most [`MAX_LEN`](Self::MAX_LEN).
    ///
    /// Allocates one byte per sample, here and never again.
    pub fn new(len: NonZeroU32) -> Self {
        let ring = (0..len.get().min(Self::MAX_LEN)).map(|_| None).collect();
        Self { ring, next: 0, totals: Totals::default() }
    }

    /// Counts a sample in place of the oldest, and returns what the window holds then.
    #[inline]
    pub fn record(&mut self, sample: Sample) -> Totals {
        let oldest = self.ring[self.next].replace(sample);
        // Mostly a success takes the place of a success, and the totals stay what they are.
        if oldest != Some(sample) {
            self.change_totals(oldest, sample);
        }
        self.next = if self.next + 1 == self.ring.len() { 0 } else { self.next + 1 };
        self.totals
    }

    #[inline(never)]
    fn change_totals(&mut self, oldest: Option<Sample>, newest: Sample) {
        if let Some(oldest) = oldest {
            self.totals.forget(oldest);
        }
        self.totals.count(newest);
    }

    /// What the window holds.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many samples fit.
    pub fn capacity(&self) -> usize {
        self.ring.len()
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        self.ring.fill(None);
        self.totals = Totals::default();
    }
}
