//! What redaction allocates.

use std::borrow::Cow;

use buttress_redact::Redactor;

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn nothing_is_allocated_where_nothing_is_found() {
    let redactor = Redactor::default();
    for text in
        ["", "plain", "user=ann id=42 at 10:12:13 see https://example.com/a?b=c", "mail@ x 1234 5678 9012"]
    {
        assert_eq!(allocations(|| assert!(matches!(redactor.text(text), Cow::Borrowed(_)))), 0, "{text}");
        assert_eq!(allocations(|| assert!(matches!(redactor.url(text), Cow::Borrowed(_)))), 0, "{text}");
    }
    let json = r#"{"user_id":"ann","status_code":200,"path":"/a","tokens":12,"tags":["a","b",{"c":null}]}"#;
    assert_eq!(allocations(|| assert!(matches!(redactor.json(json), Cow::Borrowed(_)))), 0);
}

#[test]
fn into_a_buffer_with_room_nothing_is_allocated() {
    let redactor = Redactor::default();
    let mut out = Vec::with_capacity(1_000);
    let json = br#"{"password":"hunter2","mail":"john@example.com","n":4111111111111111}"#;
    assert_eq!(allocations(|| assert!(redactor.json_into(json, &mut out).is_touched())), 0);
    assert_eq!(
        out,
        br#"{"password":"***REDACTED***","mail":"joh***@example.com","n":"****-****-****-1111"}"#
    );
}

#[test]
fn a_clone_allocates_nothing_and_shares_the_rules() {
    let redactor = Redactor::default();
    assert_eq!(allocations(|| drop(redactor.clone())), 0);
    assert_eq!(allocations(|| drop(Redactor::default())), 0);
}

#[test]
fn escapes_cost_one_allocation_for_the_whole_text() {
    let redactor = Redactor::default();
    let json = r#"{"a":"one \"two\" three","b\n":["x\\y","line\nline"],"c":"\u00e9"}"#;
    assert_eq!(allocations(|| assert!(matches!(redactor.json(json), Cow::Borrowed(_)))), 1);
}
