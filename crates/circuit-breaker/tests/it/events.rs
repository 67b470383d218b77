//! Who hears of what a breaker does.

use std::sync::{Arc, OnceLock};

use buttress_circuit_breaker::{Breaker, State};
use buttress_core::{Mode, Outcome, Signal, Verdict};
use buttress_testkit::{Recorder, trail_of};

use crate::{SECOND, fail, open, two_failures};

#[tokio::test(start_paused = true)]
async fn the_observer_hears_changes_refusals_and_callers_that_leave() {
    let recorder = Recorder::new();
    let breaker =
        Breaker::builder("intune").config(two_failures()).observer(recorder.clone()).build().unwrap();
    drop(breaker.try_admit().unwrap());
    open(&breaker);
    assert!(breaker.try_admit().is_err());
    breaker.mode().set(Mode::Observe);
    assert!(breaker.try_admit().is_ok());
    tokio::time::advance(5 * SECOND).await;
    breaker.try_admit().unwrap().settle(Outcome::Success);
    assert_eq!(
        recorder.verdicts(),
        [
            (Verdict::Abandoned, "abandoned"),
            (Verdict::Changed, "open"),
            (Verdict::Refused, "circuit_open"),
            (Verdict::WouldRefuse, "circuit_open"),
            (Verdict::Changed, "half_open"),
            (Verdict::Changed, "closed"),
        ]
    );
    assert!(recorder.entries().iter().all(|entry| &*entry.instance == "intune"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_left_on_the_trail_of_the_request() {
    let breaker = Breaker::new("intune", &two_failures()).unwrap();
    open(&breaker);
    let (_, trail) = trail_of(async { breaker.try_admit().is_err() }).await;
    assert_eq!(trail.to_string(), "circuit-breaker/intune=refused:circuit_open");
}

/// A thread that has been refused before knows until when, and asks nobody but those who listen.
#[tokio::test(start_paused = true)]
async fn every_refusal_is_heard_and_not_only_the_first() {
    let recorder = Recorder::new();
    let heard = Breaker::builder("intune").config(two_failures()).observer(recorder.clone()).build().unwrap();
    let unheard = Breaker::new("intune", &two_failures()).unwrap();
    for breaker in [&heard, &unheard] {
        open(breaker);
        for _ in 0..3 {
            assert!(breaker.try_admit().is_err());
        }
        assert_eq!(breaker.snapshot().rejected(), 3);
    }
    assert_eq!(recorder.codes(), ["open", "circuit_open", "circuit_open", "circuit_open"]);
    let (_, trail) = trail_of(async { unheard.try_admit().is_err() }).await;
    assert_eq!(trail.to_string(), "circuit-breaker/intune=refused:circuit_open");
}

/// An observer that asks the breaker itself would wait for ever, were it called under the lock.
#[tokio::test(start_paused = true)]
async fn listeners_run_after_the_breaker_has_settled_and_outside_its_lock() {
    let place: Arc<OnceLock<Breaker>> = Arc::default();
    let inside = Arc::clone(&place);
    let seen = Recorder::new();
    let hearing = seen.clone();
    let observer = move |signal: &Signal<'_>| {
        let breaker = inside.get().expect("set before the first signal");
        let state = breaker.snapshot().state();
        assert_eq!(signal.code, state.as_str());
        buttress_core::Observer::observe(&hearing, signal);
        // A change made from inside is heard as well.
        if state == State::Open {
            breaker.reset();
        }
    };
    let breaker = Breaker::builder("intune").config(two_failures()).observer(observer).build().unwrap();
    place.set(breaker.clone()).unwrap();
    fail(&breaker, 2);
    assert_eq!(seen.codes(), ["open", "closed"]);
}

#[tokio::test(start_paused = true)]
async fn subscribers_that_are_late_miss_the_oldest_and_are_told() {
    let breaker = Breaker::new("intune", &two_failures()).unwrap();
    let mut changes = breaker.subscribe();
    for _ in 0..100 {
        breaker.reset();
    }
    let lagged = changes.try_recv().unwrap_err();
    assert_eq!(lagged, tokio::sync::broadcast::error::TryRecvError::Lagged(36));
    assert_eq!(changes.try_recv().unwrap().epoch(), 37);
}

mod log_lines {
    use std::fmt;
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Writes every event down as one line of its level and fields.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            let _ = fmt::Write::write_fmt(&mut self.0, format_args!(" {field}={value:?}"));
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let level: &Level = event.metadata().level();
            let mut line = Line(level.to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[tokio::test(start_paused = true)]
    async fn every_change_is_one_line_with_the_facts() {
        let lines = Lines::default();
        let _here = tracing::subscriber::set_default(lines.clone());
        let breaker = Breaker::new("intune", &two_failures()).unwrap();
        open(&breaker);
        tokio::time::advance(5 * SECOND).await;
        breaker.try_admit().unwrap().settle(Outcome::Success);
        let lines = lines.0.lock().unwrap();
        let expected = [
            (
                "WARN",
                r#"old_state="closed" new_state="open" reason="consecutive_failures" epoch=1 open_ms=5000"#,
            ),
            ("INFO", r#"old_state="open" new_state="half_open" reason="open_time_passed""#),
            ("INFO", r#"old_state="half_open" new_state="closed" reason="probes_succeeded""#),
        ];
        assert_eq!(lines.len(), expected.len());
        for (line, (level, facts)) in lines.iter().zip(expected) {
            assert!(line.starts_with(level) && line.contains(facts), "{line}");
            assert!(line.contains(r#"circuit_breaker="intune""#), "{line}");
        }
        assert!(lines[0].contains("consecutive_failures=2"), "{}", lines[0]);
    }
}
