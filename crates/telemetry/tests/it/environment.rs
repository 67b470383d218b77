//! A log from environment variables.

use buttress_telemetry::{LogFormat, Logs, LogsError};

use crate::sink::Sink;

fn environment(variables: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let variables = variables.to_vec();
    move |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn line(variables: &[(&'static str, &'static str)]) -> String {
    let sink = Sink::default();
    let parts = Logs::builder().to_writer(sink.clone()).env_with(environment(variables)).build().unwrap();
    let (subscriber, guard) = parts.into_subscriber();
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("detail");
        tracing::info!("fact");
    });
    drop(guard);
    String::from_utf8(sink.bytes()).unwrap()
}

#[test]
fn without_variables_it_is_json_from_info_on() {
    let text = line(&[]);
    assert!(text.lines().count() == 1 && text.contains(r#""level":"info","message":"fact""#), "{text}");
}

#[test]
fn every_variable_does_what_its_name_says() {
    for (variables, expected) in [
        (&[("RUST_LOG", "debug")][..], r#""level":"debug","message":"detail""#),
        (&[("RUST_LOG", ""), ("BUTTRESS_LOG_FORMAT", " ")], r#""level":"info""#),
        (&[("BUTTRESS_LOG_FORMAT", "Text")], "INFO     it::environment: fact\n"),
        (&[("BUTTRESS_LOG_FORMAT", "auto")], r#""level":"info""#),
        (&[("BUTTRESS_LOG_FORMAT", "text"), ("BUTTRESS_LOG_COLOR", "always")], "\u{1b}[32mINFO"),
        (&[("BUTTRESS_LOG_LEVELS", "upper")], r#""level":"INFO""#),
        (&[("BUTTRESS_SERVICE_NAME", "mine"), ("OTEL_SERVICE_NAME", "other")], r#""service.name":"mine""#),
        (&[("OTEL_SERVICE_NAME", "other")], r#""service.name":"other""#),
        (&[("BUTTRESS_SERVICE_VERSION", "1.2")], r#""service.version":"1.2""#),
        (&[("BUTTRESS_ENVIRONMENT", "staging")], r#""deployment.environment":"staging""#),
        (&[("BUTTRESS_LOG_BUFFER_BYTES", "65536"), ("BUTTRESS_LOG_FLUSH_MS", "500")], "fact"),
    ] {
        let text = line(variables);
        assert!(text.contains(expected), "{variables:?}: {text}");
    }
}

#[test]
fn where_lines_go_can_be_said() {
    for output in ["stdout", "stderr"] {
        assert_eq!(line(&[("BUTTRESS_LOG_OUTPUT", output)]), "", "not to the writer that was given before");
    }
}

#[test]
fn every_bad_value_is_named_with_what_would_be_allowed() {
    let variables = environment(&[
        ("RUST_LOG", "info,app=loud"),
        ("BUTTRESS_LOG_FORMAT", "xml"),
        ("BUTTRESS_LOG_LEVELS", "middle"),
        ("BUTTRESS_LOG_COLOR", "green"),
        ("BUTTRESS_LOG_OUTPUT", "/dev/null"),
        ("BUTTRESS_LOG_BUFFER_BYTES", "many"),
        ("BUTTRESS_LOG_FLUSH_MS", "-1"),
        ("BUTTRESS_SERVICE_NAME", "two\nlines"),
    ]);
    let error = Logs::builder().filter("b=c=d").env_with(variables).build().unwrap_err();
    let LogsError::Config(config) = &error else { panic!("{error}") };
    let fields: Vec<&str> = config.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(
        fields,
        [
            "filter",
            "RUST_LOG",
            "BUTTRESS_LOG_FORMAT",
            "BUTTRESS_LOG_LEVELS",
            "BUTTRESS_LOG_COLOR",
            "BUTTRESS_LOG_OUTPUT",
            "BUTTRESS_LOG_BUFFER_BYTES",
            "BUTTRESS_LOG_FLUSH_MS",
            "service_name"
        ]
    );
    let text = error.to_string();
    assert!(text.contains(r#"RUST_LOG is "info,app=loud", allowed: directives such as info"#), "{text}");
    assert!(text.contains(r#"; "app=loud" is none"#), "{text}");
    assert!(text.contains(r#"BUTTRESS_LOG_FORMAT is "xml", allowed: json, text, auto"#), "{text}");
}

#[test]
fn settings_beyond_their_range_are_refused() {
    let long = "x".repeat(129);
    let builder = Logs::builder().buffer_bytes(1).flush_within(std::time::Duration::from_secs(61));
    let error = builder.service_version(long.as_str()).environment("a\u{1b}b").build().unwrap_err();
    let LogsError::Config(config) = error else { panic!("{error}") };
    assert_eq!(config.problems().len(), 4, "{config}");
}

#[test]
fn what_is_said_later_counts() {
    let sink = Sink::default();
    let variables = environment(&[("BUTTRESS_LOG_FORMAT", "text")]);
    let builder = Logs::builder().to_writer(sink.clone()).env_with(variables).format(LogFormat::Json);
    let (subscriber, guard) = builder.build().unwrap().into_subscriber();
    tracing::subscriber::with_default(subscriber, || tracing::info!("fact"));
    drop(guard);
    assert!(sink.bytes().starts_with(b"{"));
}
