const SECOND: u64 = 1_000_000_000;
/// So many failures in a row are an outage.
pub(super) const FAILURES: u32 = 5;

/// Whether the store is there, as calls and probes have told. Times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    /// It is, as far as anybody knows.
    Up { failures: u32 },
    /// It is not; nobody asks but a probe now and then.
    Down { probe_at: u64 },
}

/// What became of the store with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Lost,
    Back,
}

impl Outage {
    /// A call failed. `chance` spreads the probes of a fleet.
    pub(super) fn failed(&mut self, now: u64, chance: u64) -> Change {
        match self {
            Self::Up { failures } if *failures + 1 < FAILURES => {
                *failures += 1;
                Change::None
            }
            Self::Up { .. } => {
                *self = Self::Down { probe_at: next_probe(now, chance) };
                Change::Lost
            }
            // It began before the others gave up, and says nothing new.
            Self::Down { .. } => Change::None,
        }
    }

    /// A call was answered. One that began before the outage does not end it: only a probe does.
    pub(super) fn answered(&mut self) {
        if let Self::Up { failures } = self {
            *failures = 0;
        }
    }

    /// When the next probe is due.
    pub(super) fn probe_at(self) -> Option<u64> {
        match self {
            Self::Up { .. } => None,
            Self::Down { probe_at } => Some(probe_at),
        }
    }

    /// A probe came back.
    pub(super) fn probed(&mut self, answered: bool, now: u64, chance: u64) -> Change {
        match self {
            Self::Down { .. } if answered => {
                *self = Self::Up { failures: 0 };
                Change::Back
            }
            Self::Down { probe_at } => {
                *probe_at = next_probe(now, chance);
                Change::None
            }
            Self::Up { .. } => Change::None,
        }
    }
}

/// A second from now, give or take a quarter.
fn next_probe(now: u64, chance: u64) -> u64 {
    now + SECOND * 3 / 4 + chance % (SECOND / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Outage = Outage::Up { failures: 0 };

    fn down() -> Outage {
        let mut outage = UP;
        for _ in 1..FAILURES {
            assert_eq!(outage.failed(7, 0), Change::None);
        }
        assert_eq!(outage.failed(7, 0), Change::Lost);
        outage
    }

    #[test]
    fn five_failures_in_a_row_are_an_outage_and_it_is_told_once() {
        let mut outage = down();
        assert_eq!(outage.failed(8, 0), Change::None);
        assert_eq!(outage, down(), "late failures put no probe off");
    }

    #[test]
    fn an_answer_in_between_starts_the_row_again() {
        let mut outage = UP;
        for _ in 1..FAILURES {
            outage.failed(7, 0);
        }
        outage.answered();
        assert_eq!((outage, outage.failed(7, 0)), (UP, Change::None));
    }

    #[test]
    fn a_late_answer_does_not_end_an_outage_and_a_probe_does() {
        let mut outage = down();
        outage.answered();
        assert_eq!(outage, down());
        assert_eq!((outage.probed(true, 9, 0), outage), (Change::Back, UP));
        assert_eq!(outage.probed(true, 9, 0), Change::None, "told once");
    }

    #[test]
    fn probes_are_a_second_apart_give_or_take_a_quarter() {
        let mut outage = down();
        for chance in [0, 1, SECOND / 2, u64::MAX] {
            assert_eq!(outage.probed(false, 10 * SECOND, chance), Change::None);
            let wait = outage.probe_at().unwrap() - 10 * SECOND;
            assert!((SECOND * 3 / 4..SECOND * 5 / 4).contains(&wait), "{wait}");
        }
        assert_eq!(UP.probe_at(), None);
    }
}
