use std::time::Duration;

use buttress_backoff::{Backoff, BackoffBuilder, Jitter};

use crate::Schedule;

/// Schedules by name, for the usual kinds of dependency.
///
/// | profile | attempts | wait before a retry | else |
/// |---|---:|---|---|
/// | `Default` | 3 | 1 to 10 s | |
/// | `Transient` | 2 | 0.5 to 5 s | faults of connection and time only |
/// | `SlowService` | 5 | 2 to 30 s | |
/// | `NoRetry` | 1 | | |
/// | `Database` | 5 | 0.5 to 30 s | |
/// | `MessageQueue` | 10 | 0 to 5 s, growing by 1.5 to at most 60 s | |
/// | `ExternalApi` | 3 | 0 to 1 s, growing by 3 to at most 30 s | `Retry-After` up to 60 s |
/// | `FileIo` | 3 | 0.1 to 5 s | |
///
/// Where the wait has a lower end, it is drawn anew between that end and three times the wait before it. These are
/// waits for work in the background; in front of somebody who waits, leave the [`Schedule`]'s own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A dependency nothing more is known of.
    Default,
    /// A quick second try where only the connection or the time can be at fault.
    Transient,
    /// A service that takes long to recover.
    SlowService,
    /// Work that must not be done twice.
    NoRetry,
    /// A database, through a failover.
    Database,
    /// A message queue whose consumer can wait for minutes.
    MessageQueue,
    /// Somebody else's API, with its rate limits.
    ExternalApi,
    /// Files, on a network or a busy disk.
    FileIo,
}

impl Profile {
    /// Every profile, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Default,
        Self::Transient,
        Self::SlowService,
        Self::NoRetry,
        Self::Database,
        Self::MessageQueue,
        Self::ExternalApi,
        Self::FileIo,
    ];

    /// The profile as one word for configuration files and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Transient => "transient",
            Self::SlowService => "slow_service",
            Self::NoRetry => "no_retry",
            Self::Database => "database",
            Self::MessageQueue => "message_queue",
            Self::ExternalApi => "external_api",
            Self::FileIo => "file_io",
        }
    }

    /// The numbers behind the name.
    pub fn schedule(self) -> Schedule {
        match self {
            Self::Default => between(3, 1_000, 10_000),
            Self::Transient => Schedule { transient_only: true, ..between(2, 500, 5_000) },
            Self::SlowService => between(5, 2_000, 30_000),
            Self::NoRetry => Schedule { max_attempts: 1, ..Schedule::default() },
            Self::Database => between(5, 500, 30_000),
            Self::MessageQueue => growing(10, 5_000, 1.5, 60_000),
            Self::ExternalApi => {
                Schedule { retry_after_limit: Duration::from_secs(60), ..growing(3, 1_000, 3.0, 30_000) }
            }
            Self::FileIo => between(3, 100, 5_000),
        }
    }
}

/// Waits never below `least` and never above `most`.
fn between(max_attempts: u32, least_ms: u64, most_ms: u64) -> Schedule {
    let backoff = Backoff::exponential(Duration::from_millis(least_ms)).jitter(Jitter::Decorrelated);
    of(max_attempts, backoff.cap(Duration::from_millis(most_ms)))
}

fn growing(max_attempts: u32, base_ms: u64, multiplier: f64, cap_ms: u64) -> Schedule {
    let backoff = Backoff::exponential(Duration::from_millis(base_ms)).multiplier(multiplier);
    of(max_attempts, backoff.cap(Duration::from_millis(cap_ms)))
}

fn of(max_attempts: u32, backoff: BackoffBuilder) -> Schedule {
    // The numbers are constants that a test builds; nothing is left to fail.
    let backoff = backoff.build().unwrap_or_default();
    Schedule { max_attempts, backoff, ..Schedule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn every_profile_has_exactly_its_numbers() {
        let table = [
            (Profile::Default, 3, 1_000, 10_000, 2.0, Jitter::Decorrelated),
            (Profile::Transient, 2, 500, 5_000, 2.0, Jitter::Decorrelated),
            (Profile::SlowService, 5, 2_000, 30_000, 2.0, Jitter::Decorrelated),
            (Profile::NoRetry, 1, 100, 2_000, 2.0, Jitter::Full),
            (Profile::Database, 5, 500, 30_000, 2.0, Jitter::Decorrelated),
            (Profile::MessageQueue, 10, 5_000, 60_000, 1.5, Jitter::Full),
            (Profile::ExternalApi, 3, 1_000, 30_000, 3.0, Jitter::Full),
            (Profile::FileIo, 3, 100, 5_000, 2.0, Jitter::Decorrelated),
        ];
        assert_eq!(table.map(|row| row.0), Profile::ALL);
        for (profile, attempts, base, cap, multiplier, jitter) in table {
            let schedule = profile.schedule();
            let name = profile.as_str();
            assert_eq!(schedule.max_attempts(), attempts, "{name}");
            let backoff = Backoff::exponential(ms(base)).cap(ms(cap)).multiplier(multiplier).jitter(jitter);
            assert_eq!(Ok(schedule.backoff()), backoff.build(), "{name}");
            assert_eq!(schedule.is_transient_only(), profile == Profile::Transient, "{name}");
            let limit = if profile == Profile::ExternalApi { 60 } else { 10 };
            assert_eq!(schedule.retry_after_limit(), Duration::from_secs(limit), "{name}");
        }
    }

    #[test]
    fn a_wait_with_two_ends_stays_between_them() {
        for (profile, least, most) in [
            (Profile::Default, 1_000, 10_000),
            (Profile::Database, 500, 30_000),
            (Profile::FileIo, 100, 5_000),
        ] {
            let backoff = profile.schedule().backoff();
            for draw in [0, u64::MAX / 3, u64::MAX / 2, u64::MAX] {
                let mut previous = Duration::ZERO;
                for retry in 0..profile.schedule().max_attempts() {
                    previous = backoff.delay(retry, previous, draw);
                    assert!((ms(least)..=ms(most)).contains(&previous), "{profile:?}: {previous:?}");
                }
            }
        }
    }
}
