use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use buttress_core::Context;
use buttress_correlation_id::{CorrelationId, Mint, PropagateCorrelationIdLayer};
use http::{HeaderMap, Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::wire::{HEADER, id};

/// What the transport finds: the header and the extension.
async fn sent(
    layer: &PropagateCorrelationIdLayer,
    request: Request<()>,
) -> (Option<String>, Option<CorrelationId>) {
    let seen = Arc::new(Mutex::new((HeaderMap::new(), None)));
    let sink = Arc::clone(&seen);
    let transport = service_fn(move |request: Request<()>| {
        *sink.lock().unwrap() = (request.headers().clone(), request.extensions().get().cloned());
        async { Ok::<_, Infallible>(Response::new(())) }
    });
    let client = ServiceBuilder::new().layer(layer.clone()).service(transport);
    client.oneshot(request).await.unwrap();
    let (headers, extension) = seen.lock().unwrap().clone();
    assert!(headers.len() <= 1, "{headers:?}");
    (headers.get(HEADER).map(|value| value.to_str().unwrap().to_owned()), extension)
}

fn to(uri: &str) -> Request<()> {
    Request::get(uri).body(()).unwrap()
}

fn both(text: &str) -> (Option<String>, Option<CorrelationId>) {
    (Some(text.to_owned()), Some(id(text)))
}

#[tokio::test]
async fn the_extension_comes_before_the_context_and_the_context_before_a_new_id() {
    let layer = PropagateCorrelationIdLayer::builder().mint(Mint::with(|| id("minted"))).build().unwrap();
    assert_eq!(sent(&layer, to("/")).await, both("minted"));
    let context = Context::new().with_correlation_id(id("context"));
    assert_eq!(context.clone().scope(sent(&layer, to("/"))).await, both("context"));
    let mut request = to("/");
    request.extensions_mut().insert(id("extension"));
    assert_eq!(context.scope(sent(&layer, request)).await, both("extension"));
}

#[tokio::test]
async fn a_header_that_the_caller_set_stays_as_it_is() {
    let layer = PropagateCorrelationIdLayer::default();
    let context = Context::new().with_correlation_id(id("context"));
    let mut request = to("/");
    request.headers_mut().insert(HEADER, "callers".parse().unwrap());
    request.extensions_mut().insert(id("extension"));
    assert_eq!(context.clone().scope(sent(&layer, request)).await, both("callers"));

    let mut request = to("/");
    request.headers_mut().insert(HEADER, "no id at all".parse().unwrap());
    let (header, extension) = context.scope(sent(&layer, request)).await;
    assert_eq!((header.as_deref(), extension), (Some("no id at all"), None));
}

#[tokio::test]
async fn minting_can_be_left_out() {
    let layer = PropagateCorrelationIdLayer::builder().never_mint().build().unwrap();
    assert_eq!(sent(&layer, to("/")).await, (None, None));
    let context = Context::new().with_correlation_id(id("context"));
    assert_eq!(context.scope(sent(&layer, to("/"))).await, both("context"));
    let (minted, _) = sent(&PropagateCorrelationIdLayer::default(), to("/")).await;
    assert_eq!(minted.map(|text| text.len()), Some(36));
}

#[tokio::test]
async fn only_chosen_hosts_are_sent_the_header_and_layers_inside_know_the_id_anyway() {
    let layer =
        PropagateCorrelationIdLayer::builder().only_to(|host| host == "ours.example").build().unwrap();
    let context = Context::new().with_correlation_id(id("flow-1"));
    for (uri, header) in [
        ("http://ours.example/", Some("flow-1")),
        ("https://OURS.example:8443/", Some("flow-1")),
        ("http://theirs.example/", None),
        ("http://ours.example.theirs.example/", None),
        ("http://ours.example@theirs.example/", None),
        ("/without-a-host", None),
    ] {
        let (sent, extension) = context.clone().scope(sent(&layer, to(uri))).await;
        assert_eq!((sent.as_deref(), extension), (header, Some(id("flow-1"))), "{uri}");
    }
}

#[tokio::test]
async fn the_configured_name_is_sent() {
    let layer = PropagateCorrelationIdLayer::builder().header("X-Flow").build().unwrap();
    let transport = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(Response::new(request.headers()["x-flow"].clone()))
    });
    let client = ServiceBuilder::new().layer(layer).service(transport);
    let context = Context::new().with_correlation_id(id("flow-1"));
    assert_eq!(context.scope(client.oneshot(to("/"))).await.unwrap().body(), "flow-1");
}
