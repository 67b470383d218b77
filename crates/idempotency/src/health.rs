use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{RecordId, StoreError};

/// After calls about so many records without an answer in between, a store counts as sick: one record that is out of
/// order does not speak for the others.
const FAILURES: usize = 5;
/// How often requests ask a sick store.
const INTERVAL: Duration = Duration::from_secs(1);

/// Whether requests ask the store.
///
/// It is about time alone: a store that answers, be it that it is full, costs nobody his time and counts as well.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Whether the course is worth a look; changed under its lock.
    is_doubtful: AtomicBool,
    course: Mutex<Course>,
}

/// What a store has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Sick,
    Well,
}

#[derive(Debug, Default)]
struct Course {
    /// The last of them failed last; no more than make it sick.
    failed: Vec<RecordId>,
    ask_again: Option<Instant>,
}

impl Health {
    /// Whether a request may ask about its record; of a sick store, one in each interval.
    pub(crate) fn may_ask(&self, id: RecordId) -> bool {
        !self.is_doubtful.load(Ordering::Relaxed) || self.course.lock().may_ask(id, now())
    }

    /// Notes how a call went.
    pub(crate) fn note<A>(&self, id: RecordId, answer: &Result<A, StoreError>) -> Option<Change> {
        let has_failed = answer.as_ref().is_err_and(StoreError::may_have_happened);
        if !has_failed && !self.is_doubtful.load(Ordering::Relaxed) {
            return None;
        }
        let mut course = self.course.lock();
        let change = if has_failed { course.failed(id, now()) } else { course.answered() };
        self.is_doubtful.store(!course.failed.is_empty(), Ordering::Relaxed);
        change
    }
}

impl Change {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Sick => "store_sick",
            Self::Well => "store_well",
        }
    }
}

impl Course {
    fn may_ask(&mut self, id: RecordId, now: Instant) -> bool {
        let Some(ask_again) = &mut self.ask_again else { return true };
        // The record that failed last lets the others go first.
        let due = if self.failed.last() == Some(&id) { *ask_again + INTERVAL } else { *ask_again };
        let may_ask = due <= now;
        if may_ask {
            *ask_again = now + INTERVAL;
        }
        may_ask
    }

    fn failed(&mut self, id: RecordId, now: Instant) -> Option<Change> {
        self.failed.retain(|known| *known != id);
        self.failed.push(id);
        let falls_sick = self.ask_again.is_none() && self.failed.len() >= FAILURES;
        if self.failed.len() > FAILURES {
            self.failed.remove(0);
        }
        falls_sick.then(|| {
            self.ask_again = Some(now + INTERVAL);
            Change::Sick
        })
    }

    fn answered(&mut self) -> Option<Change> {
        let was_sick = self.ask_again.is_some();
        *self = Self::default();
        was_sick.then_some(Change::Well)
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    fn id(number: u8) -> RecordId {
        RecordId::from_bytes([number; 32])
    }

    fn fails(course: &mut Course, records: impl IntoIterator<Item = u8>) -> Vec<Option<Change>> {
        let now = now();
        records.into_iter().map(|number| course.failed(id(number), now)).collect()
    }

    #[test]
    fn a_store_falls_sick_once_after_so_many_failures_in_a_row_and_is_well_after_one_answer() {
        let mut course = Course::default();
        for _ in 0..2 {
            assert_eq!(fails(&mut course, 0..4), [None; 4]);
            assert_eq!((course.may_ask(id(9), now()), course.answered()), (true, None), "not in a row");
        }
        assert_eq!(fails(&mut course, 0..7), [None, None, None, None, Some(Change::Sick), None, None]);
        assert_eq!((course.answered(), course.answered()), (Some(Change::Well), None));
        assert!(course.may_ask(id(9), now()));
    }

    #[test]
    fn a_record_that_fails_again_and_again_does_not_speak_for_the_store() {
        let mut course = Course::default();
        assert_eq!(fails(&mut course, [1, 2, 3, 4].repeat(25)), [None; 100]);
        assert!(course.may_ask(id(1), now()));
    }

    #[test]
    fn a_sick_store_is_asked_once_in_each_interval_and_about_the_last_that_failed_once_in_two() {
        let (mut course, start) = (Course::default(), now());
        for number in 1..=5 {
            course.failed(id(number), start);
        }
        for (millis, number, may_ask) in [
            (0, 9, false),
            (999, 9, false),
            (1_000, 5, false),
            (1_000, 9, true),
            (1_000, 9, false),
            (2_000, 5, false),
            (2_999, 5, false),
            (3_000, 5, true),
            (3_999, 9, false),
            (4_500, 9, true),
            (5_499, 9, false),
        ] {
            let at = start + Duration::from_millis(millis);
            assert_eq!(course.may_ask(id(number), at), may_ask, "{number} at {millis} ms");
        }
        assert_eq!(course.failed(id(9), start), None);
        assert!(
            !course.may_ask(id(8), start + Duration::from_millis(5_499)),
            "no failure brings a question nearer"
        );
    }

    #[tokio::test]
    async fn only_a_call_without_an_answer_is_a_failure() {
        let health = Health::default();
        let note = |number, kind| health.note(id(number), &Err::<(), _>(StoreError::new(kind)));
        for kind in
            [StoreErrorKind::Full, StoreErrorKind::ScopeFull, StoreErrorKind::Corrupt, StoreErrorKind::Unfit]
        {
            assert_eq!([1, 2, 3, 4, 5, 6].map(|number| note(number, kind)), [None; 6]);
        }
        assert_eq!([1, 2, 3, 4].map(|number| note(number, StoreErrorKind::Unreachable)), [None; 4]);
        assert!(health.may_ask(id(9)));
        assert_eq!(note(5, StoreErrorKind::Unreachable), Some(Change::Sick));
        assert!(!health.may_ask(id(9)));
        assert_eq!((health.note(id(5), &Ok(())), health.may_ask(id(9))), (Some(Change::Well), true));
    }
}
