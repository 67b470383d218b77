use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use buttress_core::Verdict;
use buttress_correlation_id::{Accept, CorrelationIdLayer, Mint, TraceId};
use buttress_testkit::Recorder;
use http::{Method, Request, Uri, Version};

use crate::wire::{ALIAS, HEADER, exchange, id, request};
use crate::written::Written;

const TRACE_PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// A layer that mints `minted`, and what it reports.
fn layer_with(
    change: impl FnOnce(
        buttress_correlation_id::CorrelationIdBuilder,
    ) -> buttress_correlation_id::CorrelationIdBuilder,
) -> (CorrelationIdLayer, Recorder) {
    let recorder = Recorder::new();
    let builder = CorrelationIdLayer::builder().mint(Mint::with(|| id("minted"))).observer(recorder.clone());
    (change(builder).build().expect("valid settings"), recorder)
}

/// The one source that the log tells.
fn source(written: &Written) -> String {
    let lines = written.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (_, rest) = lines[0].split_once("correlation_id_source=").expect("the source is logged");
    rest.split([' ', '}']).next().unwrap_or_default().to_owned()
}

/// X1: an ID taken from a stranger as it is, at any length, and then echoed and logged.
#[tokio::test]
async fn a_hostile_id_is_neither_taken_nor_passed_in_nor_logged_nor_echoed() {
    let too_long = "a".repeat(129);
    let huge = vec![b'a'; 60_000];
    let table: [(&[u8], &str); 17] = [
        (b"", "empty"),
        (too_long.as_bytes(), "too_long"),
        (&huge, "too_long"),
        (b"-hostile", "first_char"),
        (b"_hostile", "first_char"),
        (b"\thostile", "first_char"),
        (b"\"hostile\"", "first_char"),
        (b"hostile id", "charset"),
        (b"hostile\tid", "charset"),
        (b"hostile,id", "charset"),
        (b"hostile=ERROR", "charset"),
        (b"hostile%0aid", "charset"),
        (b"hostile\\nid", "charset"),
        (b"<script>hostile</script>", "first_char"),
        (b"\xffhostile", "first_char"),
        (b"hostile\xff", "charset"),
        ("hostile\u{202e}id".as_bytes(), "charset"),
    ];
    for name in [HEADER, ALIAS] {
        for (offered, reason) in table {
            let (layer, recorder) = layer_with(|builder| builder);
            let written = Written::here();
            let seen = exchange(&layer, request(&[(name, offered)])).await;
            assert_eq!(seen.echo.as_deref(), Some("minted"), "{reason}");
            assert_eq!(seen.id, Some(id("minted")), "{reason}");
            assert_eq!(seen.headers.get(name), None, "the handler must not see it either");
            assert_eq!(source(&written), format!("rejected:{reason}"));
            assert!(!written.text().contains("hostile") && written.text().len() < 500);
            assert_eq!(recorder.verdicts(), [(Verdict::Passed, reason)]);
        }
    }
}

#[tokio::test]
async fn a_valid_id_is_taken_whichever_name_it_comes_under() {
    let longest = "a".repeat(128);
    for (name, word) in [(HEADER, "header"), (ALIAS, "alias")] {
        for offered in ["7", "DEPLOY-123", "a:b.c_d-e", longest.as_str()] {
            let (layer, recorder) = layer_with(|builder| builder);
            let written = Written::here();
            let seen = exchange(&layer, request(&[(name, offered.as_bytes())])).await;
            assert_eq!((seen.echo.as_deref(), seen.id), (Some(offered), Some(id(offered))));
            assert_eq!(seen.headers[name], offered, "what was accepted stays in the request");
            assert_eq!(source(&written), word);
            assert_eq!(recorder.verdicts(), []);
        }
    }
}

#[tokio::test]
async fn equal_values_are_one_and_different_values_are_a_conflict() {
    let (layer, recorder) = layer_with(|builder| builder);
    let twice = exchange(&layer, request(&[(HEADER, b"same"), (HEADER, b"same")])).await;
    assert_eq!(twice.echo.as_deref(), Some("same"));
    assert_eq!(recorder.verdicts(), []);

    let beside = exchange(&layer, request(&[("a", b"1"), (HEADER, b"same"), ("a", b"2")])).await;
    assert_eq!(beside.echo.as_deref(), Some("same"), "another header may stand there twice");

    let two = exchange(&layer, request(&[(HEADER, b"one"), (HEADER, b"one"), (HEADER, b"other")])).await;
    assert_eq!(two.echo.as_deref(), Some("minted"));
    assert_eq!(two.headers.get(HEADER), None);
    assert_eq!(recorder.verdicts(), [(Verdict::Passed, "conflict")]);
}

#[tokio::test]
async fn the_first_name_that_is_present_decides_even_if_it_is_rejected() {
    let (layer, _) = layer_with(|builder| builder.aliases(["x-one", "x-two"]).trace_id(TraceId::Adopt));
    let all: [(&'static str, &[u8]); 4] =
        [("traceparent", TRACE_PARENT), ("x-two", b"two"), ("x-one", b"one"), (HEADER, b"own")];
    for (present, expected) in [(4, "own"), (3, "one"), (2, "two"), (1, TRACE_ID), (0, "minted")] {
        let seen = exchange(&layer, request(&all[..present])).await;
        assert_eq!(seen.echo.as_deref(), Some(expected));
    }
    let seen = exchange(&layer, request(&[(HEADER, b"b a d"), ("x-one", b"one")])).await;
    assert_eq!(seen.echo.as_deref(), Some("minted"));
    assert_eq!(seen.headers["x-one"], "one", "what was not read stays where it is");
}

#[tokio::test]
async fn a_traceparent_names_a_request_only_if_asked_and_is_never_altered() {
    let headers: [(&'static str, &[u8]); 2] = [("traceparent", TRACE_PARENT), ("tracestate", b"vendor=1")];
    let (ignoring, _) = layer_with(|builder| builder);
    let (adopting, recorder) = layer_with(|builder| builder.trace_id(TraceId::Adopt));
    for (layer, expected, word) in [(&ignoring, "minted", "minted"), (&adopting, TRACE_ID, "traceparent")] {
        let written = Written::here();
        let seen = exchange(layer, request(&headers)).await;
        assert_eq!((seen.echo.as_deref(), seen.id), (Some(expected), Some(id(expected))));
        assert_eq!(source(&written), word);
        assert_eq!(seen.headers["traceparent"].as_bytes(), TRACE_PARENT);
        assert_eq!(seen.headers["tracestate"], "vendor=1");
    }
    // One that is not valid is as good as none.
    let seen = exchange(&adopting, request(&[("traceparent", b"0-42-7-1")])).await;
    assert_eq!(seen.echo.as_deref(), Some("minted"));
    assert_eq!(seen.headers["traceparent"], "0-42-7-1");
    assert_eq!(recorder.verdicts(), []);
}

#[tokio::test]
async fn an_untrusted_traceparent_is_not_adopted_and_not_altered() {
    let (layer, _) = layer_with(|builder| builder.trace_id(TraceId::Adopt).accept(Accept::Never));
    let seen = exchange(&layer, request(&[("traceparent", TRACE_PARENT)])).await;
    assert_eq!((seen.echo.as_deref(), seen.client), (Some("minted"), Some(id(TRACE_ID))));
    assert_eq!(seen.headers["traceparent"].as_bytes(), TRACE_PARENT);
}

#[tokio::test]
async fn an_untrusted_id_is_kept_as_the_clients_own() {
    let (layer, recorder) = layer_with(|builder| builder.accept(Accept::Never));
    let written = Written::here();
    let seen = exchange(&layer, request(&[(HEADER, b"theirs")])).await;
    assert_eq!(
        (seen.echo.as_deref(), seen.id, seen.client),
        (Some("minted"), Some(id("minted")), Some(id("theirs")))
    );
    assert_eq!(seen.headers.get(HEADER), None);
    assert_eq!(source(&written), "rejected:untrusted");
    assert!(written.text().contains(r#"client_correlation_id="theirs""#));
    assert_eq!(recorder.verdicts(), [(Verdict::Passed, "untrusted")]);
}

#[tokio::test]
async fn trust_is_asked_with_the_whole_head_of_the_request_and_changes_nothing_in_it() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Peer(u8);

    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (layer, _) = layer_with(|builder| {
        builder.accept(Accept::when(move |parts| {
            count.fetch_add(1, Ordering::Relaxed);
            assert_eq!((&parts.method, parts.uri.path()), (&Method::PUT, "/thing"));
            assert_eq!(parts.headers[HEADER], "theirs");
            parts.extensions.get() == Some(&Peer(1))
        }))
    });
    for (peer, expected) in [(Peer(1), "theirs"), (Peer(2), "minted")] {
        let request =
            Request::put("/thing").version(Version::HTTP_2).header("a", "b").header(HEADER, "theirs");
        let seen = exchange(&layer, request.extension(peer).body(()).unwrap()).await;
        assert_eq!(seen.echo.as_deref(), Some(expected));
        assert_eq!(seen.line, (Method::PUT, Uri::from_static("/thing"), Version::HTTP_2));
        assert_eq!(seen.headers["a"], "b");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    exchange(&layer, Request::new(())).await;
    exchange(&layer, request(&[(HEADER, b"b a d")])).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2, "asked only where there is a valid ID");
}

#[tokio::test]
async fn what_the_screen_takes_for_a_secret_is_rejected() {
    let (layer, recorder) = layer_with(|builder| builder.screen(|offered| offered.starts_with("AKIA")));
    let written = Written::here();
    let seen = exchange(&layer, request(&[(HEADER, b"AKIAIOSFODNN7EXAMPLE")])).await;
    assert_eq!((seen.echo.as_deref(), seen.headers.get(HEADER)), (Some("minted"), None));
    assert_eq!(source(&written), "rejected:sensitive");
    assert!(!written.text().contains("AKIA"));
    assert_eq!(recorder.verdicts(), [(Verdict::Passed, "sensitive")]);

    let seen = exchange(&layer, request(&[(HEADER, b"harmless")])).await;
    assert_eq!(seen.echo.as_deref(), Some("harmless"));
}

#[tokio::test]
async fn an_id_that_code_of_this_process_put_there_outranks_the_callers() {
    let (layer, _) = layer_with(|builder| builder);
    let written = Written::here();
    let mut request = request(&[(HEADER, b"theirs")]);
    request.extensions_mut().insert(id("ours"));
    let seen = exchange(&layer, request).await;
    assert_eq!((seen.echo.as_deref(), seen.id), (Some("ours"), Some(id("ours"))));
    assert_eq!(source(&written), "inherited");
}

#[tokio::test]
async fn minted_ids_are_uuids_and_all_different() {
    let layer = CorrelationIdLayer::default();
    let one = exchange(&layer, Request::new(())).await.echo.expect("an echo");
    let other = exchange(&layer, Request::new(())).await.echo.expect("an echo");
    assert_ne!(one, other);
    assert_eq!((one.len(), one.matches('-').count(), one.as_bytes()[14]), (36, 4, b'4'));
}
