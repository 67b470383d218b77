//! A request to a layer with one policy is mostly decided by a look, and by a trial in a layer with several or one
//! that tells its callers something. Whoever asks cannot tell which it was.

use std::time::Duration;

use buttress_core::{Left, Mode, Verdict};
use buttress_http::AsProblem;
use buttress_rate_limit::{Exempt, Fields, Http, Missing, Policy, Quota, RateLimit, RateLimitLayer, key};
use buttress_testkit::clock::advance;
use buttress_testkit::{Recorder, message};
use http::HeaderName;
use proptest::prelude::*;
use tower::Layer;

use crate::web::{Ask, Inner, at, fine, in_all, with};

#[derive(Clone, Debug)]
enum Step {
    Ask { keys: Vec<u8>, cost: u64, exempt: bool },
    Pass(Duration),
    LayerMode(Mode),
    PolicyMode(Mode),
    Quota(Quota),
}

/// How a layer is made that decides one way or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By a look alone.
    Look,
    /// By a look, and then by a trial, since the response is told something.
    Told,
    /// By a trial of all policies, of which the others are off.
    Trial,
}

/// One layer, and what has been seen of it.
struct Limited {
    layer: RateLimitLayer<Http, AsProblem>,
    service: RateLimit<Inner, Http, AsProblem>,
    recorder: Recorder,
}

type Seen = (u16, Option<String>, String, Vec<(Verdict, &'static str, String, Option<Left>)>);

impl Limited {
    fn new(way: Way, missing: Missing) -> Self {
        let recorder = Recorder::new();
        let cost = |head: &buttress_rate_limit::Head<'_>| {
            head.headers().get("x-cost").and_then(|cost| cost.to_str().ok()?.parse().ok()).unwrap_or(1)
        };
        let policy = Policy::named("per-key").key(key::header(HeaderName::from_static("x-key")));
        let policy = policy.quota(Quota::per_second(2).burst(4)).cost_by(cost).missing(missing);
        let fields = if way == Way::Told { Fields::all() } else { Fields::none() };
        let mut builder = RateLimitLayer::inbound().policy(policy).fields(fields).slots(16);
        if way == Way::Trial {
            builder = builder.policy(in_all(Quota::per_second(1)).mode(Mode::Off));
        }
        let builder = builder.exempt(Exempt::none().path("/free")).observer(recorder.clone());
        let layer = builder.build().unwrap();
        Self { service: layer.layer(fine()), layer, recorder }
    }

    async fn ask(&self, request: Ask) -> Seen {
        self.recorder.clear();
        let answer = message::send(&self.service, request).await;
        let heard = self.recorder.entries().into_iter();
        let heard = heard.map(|entry| (entry.verdict, entry.code, entry.instance.to_string(), entry.left));
        let retry_after = answer.header("retry-after").map(str::to_owned);
        (answer.status.as_u16(), retry_after, answer.text(), heard.collect())
    }
}

fn request(keys: &[u8], cost: u64, exempt: bool) -> Ask {
    let request = with(at(if exempt { "/free" } else { "/" }, "::1"), "x-cost", &cost.to_string());
    keys.iter().fold(request, |request, key| with(request, "x-key", &key.to_string()))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![2 => Just(Mode::Enforce), 1 => Just(Mode::Observe), 1 => Just(Mode::Off)]
}

fn step() -> impl Strategy<Value = Step> {
    // No key, one, or two that agree or contradict each other.
    let keys =
        prop_oneof![6 => prop::collection::vec(0..3_u8, 1), 2 => prop::collection::vec(0..3_u8, 0..=2)];
    let ask = (keys, prop_oneof![4 => Just(1), 2 => 0..6_u64], prop::bool::weighted(0.05));
    prop_oneof![
        12 => ask.prop_map(|(keys, cost, exempt)| Step::Ask { keys, cost, exempt }),
        4 => (0..1_500_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => mode().prop_map(Step::LayerMode),
        1 => mode().prop_map(Step::PolicyMode),
        1 => (1..5_u64, 1..6_u64).prop_map(|(units, burst)| Step::Quota(Quota::per_second(units).burst(burst))),
    ]
}

fn missing() -> impl Strategy<Value = Missing> {
    prop_oneof![Just(Missing::Reject), Just(Missing::Skip), Just(Missing::fallback("anonymous"))]
}

async fn run(steps: Vec<Step>, missing: Missing) -> Result<(), TestCaseError> {
    let limited = [Way::Look, Way::Told, Way::Trial].map(|way| Limited::new(way, missing.clone()));
    for step in steps {
        match &step {
            Step::Pass(time) => advance(*time).await,
            Step::LayerMode(mode) => {
                for limited in &limited {
                    limited.layer.mode().set(*mode);
                }
            }
            Step::PolicyMode(mode) => {
                for limited in &limited {
                    limited.layer.policy("per-key").unwrap().mode().set(*mode);
                }
            }
            Step::Quota(quota) => {
                for limited in &limited {
                    limited.layer.policy("per-key").unwrap().set_quota(*quota).unwrap();
                }
            }
            Step::Ask { keys, cost, exempt } => {
                let [look, told, trial] = &limited;
                let seen = look.ask(request(keys, *cost, *exempt)).await;
                prop_assert_eq!(&seen, &told.ask(request(keys, *cost, *exempt)).await, "{:?}", step);
                prop_assert_eq!(&seen, &trial.ask(request(keys, *cost, *exempt)).await, "{:?}", step);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_look_decides_as_a_trial_does(steps in prop::collection::vec(step(), 1..80), missing in missing()) {
        let builder = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        builder.unwrap().block_on(run(steps, missing))?;
    }
}
