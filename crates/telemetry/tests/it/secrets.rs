//! No secret reaches a line, wherever it stands.

use std::error::Error;

use buttress_core::{Caller, Context, CorrelationId, Principal};
use buttress_redact::Redactor;
use buttress_telemetry::LogFormat;

use crate::sink::{Seen, builder};

const CARD: &str = "4111 1111 1111 1111";
const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

fn none_of(secrets: &[&str], text: &str) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_secret_is_hidden_in_every_position_of_both_formats() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let seen = Seen::by(builder().format(format));
        let error: Box<dyn Error> = format!("refused: token={JWT}").into();
        let caller = Caller::unknown();
        caller.identify(Principal::user("john@example.com").with_tenant(JWT));
        let id = CorrelationId::new("4111-1111-1111-1111").unwrap();
        Context::new().with_caller(caller).with_correlation_id(id).run(|| {
            let span = tracing::info_span!("s", note = %format!("Bearer {JWT}"), api_key = "hunter2", empty = tracing::field::Empty);
            span.record("empty", format!("card {CARD}"));
            span.in_scope(|| {
                tracing::info!(
                    password = "hunter2", pin = 4711, token = ?Some("hunter2"), card = 4_111_111_111_111_111_u64,
                    number = 4_111_111_111_111_111_i64, text = %format!("password=hunter2"), error = &*error,
                    event = %format!("login {JWT}"), debugged = ?("password", "x", JWT), client_secret = 1.5,
                    request_id = JWT, wide_secret = 123_456_u128, "sent Bearer {JWT} by {CARD}"
                );
            });
        });
        let text = seen.text();
        none_of(
            &["hunter2", JWT, "dozjgNryP4J3", CARD, "4111111111111111", "4711", "4111-1111", "1.5", "123456"],
            &text,
        );
        none_of(&["john@example.com"], &text);
        assert!(text.contains("joh***@example.com") && text.contains("****-****-****-1111"), "{text}");
    }
}

#[test]
fn a_uuid_is_the_id_of_a_flow_unless_the_owner_says_that_it_is_a_secret() {
    const UUID: &str = "7c9e6679-7425-40de-944b-e07f9e3779b1";
    let owners = [
        Redactor::builder().secret(UUID),
        Redactor::builder().token("flow", "7c9e", 4),
        Redactor::builder().hide_name("correlation_id"),
    ];
    for format in [LogFormat::Json, LogFormat::Text] {
        let id = CorrelationId::new(UUID).unwrap();
        let mut context = Context::new().with_correlation_id(id);
        let seen = Seen::by(builder().format(format));
        context.lend(|| tracing::info!("shown"));
        let quote = if format == LogFormat::Json { "\"" } else { "" };
        assert!(seen.text().contains(&format!("{quote}{UUID}{quote}")), "{}", seen.text());
        drop(seen);
        for owner in &owners {
            let seen = Seen::by(builder().format(format).redactor(owner.clone().build().unwrap()));
            context.lend(|| tracing::info!("hidden"));
            assert!(seen.text().contains("***REDACTED"), "{}", seen.text());
            none_of(&[UUID, "e07f9e3779b1"], &seen.text());
        }
    }
}

#[test]
fn a_text_that_was_harmless_elsewhere_is_hidden_under_a_telling_name() {
    let seen = Seen::json();
    for _ in 0..3 {
        tracing::info!(animal = "otter", "otter");
        tracing::info!(password = "otter", "told");
    }
    let shown =
        seen.objects().into_iter().filter_map(|line| line.get("password").cloned()).collect::<Vec<_>>();
    assert_eq!(shown, ["***REDACTED***"; 3]);
}

#[test]
fn a_tenant_whose_masks_do_not_fit_is_cut_in_every_line() {
    let seen = Seen::json();
    let caller = Caller::unknown();
    caller.identify(Principal::user("u-17").with_tenant("pw=x ".repeat(49)));
    let context = Context::new().with_caller(caller);
    for _ in 0..3 {
        context.clone().run(|| tracing::info!("said"));
    }
    none_of(&["pw=x"], &seen.text());
    assert!(seen.objects().iter().all(|line| line["truncated"] == true));
}

#[test]
fn a_secret_that_lies_across_the_cut_does_not_survive_as_a_half() {
    for before in 8_000..8_192 {
        let seen = Seen::json();
        tracing::info!(text = %format!("{} {JWT}", "x".repeat(before)), "long");
        none_of(&["eyJhbGci", "eyJ"], &seen.text());
    }
}

#[test]
fn harmless_numbers_stay_numbers() {
    let seen = Seen::json();
    tracing::info!(
        status = 200,
        elapsed_ms = 12.345,
        rows = 1_234_567,
        since = 1_771_252_200_123_u64,
        "numbers"
    );
    let line = &seen.lines()[0];
    assert!(
        line.contains(r#""status":200,"elapsed_ms":12.345,"rows":1234567,"since":1771252200123"#),
        "{line}"
    );
}

#[test]
fn the_shortest_card_is_hidden_in_a_line_of_its_own() {
    let seen = Seen::json();
    tracing::info!(number = 36_006_666_333_344_u64, "paid");
    none_of(&["36006666333344"], &seen.text());
}

#[test]
fn a_redactor_of_ones_own_is_the_one_that_is_asked() {
    let redactor =
        Redactor::builder().secret("open sesame").secret("471147").hide_name("cave").build().unwrap();
    let seen = Seen::by(builder().redactor(redactor));
    tracing::info!(cave = "treasure", "he said open sesame");
    tracing::info!(door = 471_147, "a number alone");
    none_of(&["open sesame", "treasure", "471147"], &seen.text());
}

#[test]
fn a_line_that_masks_would_make_too_long_is_cut_and_keeps_its_limit() {
    let seen = Seen::json();
    let many = "token=abc ".repeat(130);
    let span = tracing::info_span!("s", of_the_span = "token=abc");
    span.in_scope(|| {
        tracing::info!(
            a = %many, b = %many, c = %many, d = %many, e = %many, f = %many, g = %many, h = %many, i = %many, j = %many,
            k = %many, l = %many, m = %many, n = %many, "{many}"
        );
    });
    let line = &seen.lines()[0];
    assert!(line.len() < 32 * 1024, "{}", line.len());
    none_of(&["abc"], line);
    let object = crate::sink::object(line);
    assert_eq!((&object["truncated"], object.contains_key("b")), (&true.into(), true));
}

#[test]
fn a_redactor_that_takes_short_texts_only_is_asked_about_each_value() {
    let redactor = Redactor::builder().max_bytes(100).build().unwrap();
    let seen = Seen::by(builder().redactor(redactor));
    tracing::info!(short = %format!("Bearer {JWT}").split_at(60).0, long = "x".repeat(101), password = "hunter2", "said");
    let object = seen.one();
    assert_eq!((&object["message"], &object["password"]), (&"said".into(), &"***REDACTED***".into()));
    assert_eq!(object["long"], "***REDACTED:too_long***");
}
