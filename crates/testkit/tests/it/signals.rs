use buttress_core::{Context, CorrelationId, Signal, Verdict};
use buttress_testkit::{Recorder, trail_of};

#[test]
fn a_recorder_keeps_every_signal_in_order() {
    let recorder = Recorder::new();
    for (verdict, code) in
        [(Verdict::Passed, "closed"), (Verdict::Refused, "open"), (Verdict::Refused, "probing")]
    {
        Signal::new("breaker", "jamf", verdict, code).report(Some(&recorder.clone()));
    }
    assert_eq!(recorder.codes(), ["closed", "open", "probing"]);
    assert_eq!(recorder.verdicts()[1], (Verdict::Refused, "open"));
    assert_eq!((recorder.count(Verdict::Refused), recorder.count(Verdict::Retried)), (2, 0));
    assert_eq!(&*recorder.entries()[0].instance, "jamf");
    recorder.clear();
    assert!(recorder.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_trail_is_collected_without_hiding_the_context_around_it() {
    let id = CorrelationId::new("outer").unwrap();
    let work = async {
        Signal::new("retry", "", Verdict::Retried, "status").report(None);
        Context::current().correlation_id().cloned()
    };
    let (seen, trail) = Context::new().with_correlation_id(id.clone()).scope(trail_of(work)).await;
    assert_eq!(seen, Some(id));
    assert_eq!(trail.to_string(), "retry=retried:status");
}
