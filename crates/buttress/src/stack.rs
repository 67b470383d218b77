//! Stacks in the order that works, and a check for orders of your own.

mod custom;
#[cfg(feature = "inbound")]
mod inbound;
mod order;
#[cfg(feature = "outbound")]
mod outbound;
mod placed;

pub use custom::{CustomBuilder, CustomStack, OrderError, Placed, inbound, outbound};
#[cfg(feature = "inbound")]
pub use inbound::{Inbound, InboundBuilder, InboundService};
pub use order::{Direction, Finding, Severity, Step, check_order};
#[cfg(feature = "outbound")]
pub use outbound::{Outbound, OutboundBuilder, OutboundService};
