use buttress_core::{Mode, ModeSwitch, Verdict};
use buttress_rate_limit::throttle::FeedbackWith;
use buttress_testkit::{Recorder, clock};
use tower::{Service, ServiceExt};

use super::{MS, Upstream, begin, plain};

#[tokio::test(start_paused = true)]
async fn observing_it_delays_nothing_and_says_what_it_would_do() {
    let (upstream, heard) = (Upstream::new(), Recorder::new());
    let builder = plain().mode(Mode::Observe).max_wait(100 * MS);
    let layer = builder.observer(heard.clone()).build().unwrap();
    begin(&upstream.behind(&layer), 0..4).await.join_all().await;
    assert_eq!(upstream.sent(), [(0, 0), (1, 0), (2, 0), (3, 0)]);
    let would = [(Verdict::Passed, "throttle_would_delay"), (Verdict::WouldRefuse, "throttled")];
    assert_eq!(heard.verdicts(), would);
    assert_eq!(layer.throttle().snapshot().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn observing_it_blocks_nobody_and_says_that_it_would() {
    let (upstream, heard) = (Upstream::new(), Recorder::new());
    let always = FeedbackWith(|_: Result<&u32, &buttress_core::BoxError>| Some(500 * MS));
    let layer = plain().mode(Mode::Observe).feedback(always).observer(heard.clone()).build().unwrap();
    let client = upstream.behind(&layer);
    for call in 0..2 {
        client.clone().oneshot(call).await.unwrap();
    }
    assert_eq!(upstream.sent(), [(0, 0), (1, 0)]);
    assert_eq!(heard.codes(), ["throttle_blocked", "throttle_would_delay"]);
}

#[tokio::test(start_paused = true)]
async fn off_it_decides_and_learns_nothing() {
    let (upstream, heard) = (Upstream::new(), Recorder::new());
    let always = FeedbackWith(|_: Result<&u32, &buttress_core::BoxError>| Some(500 * MS));
    let switch = ModeSwitch::new(Mode::Off);
    let builder = plain().mode(switch.clone()).feedback(always);
    let layer = builder.observer(heard.clone()).build().unwrap();
    let client = upstream.behind(&layer);
    begin(&client, 0..5).await.join_all().await;
    assert_eq!((upstream.now(), heard.entries().len()), (0, 0));
    switch.set(Mode::Enforce);
    begin(&client, 5..8).await.join_all().await;
    assert_eq!(upstream.sent()[5..], [(5, 0), (6, 0), (7, 600)], "from now on");
}

#[tokio::test(start_paused = true)]
async fn the_observer_hears_of_delays_refusals_blocks_and_those_who_leave() {
    let (upstream, heard) = (Upstream::new(), Recorder::new());
    let from_seven = |answer: Result<&u32, &buttress_core::BoxError>| (*answer.ok()? == 7).then_some(50 * MS);
    let layer =
        plain().max_waiting(1).feedback(FeedbackWith(from_seven)).observer(heard.clone()).build().unwrap();
    let client = upstream.behind(&layer);
    begin(&client, [0, 7]).await.join_all().await;
    clock::settle().await;
    let mut waiter = client.clone();
    let waiter = waiter.ready().await.unwrap().call(1);
    client.oneshot(2).await.unwrap_err();
    drop(waiter);
    let told = [
        (Verdict::Changed, "throttle_blocked"),
        (Verdict::Passed, "throttle_delayed"),
        (Verdict::Refused, "throttle_queue_full"),
        (Verdict::Abandoned, "throttle_left"),
    ];
    assert_eq!(heard.verdicts(), told);
    let entries = heard.entries();
    assert!(entries.iter().all(|entry| (entry.layer, &*entry.instance) == ("throttle", "upstream")));
}
