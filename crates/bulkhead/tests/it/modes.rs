//! Enforce, observe, off.

use buttress_core::Mode;
use buttress_testkit::{Recorder, clock};
use tokio_test::{assert_pending, assert_ready, task};

use crate::{SECOND, fill, for_calls, gauge};

#[test]
fn observing_lets_pass_what_it_would_refuse_counts_it_and_keeps_the_gauge() {
    let recorder = Recorder::new();
    let bulkhead = for_calls(2).mode(Mode::Observe).observer(recorder.clone()).build().unwrap();
    let permits: Vec<_> = (0..5).map(|_| bulkhead.try_acquire().unwrap()).collect();
    assert_eq!((gauge(&bulkhead), bulkhead.snapshot().would_have_refused()), ((5, 0), 3));
    assert_eq!(recorder.codes(), ["bulkhead_full"; 3]);
    assert_eq!(bulkhead.snapshot().full(), 0);
    drop(permits);
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[test]
fn switched_off_it_decides_nothing_and_keeps_the_gauge_for_the_day_it_is_on() {
    let recorder = Recorder::new();
    let bulkhead = for_calls(2).mode(Mode::Off).observer(recorder.clone()).build().unwrap();
    let mut permits: Vec<_> = (0..3).map(|_| bulkhead.try_acquire().unwrap()).collect();
    assert!(
        (gauge(&bulkhead), bulkhead.snapshot().would_have_refused()) == ((3, 0), 0)
            && recorder.codes().is_empty()
    );
    bulkhead.mode().set(Mode::Enforce);
    assert!(bulkhead.try_acquire().is_err());
    permits.pop();
    assert!(bulkhead.try_acquire().is_err(), "2 of 2 in flight");
    permits.pop();
    permits.extend(fill(&bulkhead));
    assert_eq!(gauge(&bulkhead), (2, 0));
}

#[test]
fn with_a_queue_observing_reports_only_what_the_queue_could_not_have_held() {
    let bulkhead = for_calls(1).queue(2).mode(Mode::Observe).build().unwrap();
    let mut permits = Vec::new();
    for would_refuse in [0, 0, 0, 1, 2] {
        permits.push(bulkhead.enqueue().map(task::spawn).unwrap());
        assert_eq!(bulkhead.snapshot().would_have_refused(), would_refuse);
    }
    for place in &mut permits {
        drop(assert_ready!(place.poll()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_mode_in_force_when_the_wait_is_over_decides() {
    for (mode, passes, would_refuse) in
        [(Mode::Enforce, false, 0), (Mode::Observe, true, 1), (Mode::Off, true, 0)]
    {
        let bulkhead = for_calls(1).queue(2).max_wait(SECOND).build().unwrap();
        let permit = bulkhead.try_acquire().unwrap();
        let mut waits = task::spawn(bulkhead.acquire());
        assert_pending!(waits.poll());
        bulkhead.mode().set(mode);
        clock::advance(SECOND).await;
        let result = assert_ready!(waits.poll());
        assert_eq!(
            (result.is_ok(), bulkhead.snapshot().would_have_refused()),
            (passes, would_refuse),
            "{mode}"
        );
        assert_eq!(gauge(&bulkhead), (1 + u32::from(passes), 0));
        drop((result, permit));
        assert_eq!(gauge(&bulkhead), (0, 0));
    }
}

#[test]
fn whoever_comes_while_it_is_not_enforced_passes_the_queue() {
    let bulkhead = for_calls(1).queue(2).build().unwrap();
    let permit = bulkhead.try_acquire().unwrap();
    let mut waits = task::spawn(bulkhead.enqueue().unwrap());
    assert_pending!(waits.poll());
    bulkhead.mode().set(Mode::Off);
    let passes = bulkhead.try_acquire().unwrap();
    assert_eq!(gauge(&bulkhead), (2, 1));
    drop(permit);
    assert_eq!(gauge(&bulkhead), (1, 1));
    drop(passes);
    drop(assert_ready!(waits.poll()));
    assert_eq!(gauge(&bulkhead), (0, 0));
}
