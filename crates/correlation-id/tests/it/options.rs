use buttress_correlation_id::{CorrelationIdLayer, PropagateCorrelationIdLayer};

#[test]
fn every_bad_setting_is_told_at_once() {
    let error = CorrelationIdLayer::builder()
        .header("x correlation\nid")
        .aliases(["x-one", "X-One", "", "authorization", "traceparent"])
        .build()
        .expect_err("five names are wrong");
    let told: Vec<_> = error.problems().iter().map(|problem| (problem.field(), problem.value())).collect();
    assert_eq!(
        told,
        [
            ("header", r#""x correlation\nid""#),
            ("aliases[1]", r#""X-One""#),
            ("aliases[2]", r#""""#),
            ("aliases[3]", r#""authorization""#),
            ("aliases[4]", r#""traceparent""#),
        ]
    );
    assert!(error.problems().iter().all(|problem| problem.layer() == "correlation-id"));
}

#[test]
fn an_alias_must_differ_from_the_header() {
    let error = CorrelationIdLayer::builder().header("X-Request-ID").build().expect_err("used twice");
    assert_eq!(
        error.to_string(),
        r#"correlation-id: aliases[0] is "x-request-id", allowed: a name that is not in use yet"#
    );
    let none: [&str; 0] = [];
    assert!(CorrelationIdLayer::builder().header("X-Request-ID").aliases(none).build().is_ok());
}

#[test]
fn there_may_be_eight_aliases_and_no_more() {
    let names = |count: usize| (0..count).map(|number| format!("x-{number}"));
    assert!(CorrelationIdLayer::builder().aliases(names(8)).build().is_ok());
    let error = CorrelationIdLayer::builder().aliases(names(9)).build().expect_err("nine");
    assert_eq!(error.to_string(), "correlation-id: aliases is 9 names, allowed: at most 8 names");
}

#[test]
fn a_header_with_another_meaning_is_not_sent_either() {
    for name in ["Cookie", "baggage", "a:b"] {
        let error = PropagateCorrelationIdLayer::builder().header(name).build().expect_err("not this");
        assert_eq!(error.problems().len(), 1);
    }
    assert!(PropagateCorrelationIdLayer::builder().header("X-Flow").build().is_ok());
}
