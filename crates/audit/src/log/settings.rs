use std::path::PathBuf;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Ratio, WallClock};
use buttress_redact::Redactor;

use super::ladder::Ladder;
use super::policy::Policies;
use super::refusals::Bound;
use super::retention::Retention;
use super::room::{Amount, Shares};
use super::writer::Pace;
use super::{Checkpoints, MAX_EVENT, WhenDamaged};

/// What a place takes before its event is known, in bytes.
pub(super) const NOMINAL_BYTES: usize = 2 << 10;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) directory: PathBuf,
    pub(super) queue: Amount,
    pub(super) shares: Shares,
    pub(super) policies: Policies,
    pub(super) most_event_bytes: usize,
    pub(super) pace: Pace,
    pub(super) retention: Retention,
    pub(super) refusals: Bound,
    pub(super) ladder: Ladder,
    pub(super) redactor: Redactor,
    pub(super) clock: WallClock,
    pub(super) when_damaged: WhenDamaged,
    pub(super) sinks: Vec<String>,
    pub(super) checkpoints: Option<Checkpoints>,
}

impl Settings {
    pub(super) fn of(directory: PathBuf) -> Self {
        let pace = Pace { sync_within: Duration::from_secs(1), segment_bytes: 64 << 20, segment_age: DAY };
        Self {
            directory,
            queue: Amount { events: 8_192, bytes: 16 << 20 },
            shares: Shares { wait: Ratio::percent(90), shed: Ratio::percent(75) },
            policies: Policies::default(),
            most_event_bytes: 256 << 10,
            pace,
            retention: Retention::default(),
            refusals: Bound::default(),
            ladder: Ladder::default(),
            redactor: Redactor::default(),
            clock: WallClock::system(),
            when_damaged: WhenDamaged::Refuse,
            sinks: Vec::new(),
            checkpoints: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::of("audit");
        let Amount { events, bytes } = self.queue;
        checks.require((1..=1_000_000).contains(&events), "queue_events", events, "1 to 1,000,000");
        let allowed = 64 << 10..=1 << 30;
        checks.require(allowed.contains(&bytes), "queue_bytes", bytes_of(bytes), "64 KiB to 1 GiB");
        self.shares.check(&mut checks);
        let most = self.most_event_bytes;
        let allowed = 1 << 10..=MAX_EVENT;
        checks.require(allowed.contains(&most), "max_event_bytes", bytes_of(most), "1 KiB to 1 MiB");
        self.policies.check(&mut checks);
        self.pace.check(&mut checks);
        self.retention.check(&mut checks);
        self.refusals.check(&mut checks);
        self.ladder.check(&mut checks);
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.check(&mut checks);
        }
        checks.finish()
    }
}

impl Shares {
    fn check(self, checks: &mut Checks) {
        let allowed = Ratio::percent(1)..=Ratio::ONE;
        for (name, share) in [("wait_share", self.wait), ("shed_share", self.shed)] {
            checks.require(allowed.contains(&share), name, format_args!("{share:?}"), "1 % to 100 %");
        }
    }
}

impl Pace {
    fn check(&self, checks: &mut Checks) {
        let Self { sync_within, segment_bytes, segment_age } = *self;
        let allowed = Duration::from_millis(1)..=Duration::from_secs(60);
        checks.require(
            allowed.contains(&sync_within),
            "sync_within",
            format_args!("{sync_within:?}"),
            "1 ms to 60 s",
        );
        let allowed = 64 << 10..=16 << 30;
        checks.require(
            allowed.contains(&segment_bytes),
            "segment_bytes",
            bytes_of(segment_bytes),
            "64 KiB to 16 GiB",
        );
        let allowed = Duration::from_secs(1)..=YEAR;
        checks.require(
            allowed.contains(&segment_age),
            "segment_age",
            format_args!("{segment_age:?}"),
            "1 s to 366 days",
        );
    }
}

impl Retention {
    fn check(&self, checks: &mut Checks) {
        let Self { age, bytes, segments } = *self;
        let age = age.unwrap_or(YEAR);
        checks.require(age >= Duration::from_secs(1), "keep_for", format_args!("{age:?}"), "1 s or more");
        let bytes = bytes.unwrap_or(u64::MAX);
        checks.require(bytes >= 64 << 10, "keep_bytes", bytes_of(bytes), "64 KiB or more");
        let segments = segments.unwrap_or(usize::MAX);
        checks.require(segments >= 1, "keep_segments", segments, "1 or more");
    }
}

fn bytes_of(bytes: impl std::fmt::Display) -> String {
    format!("{bytes} bytes")
}
