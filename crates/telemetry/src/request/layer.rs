use std::fmt;
use std::sync::Arc;

use buttress_redact::Redactor;
use http::Extensions;
use tower_layer::Layer;

use super::{RequestLog, UntilBodyEnd};

/// Writes one line for each request, when it is over: answered to the last byte, refused, timed out, left by whoever
/// asked, broken off or panicked. See the [crate page](crate#request-lines).
///
/// It stands right inside the correlation ID and outside everything that refuses. It refuses nothing itself, so it has
/// no mode; the filter directive `buttress_telemetry::request=off` silences it.
#[derive(Clone)]
pub struct RequestLogLayer<U = UntilBodyEnd> {
    settings: Arc<Settings>,
    until: U,
}

type Route = dyn for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync;

/// What all requests of a layer have in common.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) route: Option<Arc<Route>>,
    pub(super) redactor: Redactor,
    pub(super) verdicts: bool,
}

impl RequestLogLayer {
    /// A layer with the defaults: no route is known, verdicts are left out, a request lasts to the end of the body.
    pub fn new() -> Self {
        Self { settings: Arc::default(), until: UntilBodyEnd }
    }
}

impl Default for RequestLogLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<U> RequestLogLayer<U> {
    /// How the route of a request is found in its extensions: a template, such as `/devices/{id}`, and never the path.
    ///
    /// Without one it is `unmatched`. With Axum, where the layer stands inside `Router::layer`:
    ///
    /// ```
    /// use axum::extract::MatchedPath;
    /// use buttress_telemetry::{RequestLogLayer, UntilBodyEndAs};
    ///
    /// let layer = RequestLogLayer::new()
    ///     .route_with(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
    ///     .until(UntilBodyEndAs(axum::body::Body::new));
    /// let router: axum::Router = axum::Router::new().layer(layer);
    /// ```
    #[must_use]
    pub fn route_with(
        self,
        route: impl for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.route = Some(Arc::new(route)))
    }

    /// Writes what the layers inside decided: `verdicts`, in the words of a [`Trail`](buttress_core::Trail).
    #[must_use]
    pub fn verdicts(self) -> Self {
        self.with(|settings| settings.verdicts = true)
    }

    /// What hides secrets in paths. Default [`Redactor::default`].
    #[must_use]
    pub fn redactor(self, redactor: Redactor) -> Self {
        self.with(|settings| settings.redactor = redactor)
    }

    /// Until when a request lasts. Default [`UntilBodyEnd`].
    #[must_use]
    pub fn until<V>(self, until: V) -> RequestLogLayer<V> {
        RequestLogLayer { settings: self.settings, until }
    }

    fn with(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S, U: Clone> Layer<S> for RequestLogLayer<U> {
    type Service = RequestLog<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestLog::new(inner, Arc::clone(&self.settings), self.until.clone())
    }
}

impl<U> fmt::Debug for RequestLogLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLogLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("knows_routes", &self.route.is_some())
            .field("verdicts", &self.verdicts)
            .finish_non_exhaustive()
    }
}
