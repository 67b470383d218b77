//! Who does what how often.

use buttress_audit::{
    Action, AuditLayer, Category, Event, MemoryRecorder, NotRecorded, Outcome, Reason, Recorder, Resource,
    Rule, Statistics,
};
use buttress_core::{Context, Principal};
use buttress_redact::Redactor;
use buttress_testkit::message;
use tower::{Layer, ServiceExt};

use super::{answers, only};

fn event(user: &str, outcome: Outcome) -> Event {
    let resource = Resource::new("booking", "b-1");
    Event::builder(Action::UPDATE).actor(Principal::user(user)).resource(resource).outcome(outcome).build()
}

#[tokio::test(start_paused = true)]
async fn users_resources_actions_and_outcomes_are_counted_with_their_success() {
    let statistics = Statistics::new();
    let log = statistics.count_in(MemoryRecorder::new());
    for outcome in [Outcome::Success, Outcome::Success, Outcome::Denied] {
        log.record(event("ann@example.com", outcome)).await.unwrap();
    }
    log.record(event("bob", Outcome::Failure)).await.unwrap();
    let by_key = Event::builder(Action::UPDATE).actor(Principal::api_key("ci-7")).outcome(Outcome::Success);
    statistics.count(&by_key.build());
    let seen = statistics.snapshot(&Redactor::default());
    assert_eq!((seen.recorded, seen.succeeded, seen.success_rate()), (5, 3, Some(0.6)));
    assert_eq!((seen.outcome(Outcome::Denied), seen.category(Category::Data)), (1, 5));
    let users: Vec<_> = seen.users.iter().map(|user| (&*user.name, user.count)).collect();
    assert_eq!(
        users,
        [("user:a***@example.com", 3), ("api_key:ci-7", 1), ("user:bob", 1)],
        "names are redacted"
    );
    assert!((seen.users[0].success_rate - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!((&*seen.resources[0].name, &*seen.actions[0].name), ("booking:b-1", "UPDATE"));
    let json = serde_json::to_value(&seen).unwrap();
    assert_eq!((&json["outcomes"]["denied"], &json["categories"]["data"]), (&1.into(), &5.into()));
}

#[tokio::test(start_paused = true)]
async fn strangers_cannot_make_the_statistics_grow() {
    let statistics = Statistics::new();
    for number in 0..5000 {
        statistics.count(&event(&format!("user {number} {}", "x".repeat(1000)), Outcome::Failure));
        statistics.count(&event("regular", Outcome::Success));
    }
    let seen = statistics.snapshot(&Redactor::default());
    assert_eq!(seen.users.len(), 1000);
    assert_eq!((&*seen.users[0].name, seen.users[0].count, seen.users[0].error), ("user:regular", 5000, 0));
    assert!(seen.users.iter().all(|user| user.name.len() < 300));
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_once_however_many_records_it_has() {
    let statistics = Statistics::new();
    let log = statistics.count_in(MemoryRecorder::new());
    let layer = AuditLayer::inbound(log).rule(Rule::any().action(Action::LOGIN)).build().unwrap();
    let Ok(_) = layer.layer(answers(200)).oneshot(message::post("/login", "x")).await;
    assert_eq!(layer.recorder().get_ref().events().len(), 2);
    assert_eq!(layer.recorder().statistics().snapshot(&Redactor::default()).recorded, 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_recorded_is_counted_apart() {
    let records = MemoryRecorder::new();
    let statistics = Statistics::new();
    let log = statistics.count_in(records.clone());
    records.refuse(true);
    assert!(log.record(event("ann", Outcome::Success)).await.is_err());
    records.refuse(false);
    records.fail_with(Some(NotRecorded::new(Reason::Failed)));
    assert!(log.record(event("ann", Outcome::Success)).await.is_err());
    assert_eq!(statistics.snapshot(&Redactor::default()).unrecorded, 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_recorded_with_who_wanted_it_or_does_not_happen() {
    let (records, statistics) = (MemoryRecorder::new(), Statistics::new());
    statistics.count(&event("ann", Outcome::Success));
    records.refuse(true);
    assert!(statistics.reset(&records).await.is_err());
    assert_eq!(statistics.snapshot(&Redactor::default()).recorded, 1);
    records.refuse(false);
    let caller = buttress_core::Caller::unknown();
    caller.identify(Principal::user("admin-1"));
    Context::new().with_caller(caller).scope(statistics.reset(&records)).await.unwrap();
    assert_eq!(statistics.snapshot(&Redactor::default()).recorded, 0);
    let record = only(&records);
    assert_eq!(
        (&record["action"], &record["actor"]["id"]),
        (&"AUDIT_STATISTICS_RESET".into(), &"admin-1".into())
    );
}

#[test]
fn a_counted_recorder_fails_closed_where_the_one_inside_does() {
    use buttress_audit::Class;
    let log = Statistics::new().count_in(MemoryRecorder::new());
    for category in Category::ALL {
        let class = Class::from(category);
        assert_eq!(log.fails_closed(class), log.get_ref().fails_closed(class), "{category:?}");
    }
}
