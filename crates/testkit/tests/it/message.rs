use std::convert::Infallible;

use buttress_testkit::{Reply, Strict, message};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

type Web = Strict<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>;

fn web() -> Web {
    Strict::with(|_, request: &Request<_>| {
        let status = if request.uri().path() == "/no" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let mut response = message::response(status, request.method().to_string());
        response.headers_mut().insert("x-served", http::HeaderValue::from_static("yes"));
        response.extensions_mut().insert(7_u8);
        Reply::Ok(response)
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_everything_of_the_response() {
    let answer = message::send(&web(), message::post("/a", "x")).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "POST".to_owned()));
    assert_eq!((answer.header("x-served"), answer.header("x-missing")), (Some("yes"), None));
    assert_eq!(answer.extensions.get::<u8>(), Some(&7));
}

#[tokio::test(start_paused = true)]
async fn many_paths_are_asked_in_order() {
    let statuses = message::statuses(&web(), ["/", "/no", "/yes"]).await;
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::OK]);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_what_it_says() {
    let request = message::request(Method::PUT, "/a?b=c", Full::<Bytes>::from("body"));
    assert_eq!((request.method(), request.uri().query()), (&Method::PUT, Some("b=c")));
    assert_eq!(message::read(request.into_body()).await, "body");
}
