//! Stops calling a service that keeps failing, and lets a few probes decide when to start again.

mod ages;
#[cfg(feature = "http")]
mod body;
#[cfg(feature = "http")]
mod body_layer;
mod breaker;
mod builder;
mod call;
mod circuit;
mod config;
mod event;
mod future;
mod guard;
#[cfg(feature = "http")]
mod host;
mod key;
mod keyed;
mod keyed_layer;
mod layer;
mod probes;
mod profile;
mod quick;
mod registry;
mod rejection;
mod rules;
mod service;
mod shelf;
mod snapshot;
mod spread;
mod state;
mod sync;
mod tally;
mod ticket;
mod word;

#[cfg(feature = "http")]
pub use body::WatchedBody;
#[cfg(feature = "http")]
pub use body_layer::{BodyWatching, BodyWatchingFuture, BodyWatchingLayer};
pub use breaker::Breaker;
pub use builder::BreakerBuilder;
pub use call::Call;
pub use config::{Abandoned, BreakerConfig, ProbeRule, Window};
pub use event::{Counts, Reason, State, StateChange};
pub use future::ResponseFuture;
#[cfg(feature = "http")]
pub use host::ByHost;
pub use key::{Key, KeyOf, KeyRef, KeyWith};
pub use keyed::{KeyLimits, KeyedBreakers};
pub use keyed_layer::{KeyedCircuitBreaker, KeyedCircuitBreakerLayer};
pub use layer::{CircuitBreakerBuilder, CircuitBreakerLayer};
pub use profile::{ResourceProfile, ServiceProfile};
pub use registry::{BreakerRegistry, RegistryError, UnknownBreaker};
pub use rejection::CircuitOpen;
pub use service::CircuitBreaker;
pub use snapshot::Snapshot;
pub use ticket::Ticket;
