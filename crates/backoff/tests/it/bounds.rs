use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use proptest::prelude::*;

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (1..=100_u32).prop_map(|percent| Jitter::Proportional { percent }),
    ]
}

fn any_multiplier() -> impl Strategy<Value = f64> {
    prop_oneof![Just(2.0), Just(f64::MAX), 1.000_001..10.0, 1.0..1e300]
}

/// Any schedule at all that can be built.
fn any_backoff() -> impl Strategy<Value = Backoff> {
    let nanos = |bound: Duration| u64::try_from(bound.as_nanos()).unwrap();
    let whole = nanos(Backoff::MIN_BASE)..=nanos(Backoff::MAX_CAP);
    (whole.clone(), whole, any_multiplier(), any_jitter()).prop_map(|(one, other, multiplier, jitter)| {
        let (base, cap) = (one.min(other), one.max(other));
        Backoff::exponential(Duration::from_nanos(base))
            .multiplier(multiplier.max(1.000_001))
            .cap(Duration::from_nanos(cap))
            .jitter(jitter)
            .build()
            .unwrap()
    })
}

fn any_retry() -> impl Strategy<Value = u32> {
    prop_oneof![0..70_u32, any::<u32>(), Just(u32::MAX)]
}

fn any_draw() -> impl Strategy<Value = u64> {
    prop_oneof![8 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)]
}

fn any_wait() -> impl Strategy<Value = Duration> {
    prop_oneof![any::<u64>().prop_map(Duration::from_nanos), Just(Duration::ZERO), Just(Duration::MAX)]
}

proptest! {
    #[test]
    fn no_delay_leaves_its_range_or_exceeds_the_cap(
        backoff in any_backoff(),
        retry in any_retry(),
        previous in any_wait(),
        draw in any_draw(),
    ) {
        let range = backoff.range(retry, previous);
        prop_assert!(range.contains(&backoff.delay(retry, previous, draw)));
        prop_assert!(*range.end() <= backoff.cap());
        prop_assert_eq!(backoff.delay(retry, previous, 0), *range.start());
        prop_assert_eq!(backoff.delay(retry, previous, u64::MAX), *range.end());
    }

    #[test]
    fn the_ceiling_is_that_of_multiplying_again_and_again(backoff in any_backoff(), retry in 0..200_u32) {
        let cap = backoff.cap().as_secs_f64();
        let naive = (0..retry).fold(backoff.base().as_secs_f64(), |c, _| (c * backoff.multiplier()).min(cap));
        let off = (backoff.ceiling(retry).as_secs_f64() - naive.min(cap)).abs();
        prop_assert!(off <= 1e-9 + naive * 1e-9, "{off} s apart");
    }

    #[test]
    fn the_ceiling_never_shrinks_from_retry_to_retry(backoff in any_backoff(), retry in any_retry()) {
        prop_assert!(backoff.ceiling(retry) <= backoff.ceiling(retry.saturating_add(1)));
        prop_assert!(backoff.ceiling(retry) >= backoff.base());
    }

    #[test]
    fn a_later_draw_never_means_a_shorter_wait(
        backoff in any_backoff(),
        retry in any_retry(),
        draws in (any_draw(), any_draw()),
    ) {
        let [early, late] =
            [draws.0.min(draws.1), draws.0.max(draws.1)].map(|draw| backoff.delay(retry, Duration::ZERO, draw));
        prop_assert!(early <= late);
    }
}
