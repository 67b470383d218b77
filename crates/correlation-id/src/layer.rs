use std::fmt;
use std::sync::Arc;

use buttress_core::Observer;
use http::HeaderName;
use tower_layer::Layer;
use tracing::Level;

use crate::accept::Accept;
use crate::builder::{CorrelationIdBuilder, TraceId};
use crate::header::default_header;
use crate::mint::Mint;
use crate::service::CorrelationIdService;

/// Gives every request a correlation ID and every response an echo of it; see the [crate](crate) for the whole.
///
/// It remembers nothing of the requests, so clones and layers with equal settings do the same.
#[derive(Clone, Debug)]
pub struct CorrelationIdLayer {
    settings: Arc<Settings>,
}

impl CorrelationIdLayer {
    /// Settings to change before the layer is made.
    pub fn builder() -> CorrelationIdBuilder {
        CorrelationIdBuilder::default()
    }

    pub(crate) fn from_settings(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl Default for CorrelationIdLayer {
    fn default() -> Self {
        Self::from_settings(Settings {
            header: default_header(),
            aliases: [HeaderName::from_static("x-request-id")].into(),
            trace_id: TraceId::default(),
            accept: Accept::default(),
            screen: None,
            mint: Mint::default(),
            span_level: Some(Level::INFO),
            observer: None,
        })
    }
}

impl<S> Layer<S> for CorrelationIdLayer {
    type Service = CorrelationIdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CorrelationIdService::new(inner, Arc::clone(&self.settings))
    }
}

/// What the layer was told, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) header: HeaderName,
    pub(crate) aliases: Box<[HeaderName]>,
    pub(crate) trace_id: TraceId,
    pub(crate) accept: Accept,
    pub(crate) screen: Option<Screen>,
    pub(crate) mint: Mint,
    pub(crate) span_level: Option<Level>,
    pub(crate) observer: Option<Listener>,
}

/// Tells whether an offered ID looks like a secret.
#[derive(Clone)]
pub(crate) struct Screen(pub(crate) Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen(..)")
    }
}

/// Hears of rejected IDs.
#[derive(Clone)]
pub(crate) struct Listener(pub(crate) Arc<dyn Observer>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener(..)")
    }
}
