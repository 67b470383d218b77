use std::collections::{BTreeMap, HashMap};

use buttress_core::{Context, CorrelationId, InvalidCorrelationId};
use buttress_correlation_id::{Carrier, Reason, Source, extract, inject, pass_trace};
use proptest::prelude::*;

use crate::written::Written;

const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

type Pairs = Vec<(String, String)>;

fn pairs(of: &[(&str, &str)]) -> Pairs {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn within<T>(id: &str, work: impl FnOnce() -> T) -> T {
    Context::new().with_correlation_id(CorrelationId::new(id).expect("valid")).run(work)
}

fn survives_the_queue(mut carrier: impl Carrier) {
    assert_eq!(inject(&mut carrier), None, "nothing to inject outside a request");
    assert_eq!(extract(&carrier).source(), Source::Minted);
    let injected = within("flow-1", || inject(&mut carrier));
    let extracted = extract(&carrier);
    assert_eq!((Some(extracted.id()), extracted.source()), (injected.as_ref(), Source::Header));
    within("flow-2", || inject(&mut carrier));
    assert_eq!(extract(&carrier).into_id().as_str(), "flow-2", "the old ID is replaced");
}

#[test]
fn an_id_survives_a_queue_in_any_map_of_strings() {
    survives_the_queue(HashMap::<String, String>::new());
    survives_the_queue(BTreeMap::<String, String>::new());
    survives_the_queue(Pairs::new());
    #[cfg(feature = "http")]
    survives_the_queue(http::HeaderMap::new());
}

#[test]
fn a_name_is_found_and_replaced_in_any_case() {
    fn check(mut carrier: impl Carrier) {
        assert_eq!(extract(&carrier).id().as_str(), "theirs");
        within("ours", || inject(&mut carrier));
        let values: Vec<_> = carrier.values("x-correlation-id").collect();
        assert_eq!(values, [b"ours"]);
    }
    let entry = || pairs(&[("X-Correlation-Id", "theirs")]);
    check(entry());
    check(entry().into_iter().collect::<HashMap<_, _>>());
    check(entry().into_iter().collect::<BTreeMap<_, _>>());
}

#[test]
fn a_message_is_read_as_strictly_as_a_request() {
    let table = [
        ("", Reason::Invalid(InvalidCorrelationId::Empty)),
        ("hostile\nlevel=ERROR", Reason::Invalid(InvalidCorrelationId::Charset)),
        ("hostile\0", Reason::Invalid(InvalidCorrelationId::Charset)),
        (" hostile", Reason::Invalid(InvalidCorrelationId::FirstByte)),
        ("hostile\u{1b}[31m", Reason::Invalid(InvalidCorrelationId::Charset)),
    ];
    for (offered, reason) in table {
        let extracted = extract(&pairs(&[("x-correlation-id", offered)]));
        assert_eq!((extracted.source(), extracted.rejected()), (Source::Rejected(reason), Some(reason)));
        assert!(!extracted.id().as_str().contains("hostile"));
    }
    let same = pairs(&[("x-correlation-id", "a"), ("X-Correlation-ID", "a")]);
    assert_eq!((extract(&same).id().as_str(), extract(&same).rejected()), ("a", None));
    let different = pairs(&[("x-correlation-id", "a"), ("X-Correlation-ID", "b")]);
    assert_eq!(extract(&different).rejected(), Some(Reason::Conflict));
}

#[tokio::test]
async fn a_message_is_worked_on_and_logged_under_its_id() {
    let written = Written::here();
    let message = pairs(&[("x-correlation-id", "order-17")]);
    let seen = extract(&message).scope(async {
        tokio::task::yield_now().await;
        tracing::info!("worked");
        Context::current().correlation_id().map(ToString::to_string)
    });
    assert_eq!(seen.await.as_deref(), Some("order-17"));
    let text = written.text();
    assert!(text.contains(r#"correlated{correlation_id="order-17" correlation_id_source=header}"#), "{text}");
}

#[test]
fn a_trace_is_passed_on_unaltered() {
    let from =
        pairs(&[("Traceparent", TRACE_PARENT), ("tracestate", "a=1"), ("Tracestate", "b=2"), ("x", "y")]);
    let mut to = HashMap::from([("traceparent".to_owned(), "old".to_owned())]);
    pass_trace(&from, &mut to);
    let expected = [("traceparent", TRACE_PARENT), ("tracestate", "a=1,b=2")];
    assert_eq!(to, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_trace_that_is_not_valid_stays_behind() {
    let long = format!("a={}", "1".repeat(511));
    let other = TRACE_PARENT.replace("03", "00");
    for (from, arrives) in [
        (pairs(&[("tracestate", "a=1")]), 0),
        (pairs(&[("traceparent", "0-42-7-1"), ("tracestate", "a=1")]), 0),
        (pairs(&[("traceparent", TRACE_PARENT), ("Traceparent", &other)]), 0),
        (pairs(&[("traceparent", TRACE_PARENT), ("tracestate", "a=1\nhostile")]), 1),
        (pairs(&[("traceparent", TRACE_PARENT), ("tracestate", &long)]), 1),
        (pairs(&[("traceparent", TRACE_PARENT), ("tracestate", &long[..512])]), 2),
    ] {
        let mut to = BTreeMap::new();
        pass_trace(&from, &mut to);
        assert_eq!(to.len(), arrives, "{from:?}");
    }
}

#[cfg(feature = "http")]
#[test]
fn a_trace_goes_from_a_request_into_a_message() {
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", TRACE_PARENT.parse().unwrap());
    let mut message = Pairs::new();
    pass_trace(&headers, &mut message);
    assert_eq!(message, pairs(&[("traceparent", TRACE_PARENT)]));
    let mut back = http::HeaderMap::new();
    pass_trace(&message, &mut back);
    assert_eq!(back, headers);
}

proptest! {
    #[test]
    fn whatever_a_message_offers_the_id_is_valid_and_its_own_only_if_it_was(offered in ".{0,140}") {
        let extracted = extract(&pairs(&[("x-correlation-id", &offered)]));
        prop_assert!(CorrelationId::new(extracted.id().as_str()).is_ok());
        let valid = CorrelationId::new(&offered).is_ok();
        prop_assert_eq!(extracted.id().as_str() == offered, valid);
        prop_assert_eq!(extracted.rejected().is_none(), valid);
    }
}
