use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, ModeSwitch, Observer};
use buttress_correlation_id::{CorrelationIdBuilder, CorrelationIdLayer, CorrelationIdService};
use buttress_timeout::{
    BodyTimeout, BodyTimeoutBuilder, BodyTimeoutLayer, DeadlineBuilder, DeadlineLayer, DeadlineService,
    Responses,
};
use tower_layer::Layer;

/// The stack around an Axum app, as one layer: correlation ID, deadline, clocks on response bodies.
///
/// ```
/// use axum::{Router, routing::get};
/// use buttress::Inbound;
///
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(Inbound::default());
/// ```
///
/// Outermost first:
///
/// ```text
/// correlation ID and span > deadline and total timeout > body clocks > your app
/// ```
///
/// It is one layer because Axum boxes the service of each `.layer()` anew. Cloning shares everything; put one value
/// on as many routers as you like.
#[derive(Clone, Debug, Default)]
pub struct Inbound {
    correlation_id: CorrelationIdLayer,
    deadline: DeadlineLayer,
    body: BodyTimeoutLayer<Responses>,
}

/// The service that [`Inbound`] makes of another.
pub type InboundService<S> = CorrelationIdService<DeadlineService<BodyTimeout<S, Responses>>>;

impl Inbound {
    /// Begins a stack with the defaults of its layers.
    pub fn builder() -> InboundBuilder {
        InboundBuilder {
            correlation_id: CorrelationIdLayer::builder(),
            deadline: DeadlineLayer::inbound(),
            body: BodyTimeoutLayer::responses(),
        }
    }

    /// The layer that takes, mints and echoes correlation IDs.
    pub fn correlation_id(&self) -> &CorrelationIdLayer {
        &self.correlation_id
    }

    /// The layer that stamps and enforces the deadline; its mode can be changed while it runs.
    pub fn deadline(&self) -> &DeadlineLayer {
        &self.deadline
    }

    /// The layer that puts clocks on response bodies; its mode can be changed while it runs.
    pub fn body(&self) -> &BodyTimeoutLayer<Responses> {
        &self.body
    }
}

impl<S> Layer<S> for Inbound {
    type Service = InboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.correlation_id.layer(self.deadline.layer(self.body.layer(inner)))
    }
}

/// Builds an [`Inbound`] stack.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `total` | 30 s | 1 ms to 1 day | the time from arrival to the end of the response |
/// | `body_idle` | 15 s | 1 ms to 1 day | the longest gap in a response body |
/// | `mode` | enforce | | one switch for the layers that can refuse |
/// | `observer` | nobody | | hears the signals of all layers |
/// | `correlation_id` | [`CorrelationIdLayer::builder`] | | every option of that layer |
/// | `deadline` | [`DeadlineLayer::inbound`] | | every option of that layer |
/// | `body` | [`BodyTimeoutLayer::responses`] | | every option of that layer |
#[must_use = "a builder does nothing until `build`"]
#[derive(Debug)]
pub struct InboundBuilder {
    correlation_id: CorrelationIdBuilder,
    deadline: DeadlineBuilder,
    body: BodyTimeoutBuilder<Responses>,
}

impl InboundBuilder {
    /// The time from the arrival of a request to the end of its response.
    pub fn total(self, total: Duration) -> Self {
        self.deadline(|deadline| deadline.total(total))
    }

    /// The longest gap in a response body.
    pub fn body_idle(self, idle: Duration) -> Self {
        self.body(|body| body.idle(idle))
    }

    /// A mode for the deadline and the body clocks, or a switch that something else turns.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        let mode = mode.into();
        self.deadline(|deadline| deadline.mode(mode.clone())).body(|body| body.mode(mode))
    }

    /// Lets somebody hear the signals of all layers, for metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        let observer: Arc<dyn Observer> = Arc::new(observer);
        self.correlation_id(|ids| ids.observer(Arc::clone(&observer)))
            .deadline(|deadline| deadline.observer(Arc::clone(&observer)))
            .body(|body| body.observer(observer))
    }

    /// Changes the layer of correlation IDs.
    pub fn correlation_id(self, change: impl FnOnce(CorrelationIdBuilder) -> CorrelationIdBuilder) -> Self {
        Self { correlation_id: change(self.correlation_id), ..self }
    }

    /// Changes the layer of the deadline.
    pub fn deadline(self, change: impl FnOnce(DeadlineBuilder) -> DeadlineBuilder) -> Self {
        Self { deadline: change(self.deadline), ..self }
    }

    /// Changes the layer that puts clocks on response bodies.
    pub fn body(
        self,
        change: impl FnOnce(BodyTimeoutBuilder<Responses>) -> BodyTimeoutBuilder<Responses>,
    ) -> Self {
        Self { body: change(self.body), ..self }
    }

    /// The stack.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all its layers.
    pub fn build(self) -> Result<Inbound, ConfigError> {
        let mut checks = Checks::of("inbound");
        let correlation_id = checks.absorb(self.correlation_id.build());
        let deadline = checks.absorb(self.deadline.build());
        let body = checks.absorb(self.body.build());
        let layers = correlation_id.zip(deadline).zip(body);
        checks.finish_with(layers.map(|((correlation_id, deadline), body)| Inbound {
            correlation_id,
            deadline,
            body,
        }))
    }
}
