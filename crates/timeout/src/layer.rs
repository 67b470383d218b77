use std::sync::Arc;
use std::time::Duration;

use buttress_core::{AsError, Checks, ConfigError, ModeSwitch, Observer};
use tower_layer::Layer;

use crate::on_timeout::Settings;
use crate::rejection::LAYER;
use crate::reporter::Reporter;
use crate::{Cancel, FromContext, Timeout, range};

/// Gives every call one time limit; see the [crate documentation](crate).
///
/// The parameters are how a refusal is said (`J`), what a request says about its own time (`T`) and what becomes
/// of a call that is too slow (`O`). Clones share the mode; [`fresh`](Self::fresh) does not.
#[derive(Debug)]
pub struct TimeoutLayer<J = AsError, T = FromContext, O = Cancel>(Arc<Rules<J, T, O>>);

/// What a layer and all its services go by.
#[derive(Clone, Debug)]
pub(crate) struct Rules<J, T, O> {
    pub(crate) limit: Duration,
    pub(crate) mode: ModeSwitch,
    pub(crate) reject: J,
    pub(crate) time_of: T,
    pub(crate) on_timeout: O,
    pub(crate) reporter: Reporter,
}

impl TimeoutLayer {
    /// Begins a layer for any service whose error can hold a refusal, as a boxed error can.
    pub fn builder(limit: Duration) -> TimeoutBuilder {
        TimeoutBuilder(Rules {
            limit,
            mode: ModeSwitch::default(),
            reject: AsError,
            time_of: FromContext,
            on_timeout: Cancel,
            reporter: Reporter::default(),
        })
    }
}

impl<J, T, O> TimeoutLayer<J, T, O> {
    /// The time limit of a call that brings none of its own.
    pub fn limit(&self) -> Duration {
        self.0.limit
    }

    /// The switch between enforce, observe and off.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.mode
    }

    /// The same layer with a mode switch of its own, in the present position.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
        T: Clone,
        O: Clone,
    {
        let mode = ModeSwitch::new(self.0.mode.get());
        Self(Arc::new(Rules { mode, ..Rules::clone(&self.0) }))
    }
}

impl<J, T, O> Clone for TimeoutLayer<J, T, O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, J, T, O> Layer<S> for TimeoutLayer<J, T, O> {
    type Service = Timeout<S, J, T, O>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, Arc::clone(&self.0))
    }
}

/// Builds a [`TimeoutLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TimeoutBuilder<J = AsError, T = FromContext, O = Cancel>(Rules<J, T, O>);

impl<J, T, O> TimeoutBuilder<J, T, O> {
    /// The name of the layer in signals, such as `total` or `attempt`. Default: empty.
    pub fn name(self, name: &'static str) -> Self {
        Self(Rules { reporter: self.0.reporter.named(name), ..self.0 })
    }

    /// A mode, or a switch that something else turns. Default: enforce.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self(Rules { mode: mode.into(), ..self.0 })
    }

    /// Who hears of refusals. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self(Rules { reporter: self.0.reporter.observed_by(observer), ..self.0 })
    }

    /// How a refusal is said.
    pub fn with_reject<K>(self, reject: K) -> TimeoutBuilder<K, T, O> {
        let Rules { limit, mode, time_of, on_timeout, reporter, .. } = self.0;
        TimeoutBuilder(Rules { limit, mode, reject, time_of, on_timeout, reporter })
    }

    /// What a request says about its own time.
    pub fn with_time_of<U>(self, time_of: U) -> TimeoutBuilder<J, U, O> {
        let Rules { limit, mode, reject, on_timeout, reporter, .. } = self.0;
        TimeoutBuilder(Rules { limit, mode, reject, time_of, on_timeout, reporter })
    }

    /// What becomes of a call that is too slow. Default: [`Cancel`].
    pub fn on_timeout<P>(self, on_timeout: P) -> TimeoutBuilder<J, T, P> {
        let Rules { limit, mode, reject, time_of, reporter, .. } = self.0;
        TimeoutBuilder(Rules { limit, mode, reject, time_of, on_timeout, reporter })
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// If the limit is not between 1 ms and 1 day, or what `on_timeout` was given cannot be used.
    pub fn build(self) -> Result<TimeoutLayer<J, T, O>, ConfigError>
    where
        O: Settings,
    {
        let mut checks = Checks::of(LAYER);
        range::check_limit(&mut checks, "limit", self.0.limit);
        self.0.on_timeout.check(&mut checks);
        checks.finish()?;
        Ok(TimeoutLayer(Arc::new(self.0)))
    }
}
