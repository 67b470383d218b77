use std::time::{Duration, Instant};

/// Whether the source works, told so seldom that it can be logged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    last_failure: Option<Instant>,
}

/// A change worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Failing,
    Working,
}

impl Health {
    pub(super) fn failed(&mut self, now: Instant) -> Option<Turn> {
        self.last_failure.replace(now).is_none().then_some(Turn::Failing)
    }

    /// It works again if nothing has failed for a while: one key that fails among many that do not is no change each
    /// time.
    pub(super) fn worked(&mut self, now: Instant, quiet: Duration) -> Option<Turn> {
        let since = now.saturating_duration_since(self.last_failure?);
        (since >= quiet).then(|| self.last_failure = None).map(|()| Turn::Working)
    }

    pub(super) fn is_failing(self) -> bool {
        self.last_failure.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_and_flapping_is_no_change() {
        let start = tokio::time::Instant::now().into_std();
        let at = |seconds| start + Duration::from_secs(seconds);
        let quiet = Duration::from_secs(60);
        let mut health = Health::default();
        assert_eq!(health.worked(at(0), quiet), None);
        assert_eq!(health.failed(at(1)), Some(Turn::Failing));
        assert_eq!(health.failed(at(2)), None);
        assert_eq!(health.worked(at(3), quiet), None);
        assert_eq!(health.failed(at(4)), None);
        assert_eq!(health.worked(at(63), quiet), None);
        assert!(health.is_failing());
        assert_eq!(health.worked(at(64), quiet), Some(Turn::Working));
        assert_eq!(health.worked(at(65), quiet), None);
        assert_eq!(health.failed(at(66)), Some(Turn::Failing));
    }
}
