//! Rules of one's own, and settings that are wrong.

use buttress_redact::{Detector, Redactor, RedactorBuilder};

#[test]
fn names_of_ones_own_are_hidden_in_any_case_and_with_any_separators() {
    let redactor = Redactor::builder()
        .hide_name("fleet pin")
        .hide_names_ending("badge")
        .hide_names_with("hush")
        .build()
        .unwrap();
    for name in ["fleet_pin", "fleetPin", "FLEET-PIN", "my_badge", "staffBadge", "xhushx", "hushed_value"] {
        assert_eq!(redactor.field(name, "x"), "***REDACTED***", "{name}");
        assert_eq!(
            redactor.json(&format!(r#"{{"{name}":"x"}}"#)),
            format!(r#"{{"{name}":"***REDACTED***"}}"#)
        );
        assert_eq!(redactor.text(&format!("{name}=x")), format!("{name}=***REDACTED***"));
    }
    for name in ["my_fleet_pin", "badge_count", "embadge", "hush_policy", "fleet"] {
        assert_eq!(redactor.field(name, "x"), "x", "{name}");
    }
}

#[test]
fn a_name_that_is_shown_is_shown_and_its_value_still_looked_at() {
    let redactor = Redactor::builder().show_name("session_id").build().unwrap();
    assert_eq!(redactor.field("sessionId", "abc"), "abc");
    assert_eq!(redactor.field("session_id", "john@example.com"), "joh***@example.com");
    assert_eq!(redactor.field("user_session_id", "abc"), "***REDACTED***");
    assert!(!redactor.hides_name("session_id") && redactor.hides_name("password"));
}

#[test]
fn every_detector_can_be_left_out() {
    for (detector, text) in [
        (Detector::Bearer, "Bearer abcdef123456"),
        (Detector::Basic, "Basic YW5uOmh1bnRlcjI="),
        (Detector::Jwt, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"),
        (Detector::VendorKeys, "ghp_FAKEfake1NotReal2FAKEfake1"),
        (Detector::PrivateKeys, "-----BEGIN PRIVATE KEY-----"),
        (Detector::UrlCredentials, "postgres://a:b@c/d"),
        (Detector::Assignments, "password=hunter2"),
        (Detector::Assignments, "password: hunter2"),
        (Detector::Assignments, "<password>hunter2</password>"),
        (Detector::Cards, "4111111111111111"),
        (Detector::Ssn, "219-09-9999"),
        (Detector::Iban, "DE89370400440532013000"),
        (Detector::Email, "john@example.com"),
        (Detector::Email, "john%40example.com"),
    ] {
        assert!(!Redactor::default().is_clean(text), "{text}");
        let redactor = Redactor::builder().ignore(detector).build().unwrap();
        assert!(redactor.is_clean(text), "{detector:?}: {text}");
    }
    let redactor = Redactor::builder().ignore(Detector::Cards).build().unwrap();
    assert_eq!(redactor.json("4111111111111111"), "4111111111111111");
}

#[test]
fn telephone_numbers_and_mixtures_are_looked_for_by_choice() {
    let redactor = Redactor::builder().detect(Detector::Phone).detect(Detector::Entropy).build().unwrap();
    for (text, expected) in [
        ("call +49 30 1234567.", "call ***REDACTED:phone***."),
        ("call (555) 123-4567 now", "call ***REDACTED:phone*** now"),
        ("call +15551234567", "call ***REDACTED:phone***"),
        ("key Xk29dLmQ81pZr5TbVw3yNc", "key ***REDACTED:entropy***"),
    ] {
        assert_eq!(redactor.text(text), expected);
        assert!(Redactor::default().is_clean(text), "{text}");
    }
    for text in [
        "2026-11-20 10:12:13",
        "12345678901234567890",
        "0af7651916cd43dd8448eb211c80319c",
        "2f8f1a3e-9c1d-4c59-8d0f-0a4f7a1f7b11",
        "a_long_name_in_snake_case_1",
        "AVeryLongClassNameWithoutDigits",
    ] {
        assert!(redactor.is_clean(text), "{}", redactor.text(text));
    }
}

#[test]
fn known_secrets_and_tokens_of_ones_own_are_hidden_wherever_they_stand() {
    let redactor = Redactor::builder()
        .secret("open sesame")
        .secret("tab\tsecret")
        .token("acme", "acme_", 8)
        .build()
        .unwrap();
    for (text, expected) in [
        ("he said open sesame twice", "he said ***REDACTED*** twice"),
        ("acme_12345678", "***REDACTED:acme***"),
        ("acme_1234567", "acme_1234567"),
        ("xacme_12345678", "xacme_12345678"),
    ] {
        assert_eq!(redactor.text(text), expected);
    }
    assert_eq!(
        redactor.json(r#"{"a":"tab\tsecret","open sesame":1}"#),
        r#"{"a":"***REDACTED***","***REDACTED***":1}"#
    );
    assert_eq!(redactor.url("/a?b=open+sesame"), "/a?b=***REDACTED***");
    assert!(!format!("{redactor:?}").contains("sesame"));
    assert!(!format!("{:?}", Redactor::builder().secret("open sesame")).contains("sesame"));
}

#[test]
fn many_secrets_of_ones_own_do_not_slow_down_or_hide_the_known_ones() {
    let secrets = (0..2_000).map(|number| format!("own-secret-{number:05}"));
    let redactor = secrets.fold(Redactor::builder(), RedactorBuilder::secret).build().unwrap();
    let text = "own-secret-01999 and ghp_FAKEfake1NotReal2FAKEfake1 and own-secret-02000";
    assert_eq!(redactor.text(text), "***REDACTED*** and ***REDACTED:github*** and own-secret-02000");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_no_secret_with_it() {
    let error = Redactor::builder()
        .hide_name("ab")
        .hide_names_with("пароль")
        .show_name("")
        .secret("short")
        .secret("REDACTED")
        .secret(vec![b'x'; 5_000])
        .token("Acme Corp", "ac", 0)
        .max_bytes(63)
        .max_depth(257)
        .build()
        .expect_err("all of it is wrong");
    let told: Vec<(&str, &str)> =
        error.problems().iter().map(|problem| (problem.field(), problem.value())).collect();
    assert_eq!(
        told,
        [
            ("name", "\"ab\""),
            ("name", "\"пароль\""),
            ("name", "\"\""),
            ("secret", "5 bytes"),
            ("secret", "a part of the mask"),
            ("secret", "5000 bytes"),
            ("token kind", "\"Acme Corp\""),
            ("token prefix", "\"ac\""),
            ("token min", "0"),
            ("max_bytes", "63"),
            ("max_depth", "257"),
        ]
    );
    assert!(!error.to_string().contains("short"));
}

#[test]
fn the_limits_themselves_are_allowed() {
    for (bytes, depth) in [(64, 1), (1 << 30, 256)] {
        assert!(Redactor::builder().max_bytes(bytes).max_depth(depth).build().is_ok());
    }
}

#[test]
fn a_known_secret_with_signs_that_take_a_url_apart_is_hidden_as_a_whole() {
    let secret = "Endpoint=sb://x;SharedAccessKey=abc+&d?e#f";
    let redactor = Redactor::builder().secret(secret).secret("key=hunter2").build().unwrap();
    for (url, expected) in [
        (format!("/a?b={secret}&c=1"), "/a?b=***REDACTED***&c=1"),
        (format!("/a{secret}"), "/a***REDACTED***"),
        (format!("//h/?{secret}&token=x"), "//h/?***REDACTED***&token=***REDACTED***"),
        ("/a?key=hunter2".to_owned(), "/a?***REDACTED***"),
        ("/a?b=c%20key%3Dhunter2".to_owned(), "/a?b=c+***REDACTED***"),
    ] {
        assert_eq!(redactor.url(&url), expected, "{url}");
        assert_eq!(redactor.url(expected), expected);
    }
    assert_eq!(redactor.query(&format!("b={secret}&c=1")), "b=***REDACTED***&c=1");
}

#[test]
fn a_known_secret_with_quotes_in_it_leaves_json_whole() {
    let secret = r#"a","password":"hunter2"#;
    let redactor = Redactor::builder().secret(secret).secret("a b c d").build().unwrap();
    for (json, expected) in [
        (r#"{"x":"a","password":"hunter2"}"#, r#"{"x":"a","password":"***REDACTED***"}"#),
        (r#"["a","password":"hunter2"]"#, r#"["***REDACTED***"]"#), // no JSON, and so a text
        (r#"{"x":"a\",\"password\":\"hunter2"}"#, r#"{"x":"***REDACTED***"}"#),
        (r#"{"x":"a","y":"a b c d"}"#, r#"{"x":"a","y":"***REDACTED***"}"#),
    ] {
        assert_eq!(redactor.json(json), expected);
    }
}

#[test]
fn a_known_secret_that_is_a_number_is_hidden_where_json_has_a_number() {
    let redactor = Redactor::builder().secret("471147").token("ours", "999", 4).build().unwrap();
    assert_eq!(
        redactor.json(r#"{"a":471147,"b":-471147.5,"c":[9991234,999123],"471147":1,"d":47114}"#),
        r#"{"a":"***REDACTED***","b":"***REDACTED***","c":["***REDACTED***",999123],"***REDACTED***":1,"d":47114}"#,
    );
}
