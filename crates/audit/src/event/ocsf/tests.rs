use buttress_core::Principal;
use buttress_redact::Redactor;
use http::StatusCode;

use super::*;
use crate::event::{Action, Category, Event, EventBuilder, Outcome, Resource, Service, Severity};

fn mapped(event: EventBuilder) -> Value {
    let mut out = Vec::new();
    event.build().encode(&Redactor::default(), &mut out);
    ocsf(&serde_json::from_slice(&out).expect("valid JSON"))
}

#[test]
fn every_action_has_a_class_and_a_type_that_fits_it() {
    let table = [
        (Action::LOGIN, 3002, 1),
        (Action::LOGIN_FAILED, 3002, 1),
        (Action::LOGOUT, 3002, 2),
        (Action::MFA_CHANGED, 3002, 99),
        (Action::PASSWORD_CHANGE, 3001, 3),
        (Action::USER_CREATED, 3001, 1),
        (Action::PERMISSION_REVOKED, 3001, 8),
        (Action::ACCESS_DENIED, 3003, 99),
        (Action::API_KEY_REVOKED, 3004, 4),
        (Action::SETTINGS_CHANGED, 3004, 3),
        (Action::ADMIN, 3004, 99),
        (Action::SECURITY_ALERT, 2004, 1),
        (Action::SERVICE_STARTED, 6002, 3),
        (Action::ROLLBACK, 6002, 2),
        (Action::CREATE, 6003, 1),
        (Action::EXPORT, 6003, 2),
        (Action::PAYMENT_PROCESSED, 6003, 99),
    ];
    for (action, class, activity) in table {
        let theirs = mapped(Event::builder(action.clone()));
        let numbers =
            ["class_uid", "category_uid", "activity_id", "type_uid"].map(|key| theirs[key].as_u64());
        assert_eq!(numbers, [class, class / 1000, activity, class * 100 + activity].map(Some), "{action}");
    }
    for action in Action::ALL {
        assert_ne!(mapped(Event::builder(action.clone()))["class_uid"], 0, "{action}");
    }
}

#[test]
fn what_a_class_demands_is_there() {
    let of = |category| {
        let action = Action::custom("ODD", category).expect("a name");
        mapped(Event::builder(action).actor(Principal::user("u-1")))
    };
    for category in Category::ALL {
        let theirs = of(category);
        let demanded = match theirs["class_uid"].as_u64() {
            Some(3001..=3003) => "user",
            Some(3004) => "entity",
            Some(2004) => "finding_info",
            Some(6002) => "app",
            Some(6003) => "api",
            other => panic!("{category:?} {other:?}"),
        };
        assert!(theirs[demanded].is_object(), "{category:?} {theirs}");
    }
    let account = Event::builder(Action::USER_DELETED).resource(Resource::new("user", "u-9"));
    assert_eq!(mapped(account)["user"]["uid"], "u-9", "whose account it is, and not who acted");
}

#[test]
fn every_outcome_has_a_status() {
    let table = [
        (Outcome::Success, 1, Value::Null),
        (Outcome::Failure, 2, Value::Null),
        (Outcome::Denied, 2, 2.into()),
        (Outcome::Partial, 99, Value::Null),
        (Outcome::Unknown, 0, Value::Null),
    ];
    for (outcome, status, action) in table {
        let theirs = mapped(Event::builder(Action::READ).outcome(outcome));
        assert_eq!((&theirs["status_id"], &theirs["action_id"]), (&status.into(), &action), "{outcome:?}");
    }
}

#[test]
fn nothing_of_a_record_is_lost() {
    let event = Event::builder(Action::UPDATE)
        .severity(Severity::Critical)
        .reason("four_eyes")
        .actor(Principal::service("desk").with_tenant("acme").with_session("5f"))
        .resource(Resource::new("booking", "b-1").with_name("Graz"))
        .status(StatusCode::FORBIDDEN)
        .route("/bookings/{id}")
        .path("/bookings/b-1")
        .query("page=2")
        .user_agent("curl/8")
        .client_ip([203, 0, 113, 9].into())
        .peer_ip([10, 0, 0, 1].into())
        .trace(1, 2)
        .message("not by oneself")
        .detail("risk", 45)
        .service(Service::new("desk").with_version("1.2").with_instance("a"));
    let theirs = mapped(event);
    let expected = json!({
        "severity": "Critical",
        "severity_id": 5,
        "status_detail": "four_eyes",
        "message": "not by oneself",
        "actor": {
            "user": {"type_id": 4, "type": "Service", "uid": "desk", "org": {"uid": "acme"}},
            "session": {"uid": "5f"},
        },
        "resources": [{"type": "booking", "uid": "b-1", "name": "Graz"}],
        "http_request": {"user_agent": "curl/8", "url": {"path": "/bookings/b-1", "query_string": "page=2"}},
        "http_response": {"code": 403},
        "src_endpoint": {"ip": "203.0.113.9", "intermediate_ips": ["10.0.0.1"]},
        "api": {"operation": "/bookings/{id}"},
        "trace": {"uid": format!("{:032x}", 1), "span": {"uid": format!("{:016x}", 2)}},
        "unmapped": {"v": 1, "category": "data", "details": {"risk": 45}},
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&theirs[key], value, "{key}");
    }
    let product = &theirs["metadata"]["product"];
    assert_eq!(
        (&product["name"], &product["version"], &product["uid"]),
        (&json!("desk"), &json!("1.2"), &json!("a"))
    );
    assert!(theirs["time"].as_i64() > Some(1_700_000_000_000));
}

#[test]
fn what_is_no_record_is_an_event_of_the_base_class() {
    for odd in [json!(null), json!([1]), json!({"category": 7, "actor": "x", "request": 1}), json!("x")] {
        let theirs = ocsf(&odd);
        assert_eq!((&theirs["class_uid"], &theirs["type_uid"]), (&json!(0), &json!(99)), "{odd}");
    }
}
