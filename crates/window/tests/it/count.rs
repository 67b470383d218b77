use std::num::NonZeroU32;

use buttress_window::{CountWindow, Sample, Totals};
use proptest::prelude::*;

use crate::any_sample;

fn window_of(len: u32) -> CountWindow {
    CountWindow::new(NonZeroU32::new(len).unwrap())
}

#[test]
fn a_long_healthy_past_weighs_no_more_than_the_window() {
    let mut window = window_of(100);
    for _ in 0..10_000 {
        window.record(Sample::Success);
    }
    let needed = (1..=10_000).find(|_| window.record(Sample::Failure).failed_at_least(500_000));
    assert_eq!(needed, Some(50), "half of the last hundred, whatever came before them");
}

#[test]
fn totals_are_there_before_the_window_is_full() {
    let mut window = window_of(100);
    assert_eq!(window.totals(), Totals::default());
    for _ in 0..4 {
        window.record(Sample::Failure);
    }
    assert_eq!(window.record(Sample::Success), window.totals());
    assert!(window.totals().failed_at_least(800_000), "four of five, though the window holds a hundred");
}

#[test]
fn a_window_of_one_holds_the_last_sample() {
    let mut window = window_of(1);
    window.record(Sample::SlowFailure);
    assert_eq!(window.record(Sample::Success), [Sample::Success].into_iter().collect());
}

#[test]
fn a_longer_window_than_allowed_is_cut() {
    assert_eq!(window_of(u32::MAX).capacity(), CountWindow::MAX_LEN as usize);
    assert_eq!(window_of(CountWindow::MAX_LEN).capacity(), CountWindow::MAX_LEN as usize);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Record(Sample),
    Clear,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![20 => any_sample().prop_map(Act::Record), 1 => Just(Act::Clear)]
}

proptest! {
    #[test]
    fn it_holds_exactly_the_last_samples(
        len in 1..40_u32,
        acts in prop::collection::vec(any_act(), 0..300),
    ) {
        let (mut window, mut history) = (window_of(len), Vec::new());
        for act in acts {
            match act {
                Act::Record(sample) => { window.record(sample); history.push(sample); }
                Act::Clear => { window.clear(); history.clear(); }
            }
            let last: Totals = history.iter().rev().take(len as usize).copied().collect();
            prop_assert_eq!(window.totals(), last);
        }
    }
}
