//! Decisions that take a while.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use buttress_core::{BoxError, Mode, Refused};
use buttress_rate_limit::{
    Answer, ChargedBy, Claim, Claims, HashKey, KeyMissing, LocalTier, Missing, OverrideKey, Overrides,
    Policy, Quota, RateLimitLayer, RateLimited, Tier, Unavailable, Verdicts, key,
};
use buttress_testkit::{Recorder, Strict, drop_at_every_poll, message, poll_bounded};
use http::HeaderName;
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt};

use crate::web::{Ask, Inner, fine, from, in_all, lines, per_address, statuses, with};

/// A tier that needs some polls for each decision, as one that asks a server does.
#[derive(Debug)]
pub(crate) struct Distant {
    tier: LocalTier,
    polls: usize,
    pub(crate) asked: AtomicUsize,
    gone: Mutex<Option<Unavailable>>,
}

impl Distant {
    pub(crate) fn after(polls: usize) -> Arc<Self> {
        let (asked, gone) = (AtomicUsize::new(0), Mutex::new(None));
        Arc::new(Self { tier: LocalTier::new(64).unwrap(), polls, asked, gone })
    }

    fn go_away(&self, retry_after: Option<Duration>) {
        *self.gone.lock() = Some(Unavailable { retry_after });
    }

    fn said(&self, claims: &Claims, now: Instant) -> Result<Verdicts, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gone.lock().map_or_else(|| Ok(self.tier.decide_all(claims, now)), Err)
    }
}

struct After<T>(usize, Option<T>);

impl<T: Unpin> Future for After<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.0 > 0 {
            self.0 -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.1.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Tier for Distant {
    fn hash_key(&self) -> &HashKey {
        self.tier.hash_key()
    }

    #[expect(clippy::disallowed_methods, reason = "the trait asks for a box")]
    fn decide(&self, claims: &Claims, now: Instant) -> Answer {
        Answer::Later(Box::pin(After(self.polls, Some(self.said(claims, now)))))
    }

    fn refund(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant) {
        self.tier.refund(claim, units, by, now);
    }

    fn charge(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant) -> u64 {
        self.tier.charge(claim, units, by, now)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_shared_tier_decides_is_waited_for() {
    let tier = Distant::after(3);
    let layer =
        RateLimitLayer::inbound().policy(in_all(Quota::per_hour(2))).shared(tier.clone()).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 3].map(from)).await, [200, 200, 429]);
    assert_eq!(tier.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn several_processes_count_together_what_is_not_local() {
    let tier = Distant::after(1);
    let process = || {
        let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(3)));
        let layer =
            builder.policy(per_address(Quota::per_hour(2)).local()).shared(tier.clone()).build().unwrap();
        layer.layer(fine())
    };
    let (one, other) = (process(), process());
    assert_eq!(statuses(&one, ["::1"; 3].map(from)).await, [200, 200, 429]);
    assert_eq!(statuses(&other, ["::1"; 2].map(from)).await, [200, 429], "one unit was left for all");
}

/// A request of two policies, of which the later tier refuses: the earlier one must not have paid.
#[tokio::test(start_paused = true)]
async fn what_the_shared_tier_refuses_is_not_charged_locally_l8() {
    let tier = Distant::after(1);
    let builder = RateLimitLayer::inbound().policy(per_address(Quota::per_hour(3)).local());
    let layer = builder.policy(in_all(Quota::per_hour(1))).shared(tier).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 4].map(from)).await, [200, 429, 429, 429]);
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(lines(&answer, "ratelimit"), [r#""per-address";r=2, "in-all";r=0;t=3600"#]);
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_before_the_service_was_called_is_given_back() {
    let builder = RateLimitLayer::inbound().policy(per_address(Quota::per_hour(5)).local());
    let layer = builder.policy(in_all(Quota::per_hour(1_000))).shared(Distant::after(4)).build().unwrap();
    let inner: Inner = fine();
    let probe = inner.probe();
    let service = layer.layer(inner);
    let polls = drop_at_every_poll(
        || service.clone().oneshot(from("192.0.2.1")),
        |_| assert_eq!(probe.in_flight(), 0),
    )
    .await;
    assert!(polls >= 5, "{polls}");
    let answer = message::send(&service, from("192.0.2.1")).await;
    let left = lines(&answer, "ratelimit")[0];
    assert!(left.starts_with(r#""per-address";r=3;"#), "two requests reached the service, and not {left}");
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_ready_waits_along_l9() {
    let layer = RateLimitLayer::inbound()
        .policy(in_all(Quota::per_hour(9)))
        .shared(Distant::after(2))
        .build()
        .unwrap();
    let inner: Inner = fine();
    let probe = inner.probe();
    let mut service = layer.layer(inner);
    let call = service.ready().await.unwrap().call(from("::1"));
    assert_eq!((probe.calls(), probe.counts().permits_held), (0, 1), "the permit waits with the request");
    assert!(poll_bounded(call, 20).await.unwrap().unwrap().status().is_success());
    assert_eq!((probe.calls(), probe.counts().permits_held), (1, 0));
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn a_shared_tier_that_is_gone_and_closed_is_503_and_costs_nothing() {
    let tier = Distant::after(1);
    tier.go_away(Some(Duration::from_millis(1_200)));
    let recorder = Recorder::new();
    let builder =
        RateLimitLayer::inbound().policy(per_address(Quota::per_hour(2)).local()).observer(recorder.clone());
    let layer = builder.policy(in_all(Quota::per_hour(1))).shared(tier.clone()).build().unwrap();
    let service = layer.layer(fine());
    for _ in 0..4 {
        let answer = message::send(&service, from("::1")).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("2")));
    }
    assert_eq!(recorder.codes(), ["rate_limit_unavailable"; 4]);
    *tier.gone.lock() = None;
    assert_eq!(statuses(&service, [from("::1")]).await, [200]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_only_observes_never_refuses_however_its_tier_fails() {
    let tier = Distant::after(1);
    let recorder = Recorder::new();
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1))).mode(Mode::Observe);
    let layer = builder.shared(tier.clone()).observer(recorder.clone()).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 200]);
    tier.go_away(None);
    assert_eq!(statuses(&service, [from("::1")]).await, [200]);
    assert_eq!(recorder.codes(), ["rate_limited", "rate_limit_unavailable"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_with_a_quota_of_its_own_gets_that_one() {
    let overrides = Overrides::builder(|key: OverrideKey| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok::<_, BoxError>((key.as_str() == "192.0.2.7").then(|| Quota::per_hour(3)))
    });
    let policy = per_address(Quota::per_hour(1)).overrides(overrides.build().unwrap());
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["192.0.2.7"; 4].map(from)).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&service, ["192.0.2.8"; 2].map(from)).await, [200, 429]);
    let told = |addr| {
        let service = service.clone();
        async move { lines(&message::send(&service, from(addr)).await, "ratelimit-policy").join("|") }
    };
    assert_eq!(told("192.0.2.7").await, r#""per-address";q=3;w=3600"#);
    assert_eq!(told("192.0.2.8").await, r#""per-address";q=1;w=3600"#);
}

/// The key of a fallback is nobody's name.
#[tokio::test(start_paused = true)]
async fn a_quota_of_its_own_whose_burst_no_request_fits_into_is_raised_to_the_cost() {
    for known in [false, true] {
        let source = |_: OverrideKey| async { Ok::<_, BoxError>(Some(Quota::per_second(2))) };
        let overrides = Overrides::builder(source).build().unwrap();
        let policy = per_address(Quota::per_hour(60).burst(10)).cost(5).overrides(overrides);
        let service = crate::web::limited([policy]);
        if known {
            assert_eq!(statuses(&service, [from("::1")]).await, [200]);
            buttress_testkit::clock::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 429], "known: {known}");
        buttress_testkit::clock::advance(Duration::from_millis(2_499)).await;
        assert_eq!(statuses(&service, ["::1"].map(from)).await, [429], "two units in a second, and not five");
        buttress_testkit::clock::advance(Duration::from_millis(1)).await;
        assert_eq!(statuses(&service, ["::1"].map(from)).await, [200]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_has_a_quota_of_his_own_under_a_fallback() {
    let overrides =
        Overrides::builder(|_| async { Ok::<_, BoxError>(Some(Quota::per_hour(9))) }).build().unwrap();
    let policy = Policy::named("per-key").key(key::header(HeaderName::from_static("x-api-key")));
    let policy =
        policy.quota(Quota::per_hour(1)).missing(Missing::fallback("anonymous")).overrides(overrides.clone());
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 429]);
    assert_eq!(overrides.counts().asked, 0);
    assert_eq!(statuses(&service, [with(from("::1"), "x-api-key", "k")]).await, [200]);
    assert_eq!(overrides.counts().asked, 1);
}

/// Of policies that observe, too, what is refused near by costs no round trip.
#[tokio::test(start_paused = true)]
async fn what_is_refused_locally_is_not_asked_about_far_away() {
    for mode in [Mode::Enforce, Mode::Observe] {
        let tier = Distant::after(1);
        let builder = RateLimitLayer::inbound().policy(per_address(Quota::per_hour(1)).local()).mode(mode);
        let layer = builder.policy(in_all(Quota::per_hour(9))).shared(tier.clone()).build().unwrap();
        statuses(&layer.layer(fine()), ["::1"; 5].map(from)).await;
        assert_eq!(tier.asked.load(Ordering::SeqCst), 1, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbound_refusal_after_a_wait_is_an_error_that_says_why() {
    let layer = RateLimitLayer::outbound()
        .policy(in_all(Quota::per_hour(1)))
        .shared(Distant::after(1))
        .build()
        .unwrap();
    let inner: Strict<Ask, crate::web::Tell, BoxError> =
        Strict::with(|_, _: &Ask| buttress_testkit::Reply::Ok(message::response(http::StatusCode::OK, "")));
    let service = layer.layer(inner);
    service.clone().oneshot(from("::1")).await.unwrap();
    let error = service.clone().oneshot(from("::1")).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    let limited = refused.downcast_ref::<RateLimited>().unwrap();
    assert_eq!(limited.violated().collect::<Vec<_>>(), ["in-all"]);
    assert_eq!(limited.wait(), Some(Duration::from_secs(3_600)));
    assert!(refused.downcast_ref::<KeyMissing>().is_none() && !refused.reached_inner());
}
