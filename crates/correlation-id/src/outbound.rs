use std::fmt;
use std::sync::Arc;
use std::task::{self, Poll};

use buttress_core::{Checks, ConfigError, Context, CorrelationId};
use http::header::{Entry, HeaderName};
use http::{Extensions, Request, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::header::{checked, default_header, spelled};
use crate::mint::Mint;

/// Sends the current correlation ID along with outbound requests; nobody has to hand it down.
///
/// The ID is the one in the request's extensions, else that of the current [`Context`], else a new one. A header
/// that the caller set stays as it is. Whatever ID goes on the wire stands in the request's extensions as well, so
/// that layers inside can log it.
///
/// ```
/// # use std::convert::Infallible;
/// use buttress_core::{Context, CorrelationId};
/// use buttress_correlation_id::PropagateCorrelationIdLayer;
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstream = tower::service_fn(|request: Request<()>| async move {
///     Ok::<_, Infallible>(Response::new(request.headers()["x-correlation-id"].clone()))
/// });
/// let client = ServiceBuilder::new().layer(PropagateCorrelationIdLayer::default()).service(upstream);
///
/// // The inbound layer makes this scope for every request.
/// let context = Context::new().with_correlation_id(CorrelationId::new("order-17")?);
/// let response = context.scope(client.oneshot(Request::new(()))).await?;
/// assert_eq!(response.body(), "order-17");
/// # Ok(())
/// # }
/// ```
///
/// A client that follows redirects by itself takes the header along to wherever it is led; let it follow none, or
/// only those within your own hosts.
#[derive(Clone, Debug)]
pub struct PropagateCorrelationIdLayer {
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    header: HeaderName,
    hosts: Option<Hosts>,
    mint: Option<Mint>,
}

#[derive(Clone)]
struct Hosts(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hosts(..)")
    }
}

impl PropagateCorrelationIdLayer {
    /// Settings to change before the layer is made.
    pub fn builder() -> PropagateCorrelationIdBuilder {
        PropagateCorrelationIdBuilder { header: None, hosts: None, mint: Some(Mint::default()) }
    }
}

impl Default for PropagateCorrelationIdLayer {
    fn default() -> Self {
        let settings = Settings { header: default_header(), hosts: None, mint: Some(Mint::default()) };
        Self { settings: Arc::new(settings) }
    }
}

/// Settings of a [`PropagateCorrelationIdLayer`]; the crate's front page lists them.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PropagateCorrelationIdBuilder {
    header: Option<String>,
    hosts: Option<Hosts>,
    mint: Option<Mint>,
}

impl PropagateCorrelationIdBuilder {
    /// The header to send. Default `x-correlation-id`.
    pub fn header(self, name: impl Into<String>) -> Self {
        Self { header: Some(name.into()), ..self }
    }

    /// Sends the header only to hosts for which the closure says yes. Default: to every host.
    ///
    /// The host is that of the request's URI, in lower case; a URI without one is sent nothing.
    pub fn only_to(self, hosts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { hosts: Some(Hosts(Arc::new(hosts))), ..self }
    }

    /// How an ID is made for a call outside any request. Default [`Mint::V4`].
    pub fn mint(self, mint: Mint) -> Self {
        Self { mint: Some(mint), ..self }
    }

    /// Makes no ID: a call outside any request goes without.
    pub fn never_mint(self) -> Self {
        Self { mint: None, ..self }
    }

    /// Checks the settings and makes the layer.
    ///
    /// # Errors
    ///
    /// The header's name, if it is none or has another meaning.
    pub fn build(self) -> Result<PropagateCorrelationIdLayer, ConfigError> {
        let mut checks = Checks::of("propagate-correlation-id");
        let header = self.header.and_then(|name| checked(&mut checks, "header".to_owned(), &name));
        checks.finish()?;
        let header = header.unwrap_or_else(default_header);
        let settings = Settings { header, hosts: self.hosts, mint: self.mint };
        Ok(PropagateCorrelationIdLayer { settings: Arc::new(settings) })
    }
}

impl<S> Layer<S> for PropagateCorrelationIdLayer {
    type Service = PropagateCorrelationId<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PropagateCorrelationId { inner, settings: Arc::clone(&self.settings) }
    }
}

/// The service that [`PropagateCorrelationIdLayer`] makes.
#[derive(Clone, Debug)]
pub struct PropagateCorrelationId<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> PropagateCorrelationId<S> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, alone again.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B> Service<Request<B>> for PropagateCorrelationId<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.settings.stamp(&mut request);
        self.inner.call(request)
    }
}

impl Settings {
    fn stamp<B>(&self, request: &mut Request<B>) {
        let (known, sends) = (known_id(request.extensions()), self.sends_to(request.uri()));
        let id = match request.headers_mut().try_entry(&self.header) {
            // The caller's choice stands. If it is an ID, the layers inside shall know the request by it.
            Ok(Entry::Occupied(set)) => CorrelationId::from_bytes(set.get().as_bytes()).ok(),
            place => {
                let id = known.or_else(|| self.mint.as_ref().map(Mint::draw));
                // There is no place only where a request has 24,576 headers already.
                if let (true, Some(id), Ok(Entry::Vacant(place))) = (sends, &id, place)
                    && let Some(value) = spelled(id)
                {
                    let _ = place.try_insert(value);
                }
                id
            }
        };
        if let Some(id) = id {
            request.extensions_mut().insert(id);
        }
    }

    fn sends_to(&self, uri: &Uri) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        uri.host().is_some_and(|host| (hosts.0)(&host.to_ascii_lowercase()))
    }
}

/// The ID that the request brings, or that of the work it is part of.
fn known_id(extensions: &Extensions) -> Option<CorrelationId> {
    let current = || Context::with_current(|context| context.correlation_id().cloned());
    extensions.get().cloned().or_else(current)
}
