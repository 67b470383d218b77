use crate::Rate;

/// When the calls of one key may be sent; times are ticks, all of them arguments.
///
/// It goes by a clock of its own, which stands still while the key is blocked. So a block moves everybody who waits by
/// the same amount: they keep their order and their distance, those who come later fall in behind them, and the end
/// of a block is no stampede.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timetable {
    /// Theoretical arrival time, by the own clock.
    tat: u64,
    /// How long the own clock has stood still in all, the present block included.
    stood: u64,
    /// What the theoretical arrival time would be without the slots that nobody has used.
    used: u64,
    /// When the present or the last block ends, by the clock outside.
    resumes: u64,
}

/// A place in the timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// By the own clock of the timetable.
    at: u64,
    /// The theoretical arrival time without this slot, and with it.
    before: u64,
    after: u64,
}

impl Timetable {
    /// The next slot, and how long it is until then; nothing but the wait if that is longer than `longest`.
    pub(super) fn reserve(&mut self, rate: Rate, now: u64, longest: u64) -> Result<(Slot, u64), u64> {
        let clock = self.clock(now);
        let (ahead, after) = rate.reserve(self.tat, clock, 1, u64::MAX)?;
        let slot = Slot { at: clock.saturating_add(ahead), before: self.tat, after };
        let wait = self.wait(slot, now);
        if wait > longest {
            return Err(wait);
        }
        self.tat = after;
        Ok((slot, wait))
    }

    /// How long it is until a slot; more than when it was reserved if the key has been blocked since.
    pub(super) fn wait(&self, slot: Slot, now: u64) -> u64 {
        slot.at.saturating_add(self.stood).max(self.resumes).saturating_sub(now)
    }

    /// Takes note that a call is sent in its slot.
    pub(super) fn use_up(&mut self, slot: Slot) {
        self.used = self.used.max(slot.after);
    }

    /// Frees every slot that is not used, for when nobody waits. Whether there was any.
    pub(super) fn forget_the_unused(&mut self) -> bool {
        let unused = self.tat > self.used;
        self.tat = self.tat.min(self.used);
        unused
    }

    /// Takes a slot back if nobody has reserved after it.
    pub(super) fn give_back(&mut self, slot: Slot) -> bool {
        let newest = self.tat == slot.after;
        if newest {
            self.tat = slot.before;
        }
        newest
    }

    /// Stops the clock until then; never lets it go on earlier than it was to. Whether that changed anything.
    pub(super) fn block(&mut self, now: u64, until: u64) -> bool {
        let from = now.max(self.resumes);
        let later = until.saturating_sub(from);
        self.stood += later;
        self.resumes = from + later;
        later > 0
    }

    /// How long the key is blocked for; 0 if it is not.
    pub(super) fn blocked_for(&self, now: u64) -> u64 {
        self.resumes.saturating_sub(now)
    }

    /// Whether a new timetable would say the same.
    pub(super) fn rests(&self, now: u64) -> bool {
        self.blocked_for(now) == 0 && self.tat <= self.clock(now)
    }

    /// Blocks never overlap, so it has not stood still for longer than until the end of the last.
    fn clock(&self, now: u64) -> u64 {
        now.max(self.resumes) - self.stood
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One every ten ticks, two at once.
    const RATE: Rate = Rate::from_ticks(10, 2);
    const EVER: u64 = u64::MAX;

    fn waits<const N: usize>(table: &mut Timetable, now: u64) -> [u64; N] {
        [(); N].map(|()| table.reserve(RATE, now, EVER).expect("there is a slot").1)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_interval() {
        let mut table = Timetable::default();
        assert_eq!(waits(&mut table, 1_000), [0, 0, 10, 20, 30]);
        assert_eq!(waits(&mut table, 1_025), [15]);
        assert_eq!(waits(&mut table, 1_070), [0, 0, 10], "after a rest there is a burst again");
    }

    #[test]
    fn what_would_wait_for_too_long_reserves_nothing() {
        let mut table = Timetable::default();
        assert_eq!(waits(&mut table, 0), [0, 0, 10]);
        assert_eq!(table.reserve(RATE, 0, 19), Err(20));
        assert_eq!(table.reserve(RATE, 0, 20).map(|(_, wait)| wait), Ok(20));
    }

    #[test]
    fn the_newest_slot_can_be_given_back_and_an_older_one_lapses() {
        let mut table = Timetable::default();
        waits::<2>(&mut table, 0);
        let [older, middle, newest] =
            [(); 3].map(|()| table.reserve(RATE, 0, EVER).expect("there is a slot").0);
        assert!(!table.give_back(middle));
        assert!(table.give_back(newest));
        assert_eq!(waits(&mut table, 0), [30], "the newest one's slot again");
        assert!(!table.give_back(older));
    }

    #[test]
    fn a_block_moves_everybody_by_its_length() {
        let mut table = Timetable::default();
        waits::<2>(&mut table, 0);
        let [one, two] = [(); 2].map(|()| table.reserve(RATE, 0, EVER).expect("there is a slot").0);
        assert!(table.block(5, 105));
        assert_eq!(table.blocked_for(5), 100);
        assert_eq!([one, two].map(|slot| table.wait(slot, 5)), [105, 115]);
        assert_eq!(waits(&mut table, 5), [125], "whoever comes later falls in behind them");
        assert_eq!(table.wait(one, 110), 0);
        assert!(!table.block(50, 60), "a block is never shortened");
        assert!(table.block(50, 125), "but lengthened");
        assert_eq!([one, two].map(|slot| table.wait(slot, 50)), [80, 90]);
    }

    #[test]
    fn a_slot_that_is_overdue_waits_for_the_end_of_the_block_too() {
        let mut table = Timetable::default();
        waits::<2>(&mut table, 0);
        let (slot, _) = table.reserve(RATE, 0, EVER).expect("there is a slot");
        assert!(table.block(12, 20));
        assert_eq!(table.wait(slot, 12), 8);
    }

    #[test]
    fn it_rests_when_a_new_one_would_say_the_same() {
        let mut table = Timetable::default();
        assert!(table.rests(0));
        waits::<1>(&mut table, 100);
        assert!(!table.rests(109));
        assert!(table.rests(110));
        table.block(110, 200);
        assert!(!table.rests(199));
        assert!(table.rests(200));
    }

    /// What the quota says, word for word: in no span of time `t` more than `burst + t / interval`, in order.
    fn naive_slot(sent: &[u64], now: u64, (interval, burst): (u64, u64)) -> u64 {
        let spans = sent.iter().rev().zip(2_u64..);
        let earliest = spans.map(|(&from, calls)| from + calls.saturating_sub(burst) * interval);
        earliest.chain(sent.last().copied()).fold(now, u64::max)
    }

    proptest! {
        #[test]
        fn slots_are_those_of_the_naive_model(
            interval in 1_u64..20, burst in 1_u64..6,
            steps in prop::collection::vec((0_u64..40, 0_u8..4), 0..80),
        ) {
            let (rate, mut table, mut now) = (Rate::from_ticks(interval, burst), Timetable::default(), 0);
            let (mut model, mut held) = (Vec::new(), Vec::new());
            for (passed, what) in steps {
                now += passed;
                if what == 0 && held.last().is_some_and(|(_, at)| *at > now) {
                    let (slot, _) = held.pop().expect("there is one");
                    prop_assert!(table.give_back(slot), "the newest is given back");
                    model.pop();
                    continue;
                }
                let (slot, wait) = table.reserve(rate, now, EVER).expect("there is a slot");
                let expected = naive_slot(&model, now, (interval, burst));
                prop_assert_eq!(now + wait, expected);
                model.push(expected);
                held.push((slot, expected));
            }
        }

        #[test]
        fn blocks_never_let_more_through_nor_out_of_order(
            interval in 1_u64..20, burst in 1_u64..6,
            steps in prop::collection::vec((0_u64..30, 0_u8..4, 1_u64..50), 0..60),
        ) {
            let (rate, mut table, mut now) = (Rate::from_ticks(interval, burst), Timetable::default(), 0);
            let (mut waiting, mut sent, mut blocks) = (Vec::<Slot>::new(), Vec::new(), Vec::new());
            // Each waiter looks at its slot whenever it may be due, as one that sleeps does.
            let mut pass = |table: &Timetable, waiting: &mut Vec<Slot>, until: u64, from: u64| {
                for moment in from..=until {
                    waiting.retain(|slot| {
                        let due = table.wait(*slot, moment) == 0;
                        if due { sent.push(moment); }
                        !due
                    });
                }
            };
            for (passed, what, length) in steps {
                pass(&table, &mut waiting, now + passed, now);
                now += passed;
                if what == 0 {
                    table.block(now, now + length);
                    blocks.push((now, now + length));
                } else {
                    waiting.push(table.reserve(rate, now, EVER).expect("there is a slot").0);
                    let order: Vec<_> = waiting.iter().map(|slot| table.wait(*slot, now)).collect();
                    prop_assert!(order.is_sorted(), "first come, first served: {:?}", order);
                }
            }
            pass(&table, &mut waiting, now + 10_000, now);
            prop_assert!(waiting.is_empty(), "everybody goes");
            // A call may leave in the very tick in which a block begins, before it.
            prop_assert!(sent.iter().all(|at| !blocks.iter().any(|(from, until)| from < at && at < until)));
            for (place, from) in sent.iter().enumerate() {
                for (calls, at) in (1..).zip(&sent[place..]) {
                    prop_assert!(calls <= burst + (at - from) / interval, "{} calls from {} to {}", calls, from, at);
                }
            }
        }
    }
}
