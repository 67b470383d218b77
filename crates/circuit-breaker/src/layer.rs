use std::sync::Arc;

use buttress_core::{AsError, ConfigError, Entropy, ErrorsFail, ModeSwitch, Observer, WallClock};
#[cfg(feature = "http")]
use buttress_http::{AsProblem, ClassifyHttp};
use tower_layer::Layer;

use crate::builder::BreakerBuilder;
use crate::service::CircuitBreaker;
use crate::{Breaker, BreakerConfig};

/// Puts a [`Breaker`] around services.
///
/// The breaker belongs to the layer value: every service made by the layer or by a clone of it is watched by the
/// same one. `C` says what counts as failure, `J` what a caller sees of a refusal.
///
/// The [crate example](crate#example) shows one in use.
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer<C, J> {
    breaker: Breaker,
    classify: C,
    reject: J,
}

/// Builds a [`CircuitBreakerLayer`]; begun by `inbound`, `outbound` or [`CircuitBreakerLayer::plain`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CircuitBreakerBuilder<C, J> {
    breaker: BreakerBuilder,
    classify: C,
    reject: J,
}

#[cfg(feature = "http")]
impl CircuitBreakerLayer<ClassifyHttp, AsProblem> {
    /// Begins to build a layer around HTTP handlers: outcomes count as [`ClassifyHttp`] says, and a refusal is a
    /// problem document.
    pub fn inbound(name: impl Into<Arc<str>>) -> CircuitBreakerBuilder<ClassifyHttp, AsProblem> {
        CircuitBreakerBuilder::new(name.into(), ClassifyHttp::default(), AsProblem::default())
    }
}

#[cfg(feature = "http")]
impl CircuitBreakerLayer<ClassifyHttp, AsError> {
    /// Begins to build a layer around an HTTP client: outcomes count as [`ClassifyHttp`] says, and a refusal is an
    /// error, which the client's error must be able to hold, as a boxed one is.
    pub fn outbound(name: impl Into<Arc<str>>) -> CircuitBreakerBuilder<ClassifyHttp, AsError> {
        CircuitBreakerBuilder::new(name.into(), ClassifyHttp::default(), AsError)
    }
}

impl CircuitBreakerLayer<ErrorsFail, AsError> {
    /// Begins to build a layer for services that are not HTTP: errors are failures, and a refusal is an error.
    pub fn plain(name: impl Into<Arc<str>>) -> CircuitBreakerBuilder<ErrorsFail, AsError> {
        CircuitBreakerBuilder::new(name.into(), ErrorsFail, AsError)
    }
}

impl<C, J> CircuitBreakerLayer<C, J> {
    /// A layer around a breaker that exists already, such as one from a [registry](crate::BreakerRegistry).
    pub fn with_breaker(breaker: Breaker, classify: C, reject: J) -> Self {
        Self { breaker, classify, reject }
    }

    /// The handle to look at the breaker and to steer it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The same layer around a breaker of its own, with the same settings.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        C: Clone,
        J: Clone,
    {
        Self { breaker: self.breaker.fresh(), ..self.clone() }
    }

    #[inline]
    pub(crate) fn parts(&self) -> (&Breaker, &C, &J) {
        (&self.breaker, &self.classify, &self.reject)
    }
}

impl<S, C, J> Layer<S> for CircuitBreakerLayer<C, J>
where
    C: Clone,
    J: Clone,
{
    type Service = CircuitBreaker<S, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreaker::new(inner, self.clone())
    }
}

impl<C, J> CircuitBreakerBuilder<C, J> {
    fn new(name: Arc<str>, classify: C, reject: J) -> Self {
        Self { breaker: BreakerBuilder::new(name), classify, reject }
    }

    /// The settings. Default: [`BreakerConfig::new`].
    pub fn config(self, config: BreakerConfig) -> Self {
        self.map(|breaker| breaker.config(config))
    }

    /// What counts as failure.
    pub fn classify_with<D>(self, classify: D) -> CircuitBreakerBuilder<D, J> {
        CircuitBreakerBuilder { breaker: self.breaker, classify, reject: self.reject }
    }

    /// What a caller sees of a refusal.
    pub fn reject_with<K>(self, reject: K) -> CircuitBreakerBuilder<C, K> {
        CircuitBreakerBuilder { breaker: self.breaker, classify: self.classify, reject }
    }

    /// A mode, or a switch that something else turns. Default: [`Mode::Enforce`](buttress_core::Mode::Enforce).
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        self.map(|breaker| breaker.mode(mode))
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.map(|breaker| breaker.observer(observer))
    }

    /// The chance that open times are drawn by. Default: the system's.
    pub fn entropy(self, entropy: Entropy) -> Self {
        self.map(|breaker| breaker.entropy(entropy))
    }

    /// The calendar that snapshots name times by. Default: the system's.
    pub fn wall_clock(self, wall: WallClock) -> Self {
        self.map(|breaker| breaker.wall_clock(wall))
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<CircuitBreakerLayer<C, J>, ConfigError> {
        let Self { breaker, classify, reject } = self;
        Ok(CircuitBreakerLayer { breaker: breaker.build()?, classify, reject })
    }

    pub(crate) fn into_parts(self) -> (BreakerBuilder, C, J) {
        (self.breaker, self.classify, self.reject)
    }

    fn map(self, change: impl FnOnce(BreakerBuilder) -> BreakerBuilder) -> Self {
        Self { breaker: change(self.breaker), ..self }
    }
}
