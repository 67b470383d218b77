//! What stands in a line, and in which order.

use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use buttress_core::{Caller, Context, CorrelationId, Principal, WallClock};
use buttress_telemetry::{LevelCase, TraceIds};
use serde_json::{Value, json};

use crate::sink::{Seen, builder, names};

fn at(micros: u64) -> WallClock {
    WallClock::from_fn(move || UNIX_EPOCH + Duration::from_micros(micros))
}

fn of_ann() -> Context {
    let caller = Caller::unknown();
    caller.identify(Principal::user("u-17").with_tenant("acme"));
    Context::new().with_correlation_id(CorrelationId::new("DEPLOY-123").unwrap()).with_caller(caller)
}

#[test]
fn a_line_is_to_the_byte_what_the_documentation_says() {
    let seen = Seen::by(
        builder()
            .clock(at(1_771_252_200_123_456))
            .service_name("control-plane")
            .service_version("1.2.3")
            .environment("production"),
    );
    of_ann().run(|| {
        let span = tracing::info_span!("job", job_id = 7, job_type = "sync", rows = "shadowed");
        span.in_scope(|| {
            tracing::info!(target: "worker::sync", event = "sync_job_completed", rows = 150, ok = true, "done");
        });
    });
    let line = concat!(
        r#"{"timestamp":"2026-02-16T14:30:00.123456Z","level":"info","event":"sync_job_completed","#,
        r#""message":"done","logger":"worker::sync","correlation_id":"DEPLOY-123","tenant_id":"acme","#,
        r#""user_id":"u-17","rows":150,"ok":true,"job_id":7,"job_type":"sync","service.name":"control-plane","#,
        r#""service.version":"1.2.3","deployment.environment":"production"}"#,
        "\n"
    );
    assert_eq!(seen.text(), line);
}

#[test]
fn the_order_of_names_does_not_depend_on_who_says_them() {
    let seen = Seen::by(builder().service_name("s"));
    let outer = tracing::info_span!("outer", user_id = "u", z = 1, request_id = "r");
    let inner = tracing::info_span!(parent: &outer, "inner", trace_id = "t", a = 2, z = 3);
    inner.in_scope(|| {
        tracing::warn!(late = 1, tenant_id = "acme", message = "said late", span_id = "s", event = "named");
    });
    let object = seen.one();
    assert_eq!(
        names(&seen.text()),
        [
            "timestamp",
            "level",
            "event",
            "message",
            "logger",
            "request_id",
            "trace_id",
            "span_id",
            "tenant_id",
            "user_id",
            "late",
            "a",
            "z",
            "service.name"
        ]
    );
    assert_eq!(object["z"], 3, "the innermost span is the nearest");
}

#[test]
fn names_of_the_line_cannot_be_taken_by_fields() {
    let seen = Seen::by(builder().service_name("mine"));
    of_ann().run(|| {
        let span = tracing::info_span!(
            "s",
            level = "span",
            message = "span",
            event = "span",
            correlation_id = "of-the-span",
            logger = "span"
        );
        span.in_scope(|| {
            tracing::info!(
                timestamp = "x",
                level = "x",
                logger = "x",
                correlation_id = "x",
                user_id = "x",
                tenant_id = "acme",
                truncated = "x",
                service.name = "x",
                "own"
            );
        });
    });
    let mut object = seen.one();
    let renamed: Vec<String> =
        names(&seen.text()).into_iter().filter(|name| name.starts_with("fields.")).collect();
    assert_eq!(
        renamed,
        [
            "fields.timestamp",
            "fields.level",
            "fields.logger",
            "fields.correlation_id",
            "fields.user_id",
            "fields.truncated",
            "fields.service.name",
            "fields.message",
            "fields.event"
        ],
        "a tenant that is the same is no clash, and a span's ID is out of date"
    );
    for (name, value) in [
        ("level", "info"),
        ("message", "own"),
        ("logger", "it::lines"),
        ("correlation_id", "DEPLOY-123"),
        ("user_id", "u-17"),
        ("tenant_id", "acme"),
        ("service.name", "mine"),
    ] {
        assert_eq!(object.remove(name), Some(value.into()), "{name}");
    }
}

#[test]
fn whose_line_it_is_can_be_said_by_fields_where_the_context_does_not_know() {
    let seen = Seen::json();
    let span = tracing::info_span!("job", correlation_id = "job-1", user_id = "of-the-span");
    span.in_scope(|| tracing::info!(user_id = "u-1", "login"));
    let object = seen.one();
    assert_eq!((&object["correlation_id"], &object["user_id"]), (&json!("job-1"), &json!("u-1")));
}

#[test]
fn nobody_is_no_user_and_before_login_there_is_none() {
    let seen = Seen::json();
    let caller = Caller::unknown();
    let context = Context::new().with_caller(caller.clone());
    context.clone().run(|| tracing::info!("before"));
    caller.identify(Principal::anonymous());
    context.clone().run(|| tracing::info!("nobody"));
    caller.identify(Principal::service("billing"));
    context.run(|| tracing::info!("a service"));
    let users: Vec<Option<Value>> = seen.objects().iter().map(|line| line.get("user_id").cloned()).collect();
    assert_eq!(users, [None, None, Some(json!("billing"))]);
}

#[test]
fn levels_are_words_in_lower_case_or_upper_and_critical_is_one() {
    for (case, words) in [
        (LevelCase::Lower, ["trace", "debug", "info", "warning", "error", "critical", "error", "info"]),
        (LevelCase::Upper, ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "ERROR", "INFO"]),
    ] {
        let seen = Seen::by(builder().level_case(case));
        tracing::trace!("1");
        tracing::debug!("2");
        tracing::info!("3");
        tracing::warn!("4");
        tracing::error!("5");
        tracing::error!(critical = true, "6");
        tracing::error!(critical = false, "7");
        tracing::info!(critical = true, "8");
        let objects = seen.objects();
        let levels: Vec<&str> = objects.iter().map(|line| line["level"].as_str().unwrap()).collect();
        assert_eq!(levels, words);
        assert!(!objects[5].contains_key("critical"), "the level says it");
    }
}

#[test]
fn an_event_is_named_by_its_field_or_by_its_name_and_not_by_a_place_in_the_source() {
    let seen = Seen::json();
    tracing::info!(name: "started", "one");
    tracing::info!(name: "started", event = "nearer", "two");
    tracing::info!("three");
    let events: Vec<Option<Value>> = seen.objects().iter().map(|line| line.get("event").cloned()).collect();
    assert_eq!(events, [Some(json!("started")), Some(json!("nearer")), None]);
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("job failed")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn values_keep_their_kinds() {
    let seen = Seen::json();
    let error = Outer(std::io::Error::other("disk full"));
    tracing::error!(
        text = "t", yes = true, unsigned = u64::MAX, signed = -7_i64, wide = 1_u128 << 100, ratio = 0.25, whole = 3.0,
        infinite = f64::INFINITY, nan = f64::NAN, shown = %1.5, debugged = ?Some("x"), absent = None::<u32>,
        present = Some(1), error = &error as &dyn Error, r#type = "raw"
    );
    let line = &seen.lines()[0];
    let fields = concat!(
        r#","text":"t","yes":true,"unsigned":18446744073709551615,"signed":-7,"wide":1267650600228229401496703205376,"#,
        r#""ratio":0.25,"whole":3.0,"infinite":"inf","nan":"NaN","shown":"1.5","debugged":"Some(\"x\")","present":1,"#,
        r#""error":"job failed: disk full","type":"raw"}"#
    );
    assert!(line.ends_with(fields), "{line}");
}

#[test]
fn a_field_recorded_anew_has_its_last_value_and_one_recorded_late_is_there() {
    let seen = Seen::json();
    let empty = tracing::field::Empty;
    let span = tracing::info_span!("s", a = 1, route = empty, b = 2);
    span.in_scope(|| tracing::info!("before"));
    span.record("route", "/x");
    span.record("a", "a longer value than before");
    span.record("b", 3);
    span.in_scope(|| tracing::info!("after"));
    let objects = seen.objects();
    assert_eq!((&objects[0]["a"], objects[0].get("route")), (&json!(1), None));
    let after = (&objects[1]["a"], &objects[1]["route"], &objects[1]["b"]);
    assert_eq!(after, (&json!("a longer value than before"), &json!("/x"), &json!(3)));
}

#[test]
fn a_tracer_that_leaves_its_ids_in_a_span_is_heard() {
    use tracing::span::{Attributes, Id};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    struct Tracer;
    impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tracer {
        fn on_new_span(&self, _: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
            let ids = TraceIds { trace_id: 0xabc, span_id: id.into_u64() << 60 | 0xd };
            cx.span(id).unwrap().extensions_mut().insert(ids);
        }
    }
    let sink = crate::sink::Sink::default();
    let parts = builder().to_writer(sink.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(Tracer).with(parts.layer.with_filter(parts.filter));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("outer")
            .in_scope(|| tracing::info_span!("inner").in_scope(|| tracing::info!("traced")));
    });
    drop(parts.guard);
    let object = crate::sink::object(&String::from_utf8(sink.bytes()).unwrap());
    assert_eq!(object["trace_id"], "00000000000000000000000000000abc");
    assert!(object["span_id"].as_str().unwrap().ends_with("00000000000000d"), "{object:?}");
}

#[test]
fn two_logs_on_one_registry_do_not_mix() {
    use tracing_subscriber::layer::SubscriberExt;

    let sinks = [(); 2].map(|()| crate::sink::Sink::default());
    let [one, two] = [0, 1].map(|place: usize| builder().to_writer(sinks[place].clone()).build().unwrap());
    let subscriber = tracing_subscriber::registry().with(one.layer).with(two.layer);
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("s", a = 1);
        span.record("a", 2);
        span.in_scope(|| tracing::info!("said once"));
    });
    drop((one.guard, two.guard));
    for sink in sinks {
        let text = String::from_utf8(sink.bytes()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(crate::sink::object(text.trim_end())["a"], 2);
    }
}
