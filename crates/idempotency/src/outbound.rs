use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::Entropy;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request};
use tower_layer::Layer;
use tower_service::Service;

use crate::ids::unforeseen;

/// Gives each call of a client a key of its own, if its method needs one and the caller has not set one.
///
/// It stands outside retry, so that all attempts of a call have one key. POST and PATCH need a key unless
/// [`methods`](Self::methods) says otherwise.
///
/// ```
/// use buttress_idempotency::KeyInjectorLayer;
/// use http::Request;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// # use std::convert::Infallible;
/// let echo = service_fn(|request: Request<()>| async move {
///     Ok::<_, Infallible>(request.headers().contains_key("idempotency-key"))
/// });
/// let client = KeyInjectorLayer::new().layer(echo);
/// assert!(client.clone().oneshot(Request::post("/orders").body(()).unwrap()).await?);
/// assert!(!client.oneshot(Request::get("/orders").body(()).unwrap()).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyInjectorLayer {
    header: HeaderName,
    methods: Arc<[Method]>,
    entropy: Entropy,
}

impl KeyInjectorLayer {
    /// The layer with its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            header: HeaderName::from_static("idempotency-key"),
            methods: [Method::POST, Method::PATCH].into(),
            entropy: Entropy::system(),
        }
    }

    /// The header for the key. Default: `Idempotency-Key`.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// The methods that need a key. Default: POST and PATCH.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { methods: methods.into_iter().collect(), ..self }
    }

    /// Where keys are drawn from, besides what the system has drawn for this process. Default: the system.
    #[must_use]
    pub fn entropy(self, entropy: Entropy) -> Self {
        Self { entropy, ..self }
    }

    fn inject<B>(&self, request: &mut Request<B>) {
        if !self.methods.contains(request.method()) || request.headers().contains_key(&self.header) {
            return;
        }
        if let Ok(key) = HeaderValue::try_from(key(&self.entropy)) {
            request.headers_mut().insert(self.header.clone(), key);
        }
    }
}

impl Default for KeyInjectorLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for KeyInjectorLayer {
    type Service = KeyInjector<S>;

    fn layer(&self, inner: S) -> KeyInjector<S> {
        KeyInjector { inner, rules: self.clone() }
    }
}

/// A client whose calls have keys; made by [`KeyInjectorLayer`].
#[derive(Clone, Debug)]
pub struct KeyInjector<S> {
    inner: S,
    rules: KeyInjectorLayer,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for KeyInjector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.rules.inject(&mut request);
        self.inner.call(request)
    }
}

/// A random UUID as a string of structured fields.
fn key(entropy: &Entropy) -> String {
    let bits = unforeseen(entropy) & !(0xf << 76 | 0b11 << 62) | 4 << 76 | 0b10 << 62;
    let part = |shift: u32, mask: u128| bits >> shift & mask;
    let (time, mid, version) = (part(96, u128::MAX), part(80, 0xffff), part(64, 0xffff));
    format!(
        "\"{time:08x}-{mid:04x}-{version:04x}-{:04x}-{:012x}\"",
        part(48, 0xffff),
        part(0, 0xffff_ffff_ffff)
    )
}
