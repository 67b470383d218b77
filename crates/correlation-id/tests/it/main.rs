//! How correlation IDs behave from outside: arrival, echo, logs, tasks, messages, outbound calls.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod messages;
mod tasks;
mod written;

#[cfg(feature = "http")]
mod arrival;
#[cfg(feature = "http")]
mod axum_router;
#[cfg(feature = "http")]
mod cancellation;
#[cfg(feature = "http")]
mod contract;
#[cfg(feature = "http")]
mod echo;
#[cfg(feature = "http")]
mod logs;
#[cfg(feature = "http")]
mod options;
#[cfg(feature = "http")]
mod outbound;
#[cfg(feature = "http")]
mod wire;

#[test]
fn every_public_type_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    use buttress_correlation_id::{Carried, Carry, Extracted, Mint, Reason, Source, TraceParent};
    crosses::<(Carried<()>, Carry, Extracted, Mint, Reason, Source, TraceParent<'static>)>();
    #[cfg(feature = "http")]
    {
        use buttress_correlation_id::{
            Accept, ClientCorrelationId, CorrelationIdBuilder, CorrelationIdLayer, CorrelationIdService,
            PropagateCorrelationId, PropagateCorrelationIdBuilder, PropagateCorrelationIdLayer,
            ResponseFuture, TraceId,
        };
        crosses::<(Accept, ClientCorrelationId, CorrelationIdBuilder, CorrelationIdLayer, TraceId)>();
        crosses::<(CorrelationIdService<()>, ResponseFuture<()>, PropagateCorrelationId<()>)>();
        crosses::<(PropagateCorrelationIdBuilder, PropagateCorrelationIdLayer)>();
    }
    #[cfg(feature = "axum")]
    crosses::<(buttress_correlation_id::Correlation, buttress_correlation_id::MissingCorrelationId)>();
}
