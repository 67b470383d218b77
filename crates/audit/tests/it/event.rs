//! Events as records have them.

use buttress_audit::{Action, Changes, Event, Outcome, Resource, Service, Severity, Stage};
use buttress_core::{Caller, Context, CorrelationId, Principal};
use buttress_redact::{Detector, Redactor};
use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

fn line_of(event: &Event) -> String {
    let mut line = Vec::new();
    event.encode(&Redactor::default(), &mut line);
    String::from_utf8(line).unwrap()
}

fn read(event: &Event) -> Value {
    serde_json::from_str(&line_of(event)).unwrap()
}

fn full() -> Event {
    Event::builder(Action::PAYMENT_PROCESSED)
        .at(SystemTime::UNIX_EPOCH + Duration::from_micros(1_763_717_179_000_001))
        .outcome(Outcome::Partial)
        .reason("second_half_failed")
        .severity(Severity::High)
        .stage(Stage::Complete)
        .duration(Duration::from_micros(1234))
        .actor(Principal::user("u-1").with_name("Ann").with_tenant("acme").with_session("5f2a"))
        .resource(Resource::new("payment", "p-1").with_name("two nights"))
        .correlation_id(CorrelationId::new("CAB-456").unwrap())
        .trace(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7)
        .method(Method::POST)
        .route("/payments/{id}")
        .path("/payments/p-1")
        .query("dry=1")
        .status(StatusCode::MULTI_STATUS)
        .client_ip([203, 0, 113, 9].into())
        .peer_ip([10, 0, 0, 1].into())
        .user_agent("curl/8")
        .message("one of two")
        .changes(Changes::new().with("/status", "open", "paid"))
        .detail("euros", 40)
        .service(Service::new("desk").with_version("1.2").with_instance("a"))
        .build()
}

/// The schema: names that other programs read. A change here is a change of version.
#[test]
fn a_full_record_has_these_members_in_this_order() {
    let event = full();
    let expected = format!(
        concat!(
            r#"{{"v":1,"id":"{}","ts":"2025-11-21T09:26:19.000001Z","category":"financial","#,
            r#""action":"PAYMENT_PROCESSED","outcome":"partial","severity":"high","stage":"complete","#,
            r#""duration_us":1234,"correlation_id":"CAB-456","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","#,
            r#""span_id":"00f067aa0ba902b7","service":{{"name":"desk","version":"1.2","instance":"a"}},"#,
            r#""actor":{{"type":"user","id":"u-1","name":"Ann","tenant_id":"acme","session_hash":"5f2a"}},"#,
            r#""reason":"second_half_failed","message":"one of two","#,
            r#""resource":{{"type":"payment","id":"p-1","name":"two nights"}},"#,
            r#""request":{{"method":"POST","route":"/payments/{{id}}","path":"/payments/p-1","query":"dry=1","#,
            r#""status":207,"client_ip":"203.0.113.9","peer_ip":"10.0.0.1","user_agent":"curl/8"}},"#,
            r#""changes":[{{"path":"/status","from":"open","to":"paid"}}],"details":{{"euros":40}}}}"#,
        ),
        event.id()
    );
    assert_eq!(line_of(&event), expected);
}

#[test]
fn an_event_of_which_little_is_known_is_short() {
    let event = Event::builder(Action::SERVICE_STARTED).build();
    // In order of the alphabet, whichever order the maps of JSON have.
    let keys: BTreeSet<_> = read(&event).as_object().unwrap().keys().cloned().collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    assert_eq!(keys, ["action", "category", "id", "outcome", "severity", "stage", "ts", "v"]);
    assert_eq!((event.severity(), event.stage()), (Severity::Info, Stage::Complete));
    let now = buttress_core::WallClock::system().now();
    assert!(now.duration_since(event.at()).unwrap() < Duration::from_secs(60));
}

#[test]
fn ids_are_of_their_own_and_sort_by_time() {
    let at = |seconds| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Event::builder(Action::READ).at(at).build().id()
    };
    let (early, same, late) = (at(1_000_000), at(1_000_000), at(1_000_001));
    assert_ne!(early, same);
    assert!(early < late && same < late);
    assert_eq!(early.get_version_num(), 7);
}

#[test]
fn who_acts_and_in_which_flow_is_taken_from_the_context() {
    let caller = Caller::unknown();
    caller.identify(Principal::service("gateway"));
    let context =
        Context::new().with_caller(caller).with_correlation_id(CorrelationId::new("DEPLOY-1").unwrap());
    let record = context.run(|| read(&Event::builder(Action::DEPLOYMENT).build()));
    assert_eq!((&record["actor"]["id"], &record["correlation_id"]), (&json!("gateway"), &json!("DEPLOY-1")));
}

/// An actor known by an address stays known; every other secret in that place is hidden.
#[test]
fn only_the_mask_for_addresses_spares_the_actor() {
    let actor = |id: &str| {
        let actor =
            Principal::user(id).with_name(id).with_tenant("t@example.com").with_session("s@example.com");
        let record = read(&Event::builder(Action::LOGIN).actor(actor).build());
        assert_eq!(record["actor"]["id"], record["actor"]["name"], "{record}");
        assert_eq!(record["actor"]["tenant_id"], "t***@example.com", "{record}");
        record["actor"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(actor("john@example.com"), "john@example.com");
    assert_eq!(actor("Ann <ann@example.com>"), "Ann <ann@example.com>");
    for (id, shown) in [
        ("4111 1111 1111 1111@x", "****-****-****-1111@x"),
        ("john@example.com password=hunter2", "joh***@example.com password=***REDACTED***"),
        ("https://ann:pw@example.com/", "https://***REDACTED***@example.com/"),
        ("password=p@ss", "password=***REDACTED***"),
    ] {
        assert_eq!(actor(id), shown);
    }
    let long = format!("{}@example.com", "x".repeat(5000));
    assert!(actor(&long).len() <= 256);
    let record = read(&Event::builder(Action::LOGIN).detail("to", "john@example.com").build());
    assert_eq!(record["details"]["to"], "joh***@example.com", "addresses of others are masked");
}

#[test]
fn secrets_are_hidden_wherever_they_stand() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlc2lnbmF0dXJl";
    let event = Event::builder(Action::READ)
        .actor(Principal::user(format!("Bearer {jwt}")))
        .resource(Resource::new("token", jwt).with_name("password=hunter2"))
        .path(format!("/reset/{jwt}"))
        .query("api_key=hunter2&mail=john%40example.com")
        .user_agent(format!("curl Bearer {jwt}"))
        .route("/x?token=hunter2")
        .message("sent password=hunter2")
        .reason("password=hunter2".to_owned())
        .changes(Changes::between(json!({"pin": "hunter2"}), json!({"pin": "hunter2x"})))
        .detail("apiKey", "hunter2")
        .detail("deep", json!({"list": [{"client_secret": "hunter2"}]}))
        .build();
    let line = line_of(&event);
    assert!(!line.contains("hunter2") && !line.contains(jwt) && !line.contains("john"), "{line}");
    let counts = &read(&event)["redaction"];
    assert!(counts["names"].as_u64() >= Some(4) && counts["values"].as_u64() >= Some(5), "{counts}");
}

/// The characters of an ID are harmless each; a key can be made of them all the same.
#[test]
fn a_key_that_is_offered_as_correlation_id_is_hidden() {
    let of = |id: &str| {
        read(&Event::builder(Action::READ).correlation_id(CorrelationId::new(id).unwrap()).build())
    };
    let key = of("ghp_16C7e42F292c6912E7710c838347Ae178B4a");
    assert_eq!(
        (&key["correlation_id"], &key["redaction"]["values"]),
        (&json!("***REDACTED:github***"), &json!(1))
    );
    for id in ["CAB-456", "0190163d-8694-739b-aea5-966c26f8ad91", "order:17.a_b"] {
        assert_eq!(of(id)["correlation_id"], id);
    }
}

#[test]
fn what_an_escape_in_a_path_stands_for_is_hidden_too() {
    for path in [
        "/reset/password%3Dhunter2/x",
        "/a;token=hunter2;b=1",
        "/%70assword=hunter2",
        "/to/john%40example.com",
    ] {
        let line = line_of(&Event::builder(Action::READ).path(path).build());
        assert!(!line.contains("hunter2") && !line.contains("john%40"), "{line}");
        assert!(!line.contains("4111%20"), "{line}");
    }
    let clean = read(&Event::builder(Action::READ).path("/caf%C3%A9/b=1/%2e").build());
    assert_eq!(clean["request"]["path"], "/caf%C3%A9/b=1/%2e");
}

/// The page lists every ready-made action with its family, and every member of a record.
#[test]
fn the_documented_actions_and_members_are_the_real_ones() {
    let page = include_str!("../../../../docs/audit.md");
    let rows = |cell: &str| page.lines().filter(|line| line.starts_with(cell)).collect::<String>();
    for action in Action::ALL {
        let family = rows(&format!("| {} |", action.category().as_str()));
        assert!(family.contains(&format!("`{action}`")), "{action}");
    }
    for member in read(&full()).as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{member}`")), "{member}");
    }
}

/// The names of our own members must not be those of secrets, here and wherever the record is redacted again.
#[test]
fn a_second_pass_changes_nothing() {
    let line = line_of(&full());
    assert_eq!(Redactor::default().json(&line), line);
}

#[test]
fn what_is_too_long_is_cut_and_the_record_says_so() {
    let long = "x".repeat(100_000);
    let event = Event::builder(Action::READ)
        .resource(Resource::new("t", &*long))
        .path(&*long)
        .query(&*long)
        .user_agent(&*long)
        .reason(long.clone())
        .message(&*long)
        .actor(Principal::user(long.clone()))
        .detail("long", &long)
        .changes(Changes::new().with("/a", &long, 1))
        .build();
    let line = line_of(&event);
    assert!(line.len() < 8000, "{}", line.len());
    assert_eq!(read(&event)["redaction"]["truncated"], 9);
    assert_eq!(read(&event)["details"]["long"], "***TRUNCATED***");
}

/// Rather a record that says less than one that says too much.
#[test]
fn what_the_redactor_cannot_look_at_is_left_out() {
    let redactor = Redactor::builder().max_bytes(64).build().unwrap();
    let event = Event::builder(Action::READ).message("a".repeat(80)).detail("password", "hunter2").build();
    let mut line = Vec::new();
    event.encode(&redactor, &mut line);
    let record: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!((record.get("details"), &record["redaction"]["truncated"]), (None, &json!(1)));
    assert_eq!(record["action"], "READ");
}

#[test]
fn a_redactor_of_ones_own_decides_what_is_hidden() {
    let redactor = Redactor::builder().ignore(Detector::Email).hide_name("risk_score").build().unwrap();
    let event =
        Event::builder(Action::READ).detail("mail", "john@example.com").detail("risk_score", 45).build();
    let mut line = Vec::new();
    event.encode(&redactor, &mut line);
    let record: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(record["details"], json!({"mail": "john@example.com", "risk_score": "***REDACTED***"}));
}

/// Texts made of what detectors look for, whole and in halves.
fn suspicious() -> impl Strategy<Value = String> {
    let parts = [
        "password",
        "=",
        ":",
        " ",
        "\n",
        "Bearer ",
        "abcdef123456",
        "4111111111111111",
        "4111 1111",
        "-",
        "john",
        "@",
        "example.com",
        "%40",
        "{",
        "}",
        "\"pin\"",
        "1234",
        ",",
        "[",
        "AKIAIOSFODNN7EXAMPLE",
        "/",
        "://",
        "?",
        "&",
        "token",
        "-----BEGIN PRIVATE KEY-----",
        "Authorization: ",
        "Cookie: ",
        "123-45-6789",
        "\\",
        "\u{2028}",
        "DE89370400440532013000",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever way an event is encoded, a pass over it as JSON finds nothing that was left.
    #[test]
    fn nothing_is_left_for_a_second_pass(
        id in suspicious(), kind in suspicious(), path in suspicious(), agent in suspicious(), reason in suspicious(),
        message in suspicious(), actor in suspicious(), route in suspicious(),
    ) {
        let event = Event::builder(Action::READ)
            .actor(Principal::user(actor.replace('@', "")).with_tenant(&*id))
            .resource(Resource::new(kind, id))
            .path(path)
            .route(route)
            .user_agent(agent)
            .reason(reason)
            .message(message)
            .build();
        let line = line_of(&event);
        prop_assert_eq!(Redactor::default().json(&line), &*line);
    }
}

proptest! {
    #[test]
    fn what_is_in_the_buffer_before_stays(before in any::<Vec<u8>>(), text in any::<String>()) {
        let event = Event::builder(Action::READ).actor(Principal::user(text.clone())).detail("x", &text).build();
        let mut out = before.clone();
        event.encode(&Redactor::default(), &mut out);
        prop_assert_eq!(&out[..before.len()], &before[..]);
        prop_assert!(serde_json::from_slice::<Value>(&out[before.len()..]).is_ok());
    }
}
