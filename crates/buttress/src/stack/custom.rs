use std::error::Error;
use std::fmt;

use tower_layer::{Identity, Layer, Stack};

use super::order::{Direction, Finding, Severity, Step, check_order};

/// A layer that knows what it is in the order of a stack.
pub trait Placed {
    /// What the order check sees of it.
    fn step(&self) -> Step;
}

/// Begins a stack of your own around handlers, outermost layer first.
pub fn inbound() -> CustomBuilder<Identity> {
    CustomBuilder::new(Direction::Inbound)
}

/// Begins a stack of your own around a client's transport, outermost layer first.
///
/// ```
/// use std::time::Duration;
/// use buttress::stack;
/// use buttress::timeout::{DeadlineLayer, TimeoutLayer};
///
/// let total = DeadlineLayer::outbound(Duration::from_secs(5)).build()?;
/// let attempt = TimeoutLayer::attempt(Duration::from_secs(10)).build()?;
/// let error = stack::outbound().then(total).then(attempt).build().expect_err("an attempt longer than the whole");
/// assert_eq!(error.mistakes()[0].rule(), "attempt_not_shorter_than_total");
/// # Ok::<(), buttress::ConfigError>(())
/// ```
pub fn outbound() -> CustomBuilder<Identity> {
    CustomBuilder::new(Direction::Outbound)
}

/// Puts layers into an order of your own, which [`build`](Self::build) checks.
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct CustomBuilder<L> {
    direction: Direction,
    steps: Vec<Step>,
    layers: L,
}

impl CustomBuilder<Identity> {
    fn new(direction: Direction) -> Self {
        Self { direction, steps: Vec::new(), layers: Identity::new() }
    }
}

impl<L> CustomBuilder<L> {
    /// Adds a layer of Buttress inside those before it.
    pub fn then<M: Placed>(self, layer: M) -> CustomBuilder<Stack<M, L>> {
        let step = layer.step();
        self.push(layer, step)
    }

    /// Adds a layer inside those before it that is to be judged as this step, such as one of your own that retries, or
    /// a plain timeout that is meant for attempts.
    pub fn then_as<M>(self, layer: M, step: Step) -> CustomBuilder<Stack<M, L>> {
        self.push(layer, step)
    }

    /// Adds any other layer inside those before it.
    pub fn then_other<M>(self, layer: M) -> CustomBuilder<Stack<M, L>> {
        self.push(layer, Step::Other)
    }

    fn push<M>(mut self, layer: M, step: Step) -> CustomBuilder<Stack<M, L>> {
        self.steps.push(step);
        CustomBuilder { direction: self.direction, steps: self.steps, layers: Stack::new(layer, self.layers) }
    }

    /// The stack; what is only doubtful is logged as a warning and kept in [`CustomStack::doubts`].
    ///
    /// # Errors
    ///
    /// Lists every mistake in the order, as [`check_order`] finds it.
    pub fn build(self) -> Result<CustomStack<L>, OrderError> {
        let (mistakes, doubts): (Vec<_>, Vec<_>) = check_order(self.direction, &self.steps)
            .into_iter()
            .partition(|finding| finding.severity() == Severity::Mistake);
        if !mistakes.is_empty() {
            return Err(OrderError { mistakes });
        }
        for doubt in &doubts {
            tracing::warn!(
                rule = doubt.rule(),
                seen = doubt.seen(),
                instead = doubt.instead(),
                "doubtful order of layers"
            );
        }
        Ok(CustomStack { layers: self.layers, doubts })
    }
}

/// Layers in an order of your own, without a mistake in it.
#[derive(Clone, Debug)]
pub struct CustomStack<L> {
    layers: L,
    doubts: Vec<Finding>,
}

impl<L> CustomStack<L> {
    /// What may be meant, and rarely is.
    pub fn doubts(&self) -> &[Finding] {
        &self.doubts
    }
}

impl<S, L: Layer<S>> Layer<S> for CustomStack<L> {
    type Service = L::Service;

    fn layer(&self, inner: S) -> L::Service {
        self.layers.layer(inner)
    }
}

/// An order of layers that does not do what the layers are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderError {
    mistakes: Vec<Finding>,
}

impl OrderError {
    /// Every mistake that was found; at least one.
    pub fn mistakes(&self) -> &[Finding] {
        &self.mistakes
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.mistakes.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl Error for OrderError {}
