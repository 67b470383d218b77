use std::time::Duration;

use buttress_core::{AsError, BoxError, Mode};
use buttress_rate_limit::ThrottleLayer;
use buttress_rate_limit::throttle::{Feedback, FeedbackWith, OneKey, ThrottleBuilder};
use buttress_testkit::clock;
use tower::ServiceExt;

use super::{MS, SECOND, Upstream, begin, code, plain};

/// The answer to call 1,000 + n asks for n ms of rest.
fn learning() -> ThrottleBuilder<OneKey, impl Feedback<u32, u32, BoxError> + Clone, AsError> {
    plain().feedback(FeedbackWith(|answer: Result<&u32, &BoxError>| {
        let asked = answer.ok()?.checked_sub(1_000)?;
        Some(Duration::from_millis(asked.into()))
    }))
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_and_those_who_come_keep_order_and_distance_behind_a_block() {
    let upstream = Upstream::new();
    let layer = learning().build().unwrap();
    let client = upstream.behind(&layer);
    let early = begin(&client, [1_500, 1, 2, 3]).await;
    clock::settle().await;
    assert_eq!(layer.throttle().snapshot().blocked_for, 500 * MS);
    let late = begin(&client, [4]).await;
    early.join_all().await;
    late.join_all().await;
    assert_eq!(upstream.sent(), [(1_500, 0), (1, 0), (2, 600), (3, 700), (4, 800)]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_block_lets_no_stampede_through() {
    let upstream = Upstream::new();
    let layer = learning().build().unwrap();
    let client = upstream.behind(&layer);
    let early = begin(&client, [1, 1_450]).await;
    clock::settle().await;
    let late = begin(&client, 2..8).await;
    early.join_all().await;
    late.join_all().await;
    let sent: Vec<_> = upstream.sent()[2..].iter().map(|(_, at)| *at).collect();
    assert_eq!(sent, [550, 650, 750, 850, 950, 1_050], "the burst was spent before the block");
}

#[tokio::test(start_paused = true)]
async fn a_block_that_pushes_a_waiter_too_far_refuses_it_when_its_slot_comes() {
    let upstream = Upstream::new();
    let layer = learning().max_wait(SECOND).build().unwrap();
    let client = upstream.behind(&layer);
    let mut early = begin(&client, [1_950, 1, 2]).await;
    while let Some(answer) = early.join_next().await {
        match answer.unwrap() {
            Ok(call) => assert_eq!((call != 2, upstream.now()), (true, 0)),
            refused => assert_eq!((code(refused), upstream.now()), ("throttled", 100)),
        }
    }
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.waiting, snapshot.given_back, snapshot.refused), (0, 1, 1));
    client.oneshot(3).await.unwrap();
    assert_eq!(upstream.sent().last(), Some(&(3, 1_050)), "it may wait, having come later");
}

#[tokio::test(start_paused = true)]
async fn a_block_that_pushes_a_waiter_past_its_deadline_refuses_it() {
    use buttress_core::{Context, Deadline};
    let upstream = Upstream::new();
    let layer = learning().build().unwrap();
    let client = upstream.behind(&layer);
    let burst = begin(&client, [1_500, 1]).await;
    let deadline = Deadline::after(tokio::time::Instant::now().into_std(), 300 * MS);
    let refused = Context::new().with_deadline(deadline).scope(client.oneshot(2)).await;
    assert_eq!((code(refused), upstream.now()), ("throttled", 100));
    burst.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_block_lasts_ten_minutes_at_most_and_is_never_shortened() {
    let upstream = Upstream::new();
    let layer = learning().build().unwrap();
    let client = upstream.behind(&layer);
    begin(&client, [10_000_000, 1_010]).await.join_all().await;
    let snapshot = layer.throttle().snapshot();
    assert_eq!((snapshot.blocked, snapshot.blocked_for), (1, 600 * SECOND));
    assert_eq!(code(client.oneshot(1).await), "throttled", "longer than anybody waits");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_throttle_is_switched_off_goes_when_its_slot_comes() {
    for mode in [Mode::Observe, Mode::Off] {
        let upstream = Upstream::new();
        let layer = learning().build().unwrap();
        let running = begin(&upstream.behind(&layer), [1_500, 1, 2]).await;
        clock::settle().await;
        layer.throttle().mode().set(mode);
        running.join_all().await;
        assert_eq!(upstream.sent().last(), Some(&(2, 100)), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_throttle_learns_nothing() {
    let upstream = Upstream::new();
    let layer: super::Plain = ThrottleLayer::clone(&plain().build().unwrap());
    begin(&upstream.behind(&layer), [1_500]).await.join_all().await;
    assert_eq!(layer.throttle().snapshot().blocked, 0);
}
