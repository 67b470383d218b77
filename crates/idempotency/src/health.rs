use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::StoreError;

/// After so many calls in a row without an answer, a store counts as sick.
const FAILURES: u32 = 5;
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
    failures: u32,
    ask_again: Option<Instant>,
}

impl Health {
    /// Whether a request may ask; of a sick store, one in each interval.
    pub(crate) fn may_ask(&self) -> bool {
        !self.is_doubtful.load(Ordering::Relaxed) || self.course.lock().may_ask(now())
    }

    /// Notes how a call went.
    pub(crate) fn note<A>(&self, answer: &Result<A, StoreError>) -> Option<Change> {
        let has_failed = answer.as_ref().is_err_and(StoreError::may_have_happened);
        if !has_failed && !self.is_doubtful.load(Ordering::Relaxed) {
            return None;
        }
        let mut course = self.course.lock();
        let change = if has_failed { course.failed(now()) } else { course.answered() };
        self.is_doubtful.store(course.failures > 0, Ordering::Relaxed);
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
    fn may_ask(&mut self, now: Instant) -> bool {
        let Some(ask_again) = &mut self.ask_again else { return true };
        let may_ask = *ask_again <= now;
        if may_ask {
            *ask_again = now + INTERVAL;
        }
        may_ask
    }

    fn failed(&mut self, now: Instant) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        let falls_sick = self.ask_again.is_none() && self.failures >= FAILURES;
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

    #[test]
    fn a_store_falls_sick_once_after_so_many_failures_in_a_row_and_is_well_after_one_answer() {
        let (mut course, now) = (Course::default(), now());
        for _ in 0..2 {
            assert_eq!([(); 4].map(|()| course.failed(now)), [None; 4]);
            assert_eq!((course.may_ask(now), course.answered()), (true, None), "not in a row");
        }
        assert_eq!([(); 4].map(|()| course.failed(now)), [None; 4]);
        assert_eq!([(); 3].map(|()| course.failed(now)), [Some(Change::Sick), None, None]);
        assert_eq!((course.answered(), course.answered()), (Some(Change::Well), None));
        assert!(course.may_ask(now));
    }

    #[test]
    fn a_sick_store_is_asked_once_in_each_interval() {
        let (mut course, start) = (Course::default(), now());
        for _ in 0..FAILURES {
            course.failed(start);
        }
        for (millis, may_ask) in [
            (0, false),
            (999, false),
            (1_000, true),
            (1_000, false),
            (1_999, false),
            (2_500, true),
            (3_499, false),
        ] {
            assert_eq!(course.may_ask(start + Duration::from_millis(millis)), may_ask, "{millis} ms");
        }
        assert_eq!(course.failed(start), None);
        assert!(
            !course.may_ask(start + Duration::from_millis(3_499)),
            "a failure does not bring the next question"
        );
    }

    #[tokio::test]
    async fn only_a_call_without_an_answer_is_a_failure() {
        let health = Health::default();
        let with = |kind| Err::<(), _>(StoreError::new(kind));
        for kind in
            [StoreErrorKind::Full, StoreErrorKind::ScopeFull, StoreErrorKind::Corrupt, StoreErrorKind::Unfit]
        {
            for _ in 0..FAILURES {
                assert_eq!(health.note(&with(kind)), None);
            }
        }
        for _ in 1..FAILURES {
            assert_eq!(health.note(&with(StoreErrorKind::Unreachable)), None);
        }
        assert!(health.may_ask());
        assert_eq!(health.note(&with(StoreErrorKind::Unreachable)), Some(Change::Sick));
        assert!(!health.may_ask());
        assert_eq!((health.note(&Ok(())), health.may_ask()), (Some(Change::Well), true));
    }
}
