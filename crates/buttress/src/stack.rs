//! Stacks in the order that works, and a check for orders of your own.

mod custom;
#[cfg(all(feature = "correlation-id", feature = "timeout"))]
mod inbound;
mod order;
#[cfg(all(feature = "circuit-breaker", feature = "correlation-id", feature = "retry", feature = "timeout"))]
mod outbound;
mod placed;

pub use custom::{CustomBuilder, CustomStack, OrderError, Placed, inbound, outbound};
#[cfg(all(feature = "correlation-id", feature = "timeout"))]
pub use inbound::{Inbound, InboundBuilder, InboundService};
pub use order::{Direction, Finding, Severity, Step, check_order};
#[cfg(all(
    feature = "circuit-breaker",
    feature = "correlation-id",
    feature = "retry",
    feature = "timeout"
))]
pub use outbound::{Outbound, OutboundBuilder, OutboundService};
