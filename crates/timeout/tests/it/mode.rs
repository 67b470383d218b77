//! Enforce, observe, off.

use buttress_core::{BoxError, Mode, ModeSwitch, Verdict};
use buttress_testkit::{Recorder, Reply, Strict, clock, trail_of};
use buttress_timeout::TimeoutLayer;
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt};

use crate::SECOND;

fn slow() -> Strict<u32, u32, BoxError> {
    Strict::with(|_, _: &u32| Reply::After(60 * SECOND, Ok(7)))
}

#[tokio::test(start_paused = true)]
async fn an_observing_layer_reports_once_and_lets_the_call_go_on() {
    let recorder = Recorder::new();
    let layer = TimeoutLayer::builder(SECOND).mode(Mode::Observe).observer(recorder.clone()).build().unwrap();
    assert_eq!(layer.layer(slow()).oneshot(1).await.unwrap(), 7);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "timed_out")]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_off_says_nothing_and_sets_no_timer() {
    let recorder = Recorder::new();
    let layer = TimeoutLayer::builder(SECOND).mode(Mode::Off).observer(recorder.clone()).build().unwrap();
    let inner = Strict::<u32, u32, BoxError>::with(|_, _| Reply::Hang);
    let mut service = layer.layer(inner);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    clock::advance(60 * SECOND).await;
    assert!(!call.is_woken());
    assert!(recorder.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_mode_in_force_when_the_time_is_up_decides() {
    for (at_first, later, refused) in [
        (Mode::Enforce, Mode::Observe, false),
        (Mode::Observe, Mode::Enforce, true),
        (Mode::Enforce, Mode::Off, false),
    ] {
        let switch = ModeSwitch::new(at_first);
        let layer = TimeoutLayer::builder(SECOND).mode(switch.clone()).build().unwrap();
        let mut call = task::spawn(layer.layer(slow()).oneshot(1));
        assert_pending!(call.poll());
        switch.set(later);
        clock::advance(SECOND).await;
        assert_eq!(call.poll().is_ready(), refused, "{at_first:?}, then {later:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_reported_under_the_layers_name() {
    let recorder = Recorder::new();
    let layer = TimeoutLayer::builder(SECOND).name("attempt").observer(recorder.clone()).build().unwrap();
    let (result, trail) = trail_of(layer.layer(slow()).oneshot(1)).await;
    assert!(result.is_err());
    assert_eq!(trail.to_string(), "timeout/attempt=refused:timed_out");
    assert_eq!(recorder.verdicts(), [(Verdict::Refused, "timed_out")]);
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_mode_and_a_fresh_layer_does_not() {
    let layer = TimeoutLayer::builder(SECOND).mode(Mode::Observe).build().unwrap();
    let (clone, fresh) = (layer.clone(), layer.fresh());
    assert_eq!(fresh.mode().get(), Mode::Observe);
    layer.mode().set(Mode::Enforce);
    assert_eq!((clone.mode().get(), fresh.mode().get()), (Mode::Enforce, Mode::Observe));
    assert!(clone.layer(slow()).oneshot(1).await.is_err());
    assert!(fresh.layer(slow()).oneshot(1).await.is_ok());
}
