use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{AsError, ConfigError, ModeSwitch, Observer};
#[cfg(feature = "http")]
use buttress_http::AsProblem;
use tower_layer::Layer;

use crate::Bulkhead;
use crate::builder::BulkheadBuilder;
#[cfg(feature = "http")]
use crate::hold::UntilBodyEnd;
use crate::hold::UntilResponse;
use crate::service::BulkheadService;

/// Puts a [`Bulkhead`] around services.
///
/// The bulkhead belongs to the layer value: every service made by the layer or by a clone of it takes its permits
/// from the same one. `J` says what a caller sees of a refusal, `H` when a call is over.
///
/// The [crate example](crate#example) shows one in use.
#[derive(Clone)]
pub struct BulkheadLayer<J = AsError, H = UntilResponse> {
    pub(crate) bulkhead: Bulkhead,
    pub(crate) reject: J,
    pub(crate) hold: H,
}

/// Builds a [`BulkheadLayer`]; begun by `inbound`, `outbound` or [`BulkheadLayer::plain`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct BulkheadLayerBuilder<J, H> {
    bulkhead: BulkheadBuilder,
    reject: J,
    hold: H,
}

#[cfg(feature = "http")]
impl BulkheadLayer<AsProblem, UntilBodyEnd> {
    /// Begins to build a layer around HTTP handlers: a refusal is a problem document, and a call lasts until its
    /// response body has ended. 100 calls at once.
    pub fn inbound(name: impl Into<Arc<str>>) -> BulkheadLayerBuilder<AsProblem, UntilBodyEnd> {
        BulkheadLayerBuilder::new(name.into(), AsProblem::default(), UntilBodyEnd)
    }
}

#[cfg(feature = "http")]
impl BulkheadLayer<AsError, UntilBodyEnd> {
    /// Begins to build a layer around an HTTP client: a refusal is an error, which the client's error must be able to
    /// hold, as a boxed one is, and a call lasts until its response body has ended. 64 calls at once.
    pub fn outbound(name: impl Into<Arc<str>>) -> BulkheadLayerBuilder<AsError, UntilBodyEnd> {
        BulkheadLayerBuilder::new(name.into(), AsError, UntilBodyEnd).max_concurrent(64)
    }
}

impl BulkheadLayer {
    /// Begins to build a layer for services that are not HTTP: a refusal is an error, and a call lasts until its
    /// response is there. 100 calls at once.
    pub fn plain(name: impl Into<Arc<str>>) -> BulkheadLayerBuilder<AsError, UntilResponse> {
        BulkheadLayerBuilder::new(name.into(), AsError, UntilResponse)
    }
}

impl<J, H> BulkheadLayer<J, H> {
    /// A layer around a bulkhead that exists already.
    pub fn with_bulkhead(bulkhead: Bulkhead, reject: J, hold: H) -> Self {
        Self { bulkhead, reject, hold }
    }

    /// The handle to look at the bulkhead and to steer it.
    pub fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        self.bulkhead.mode()
    }

    /// The same layer around a bulkhead of its own, with the same settings.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
        H: Clone,
    {
        Self { bulkhead: self.bulkhead.fresh(), ..self.clone() }
    }
}

impl<S, J: Clone, H: Clone> Layer<S> for BulkheadLayer<J, H> {
    type Service = BulkheadService<S, J, H>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::new(inner, self.clone())
    }
}

impl<J, H> BulkheadLayerBuilder<J, H> {
    fn new(name: Arc<str>, reject: J, hold: H) -> Self {
        Self { bulkhead: BulkheadBuilder::new(name), reject, hold }
    }

    /// How many calls may run at once, from 1 to 1,000,000. Default: 100, and 64 for `outbound`.
    pub fn max_concurrent(self, calls: u32) -> Self {
        self.map(|bulkhead| bulkhead.max_concurrent(calls))
    }

    /// Lets so many calls wait for a permit; see [`BulkheadBuilder::queue`].
    pub fn queue(self, calls: u32) -> Self {
        self.map(|bulkhead| bulkhead.queue(calls))
    }

    /// How long a call may wait in the queue; see [`BulkheadBuilder::max_wait`].
    pub fn max_wait(self, time: Duration) -> Self {
        self.map(|bulkhead| bulkhead.max_wait(time))
    }

    /// When a caller who was refused is told to ask again; see [`BulkheadBuilder::retry_after`].
    pub fn retry_after(self, time: Duration) -> Self {
        self.map(|bulkhead| bulkhead.retry_after(time))
    }

    /// A mode, or a switch that something else turns. Default: [`Mode::Enforce`](buttress_core::Mode::Enforce).
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        self.map(|bulkhead| bulkhead.mode(mode))
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.map(|bulkhead| bulkhead.observer(observer))
    }

    /// What a caller sees of a refusal.
    pub fn reject_with<K>(self, reject: K) -> BulkheadLayerBuilder<K, H> {
        BulkheadLayerBuilder { bulkhead: self.bulkhead, reject, hold: self.hold }
    }

    /// When a call is over. Default: `UntilBodyEnd` over HTTP, [`UntilResponse`] elsewhere.
    pub fn hold<G>(self, hold: G) -> BulkheadLayerBuilder<J, G> {
        BulkheadLayerBuilder { bulkhead: self.bulkhead, reject: self.reject, hold }
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<BulkheadLayer<J, H>, ConfigError> {
        let Self { bulkhead, reject, hold } = self;
        Ok(BulkheadLayer { bulkhead: bulkhead.build()?, reject, hold })
    }

    pub(crate) fn into_parts(self) -> (BulkheadBuilder, J, H) {
        (self.bulkhead, self.reject, self.hold)
    }

    fn map(self, change: impl FnOnce(BulkheadBuilder) -> BulkheadBuilder) -> Self {
        Self { bulkhead: change(self.bulkhead), ..self }
    }
}

// By hand, because a function that rebuilds bodies cannot be printed.
impl<J, H> fmt::Debug for BulkheadLayer<J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadLayer").field("bulkhead", &self.bulkhead).finish_non_exhaustive()
    }
}

impl<J, H> fmt::Debug for BulkheadLayerBuilder<J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadLayerBuilder").field("bulkhead", &self.bulkhead).finish_non_exhaustive()
    }
}
