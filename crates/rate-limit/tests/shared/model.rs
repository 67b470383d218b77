//! Random histories of a fleet, against what one exact limiter could have admitted.

use std::collections::VecDeque;
use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{ChargedBy, Quota, Tier};
use buttress_testkit::clock;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::fleet::{ask, claim, node};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A crowd at one node.
    Crowd {
        node: usize,
        calls: u8,
        cost: u64,
    },
    Pass {
        millis: u64,
    },
    /// A node is shut down, and a new one takes its place.
    Replace {
        node: usize,
    },
    /// The store's clock is stepped; an exact limiter would be too.
    Latency {
        millis: u64,
    },
    Charge {
        node: usize,
        units: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..3, 1_u8..40, 1_u64..4).prop_map(|(node, calls, cost)| Step::Crowd { node, calls, cost }),
        4 => (0_u64..40).prop_map(|millis| Step::Pass { millis }),
        2 => (40_u64..1_500).prop_map(|millis| Step::Pass { millis }),
        1 => (0_usize..3).prop_map(|node| Step::Replace { node }),
        1 => (0_u64..20).prop_map(|millis| Step::Latency { millis }),
        1 => (0_usize..3, 1_u64..5).prop_map(|(node, units)| Step::Charge { node, units }),
    ]
}

/// Units admitted, and when.
#[derive(Default)]
struct Admitted(VecDeque<(Instant, u64)>);

impl Admitted {
    /// The most units that any window of time has above the rate: what a burst must cover.
    fn worst(&self, interval: Duration) -> u64 {
        let mut worst = 0;
        for (first, (start, _)) in self.0.iter().enumerate() {
            let mut units = 0;
            for (at, cost) in self.0.iter().skip(first) {
                units += cost;
                let dripped = (*at - *start).as_micros() / interval.as_micros();
                worst = worst.max(units.saturating_sub(u64::try_from(dripped).unwrap()));
            }
        }
        worst
    }

    /// Units above what an exact limiter could have admitted from the start to any instant since.
    fn excess(&self, start: Instant, interval: Duration, burst: u64) -> u64 {
        let (mut units, mut worst) = (0, 0);
        for (at, cost) in &self.0 {
            units += cost;
            let dripped = u64::try_from((*at - start).as_micros() / interval.as_micros()).unwrap();
            worst = worst.max(units.saturating_sub(burst + dripped));
        }
        worst
    }
}

async fn run(steps: &[Step], quota: Quota) -> (Admitted, Instant) {
    let store = MemoryStore::default();
    let mut nodes = [node(&store), node(&store), node(&store)];
    let (start, mut admitted) = (Instant::now(), Admitted::default());
    for step in steps {
        match *step {
            Step::Crowd { node, calls, cost } => {
                for _ in 0..calls {
                    if ask(&nodes[node], "one", quota, cost).await {
                        admitted.0.push_back((Instant::now(), cost));
                    }
                    clock::settle().await;
                }
            }
            Step::Pass { millis } => clock::advance(Duration::from_millis(millis)).await,
            Step::Replace { node: place } => {
                nodes[place].shutdown().await;
                nodes[place] = node(&store);
            }
            Step::Latency { millis } => store.set_latency(Duration::from_millis(millis)),
            Step::Charge { node, units } => {
                let now = Instant::now().into_std();
                let _ = nodes[node].charge(&claim("one", quota, 1), units, ChargedBy::Tier, now);
            }
        }
    }
    (admitted, start)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_fleet_with_leases_never_admits_more_than_an_exact_limiter_and_what_is_parked(
        steps in prop::collection::vec(step(), 1..60),
        interval in 1_u64..50,
        burst in 1_u64..120,
    ) {
        let interval = Duration::from_millis(interval);
        let quota = Quota::per(1, interval).burst(burst);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (admitted, start) = runtime.block_on(run(&steps, quota));
        prop_assert_eq!(admitted.excess(start, interval, burst), 0, "since the key was first seen");
        // One unit may have been on its way at either end of the window.
        let bound = burst + burst / 2 + 1;
        prop_assert!(admitted.worst(interval) <= bound, "{} in a window, {bound} allowed", admitted.worst(interval));
    }
}
