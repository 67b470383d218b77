use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Calendar time, for dates on the wire and in records; never for measuring how long something took.
#[derive(Clone, Default)]
pub struct WallClock(Option<Arc<Source>>);

type Source = dyn Fn() -> SystemTime + Send + Sync;

impl WallClock {
    /// The clock of the machine. The default.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that a test can step.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time it is.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    pub fn now(&self) -> SystemTime {
        self.0.as_ref().map_or_else(SystemTime::now, |now| now())
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "WallClock(from_fn)" } else { "WallClock(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_clock_shows_its_own_time() {
        assert_eq!(WallClock::from_fn(|| SystemTime::UNIX_EPOCH).now(), SystemTime::UNIX_EPOCH);
        assert!(WallClock::system().now() > SystemTime::UNIX_EPOCH);
    }
}
