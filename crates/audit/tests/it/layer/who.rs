//! Who asked, and from where.

use buttress_audit::{Action, Rule};
use buttress_core::{Caller, Context, Principal};
use buttress_http::{ClientAddr, ClientAddrResolver, ForwardedBy, PeerAddr};
use buttress_testkit::{Reply, Strict, message};
use http::{Request, Response};
use serde_json::json;

use super::{Body, Inner, answers, only, read, recorded, send};

/// A4: authentication runs inside of this layer.
#[tokio::test(start_paused = true)]
async fn the_principal_is_read_after_the_inner_service_ran() {
    let (records, layer) = recorded();
    let inner: Inner = Strict::handling(|_, _| {
        Reply::run(async {
            let ann =
                Principal::user("ann@example.com").with_tenant("acme").with_session("5f2a").with_name("Ann");
            assert!(ann.announce(), "somebody listens");
            Ok(Response::new(Body::default()))
        })
    });
    send(&layer.build().unwrap(), inner, message::get("/")).await;
    let expected = json!({
        "type": "user", "id": "ann@example.com", "name": "Ann", "tenant_id": "acme", "session_hash": "5f2a",
    });
    assert_eq!(only(&records)["actor"], expected);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cancelled_after_authentication_says_whose_it_was() {
    let (records, layer) = recorded();
    let layer = layer.rule(Rule::any().action(Action::ADMIN)).build().unwrap();
    let inner: Inner = Strict::handling(|_, _| {
        Reply::run(async {
            Principal::api_key("ci").announce();
            std::future::pending().await
        })
    });
    {
        let mut call = tokio_test::task::spawn(send(&layer, inner, message::get("/")));
        assert!(call.poll().is_pending());
    }
    let all = read(&records);
    assert_eq!(all[0].get("actor"), None, "nobody had said who it is");
    assert_eq!((&all[1]["actor"]["id"], &all[1]["stage"]), (&json!("ci"), &json!("cancelled")));
}

#[tokio::test(start_paused = true)]
async fn a_principal_in_the_extensions_counts_where_none_was_announced() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let mut request = message::get("/");
    request.extensions_mut().insert(Principal::service("gateway"));
    send(&layer, answers(200), request.clone()).await;
    let in_response: Inner = Strict::with(|_, _| {
        let mut response = Response::new(Body::default());
        response.extensions_mut().insert(Principal::user("u-2"));
        Reply::Ok(response)
    });
    send(&layer, in_response, request).await;
    let ids: Vec<_> = read(&records).iter().map(|record| record["actor"]["id"].clone()).collect();
    assert_eq!(ids, ["gateway", "u-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_an_outer_layer_listens_to_is_shared() {
    let (records, layer) = recorded();
    let caller = Caller::unknown();
    let inner: Inner = Strict::with(|_, _| {
        Principal::user("u-1").announce();
        Reply::Ok(Response::new(Body::default()))
    });
    let layer = layer.build().unwrap();
    Context::new().with_caller(caller.clone()).scope(send(&layer, inner, message::get("/"))).await;
    assert_eq!(caller.principal(), Some(Principal::user("u-1")));
    assert_eq!(only(&records)["actor"]["id"], "u-1");
}

fn from(peer: &str, forwarded: &str) -> Request<Body> {
    let mut request = message::get("/");
    request.extensions_mut().insert(PeerAddr(peer.parse().unwrap()));
    request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    request
}

/// A3: the first name in a header is whatever a stranger wrote there.
#[tokio::test(start_paused = true)]
async fn a_stranger_cannot_choose_the_address_that_is_recorded() {
    let (records, layer) = recorded();
    let proxies = ClientAddrResolver::builder().trust("10.0.0.0/8").header(ForwardedBy::XForwardedFor);
    let layer = layer.client_addr(proxies.build().unwrap()).build().unwrap();
    send(&layer, answers(200), from("198.51.100.4:1", "127.0.0.1")).await;
    send(&layer, answers(200), from("10.1.2.3:1", "127.0.0.1, 203.0.113.9")).await;
    let mut known = message::get("/");
    known.extensions_mut().insert(ClientAddr::new("2001:db8::7".parse().unwrap()).unwrap());
    send(&layer, answers(200), known).await;
    let all: Vec<_> = read(&records)
        .iter()
        .map(|record| (record["request"]["client_ip"].clone(), record["request"]["peer_ip"].clone()))
        .collect();
    assert_eq!(
        all,
        [
            (json!("198.51.100.4"), json!("198.51.100.4")),
            (json!("203.0.113.9"), json!("10.1.2.3")),
            (json!("2001:db8::7"), json!(null)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn trace_and_correlation_are_those_of_the_request() {
    let (records, layer) = recorded();
    let mut request = message::get("/");
    request.extensions_mut().insert(buttress_core::CorrelationId::new("DEPLOY-123").unwrap());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.headers_mut().insert("traceparent", parent.parse().unwrap());
    request.headers_mut().insert("user-agent", "curl/8".parse().unwrap());
    send(&layer.build().unwrap(), answers(200), request).await;
    let record = only(&records);
    assert_eq!(record["correlation_id"], "DEPLOY-123");
    assert_eq!(record["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(record["span_id"], "00f067aa0ba902b7");
    assert_eq!(record["request"]["user_agent"], "curl/8");
}
