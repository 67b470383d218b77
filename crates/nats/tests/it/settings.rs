use std::time::Duration;

use buttress_core::Problem;
use buttress_nats::NatsSink;

#[test]
fn all_settings_that_cannot_be_used_are_named_at_once_and_no_password_is() {
    let builder = NatsSink::builder("nats://user:hunter2@host:port")
        .name("No Name")
        .prefix("a.b")
        .domain("*")
        .replicas(6)
        .max_age(Duration::from_millis(1))
        .call_timeout(Duration::ZERO);
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.build().unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(Problem::field).collect();
    assert_eq!(fields, ["servers", "name", "prefix", "domain", "replicas", "max_age", "call_timeout"]);
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let sink = NatsSink::builder("nats://user:hunter2@a:4222,nats://b").build().unwrap();
    assert!(!format!("{sink:?}").contains("hunter2"));
}

#[test]
fn an_address_with_tls_takes_the_feature() {
    let built = NatsSink::builder("nats://a,tls://b").build();
    assert_eq!(built.is_ok(), cfg!(feature = "tls"), "{built:?}");
}
