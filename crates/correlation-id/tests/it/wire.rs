use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use buttress_correlation_id::{ClientCorrelationId, CorrelationId, CorrelationIdLayer};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use tower::{ServiceBuilder, ServiceExt, service_fn};

pub(crate) const HEADER: &str = "x-correlation-id";
pub(crate) const ALIAS: &str = "x-request-id";

pub(crate) fn id(text: &str) -> CorrelationId {
    CorrelationId::new(text).expect("a valid ID")
}

pub(crate) fn request(headers: &[(&'static str, &[u8])]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value).expect("a header value"));
    }
    request
}

/// What the handler found in its request, and what the caller got.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) line: (Method, Uri, Version),
    pub(crate) headers: HeaderMap,
    pub(crate) id: Option<CorrelationId>,
    pub(crate) client: Option<CorrelationId>,
    pub(crate) echo: Option<String>,
}

/// Sends a request through a layer to a handler that answers 200 and logs one line.
pub(crate) async fn exchange(layer: &CorrelationIdLayer, request: Request<()>) -> Exchange {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let handler = service_fn(move |request: Request<()>| {
        tracing::info!("handled");
        *sink.lock().unwrap() = Some((
            (request.method().clone(), request.uri().clone(), request.version()),
            request.headers().clone(),
            request.extensions().get::<CorrelationId>().cloned(),
            request.extensions().get::<ClientCorrelationId>().map(|client| client.0.clone()),
        ));
        async { Ok::<_, Infallible>(Response::new(())) }
    });
    let service = ServiceBuilder::new().layer(layer.clone()).service(handler);
    let response = service.oneshot(request).await.unwrap();
    let (line, headers, id, client) = seen.lock().unwrap().take().expect("the handler was called");
    Exchange { line, headers, id, client, echo: echo_of(&response) }
}

pub(crate) fn echo_of<B>(response: &Response<B>) -> Option<String> {
    let mut values = response.headers().get_all(HEADER).iter();
    let first = values.next()?;
    assert_eq!(values.next(), None, "one echo only");
    Some(first.to_str().expect("visible ASCII").to_owned())
}
