//! The contract that every Tower layer of Buttress keeps, and the probes, drivers and scripted services to show it.
//!
//! A dev-dependency only. Knows no layer: any [`tower_layer::Layer`] can be put through it. All of it runs on one
//! thread and on paused tokio time, so nothing sleeps and nothing is left to luck.
//!
//! # Example
//!
//! ```
//! use buttress_testkit::contract;
//! use tower::limit::GlobalConcurrencyLimitLayer;
//!
//! // One line for each mode of a layer; it fails with every broken law and what was seen.
//! contract::plain(|| GlobalConcurrencyLimitLayer::new(1)).run();
//!
//! // Some laws need a word from the layer's author: here, how to see that nothing is held.
//! let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
//! let shared = std::sync::Arc::clone(&slots);
//! let suite = contract::client(move || GlobalConcurrencyLimitLayer::with_semaphore(slots.clone()))
//!     .quiet(move |_layer| assert_eq!(shared.available_permits(), 1));
//! assert_eq!(suite.check(), []);
//! ```
//!
//! # What is here
//!
//! | words | for |
//! |---|---|
//! | [`contract`] | the laws, and one function for each kind of service to check them all |
//! | [`Strict`], [`Reply`], [`Probe`], [`Log`] | an inner service that answers by script and forgives nothing |
//! | [`poll_bounded`], [`drop_at_every_poll`], [`CountingWaker`] | driving one future by hand |
//! | [`clock`] | moving paused time |
//! | [`allocations_during`], [`allocations_of`] | exact counts of allocations, of this thread only |
//! | [`message`], [`ScriptedBody`] | HTTP requests, responses and bodies that misbehave on cue |
//! | [`Recorder`], [`trail_of`] | what layers reported |
//! | [`Seed`] | chance that can be repeated |
//! | [`patience`] | bounded waits for other threads and processes |
//! | [`runs_elsewhere`], [`resident`] | memory of a test that is alone in its process |
//! | [`TinyDisk`] | a file system that is soon full |
//! | [`nats`] | private NATS servers with JetStream, to kill and to pause |
//! | [`postgres`] | private PostgreSQL servers, to kill and to pause |
//! | [`redis`] | private Redis servers and clusters, to kill and to pause |
//!
//! # One layer on many Axum routes
//!
//! Axum clones services for each route and connection, so a layer must keep its state in the layer value. This
//! crate does not know Axum; a layer's own tests do: put one layer value on several routes, on a nested router and
//! on a clone of the router, let [`message::statuses`] ask them all, make the layer refuse, and ask again. That
//! `Router::layer` accepts the layer without an error adapter is shown by the test's compiling.
//!
//! # Cost
//!
//! Linking this crate installs an allocator that counts per thread (the `allocation-counter` crate), so it belongs
//! in tests and not in programs.

pub mod clock;
pub mod contract;
pub mod message;
pub mod nats;
pub mod patience;
#[cfg(unix)]
pub mod postgres;
pub mod redis;

mod allocations;
mod alone;
mod body;
mod disk;
mod drive;
mod folder;
mod gate;
mod leash;
mod ledger;
mod log;
mod probe;
mod program;
mod recorder;
mod reply;
mod seed;
mod server;
mod strict;
mod waker;

pub use allocations::{AllocationReport, allocations_during, allocations_of};
pub use alone::{resident, runs_elsewhere};
pub use body::{BodyProbe, ScriptedBody, Step};
pub use disk::TinyDisk;
pub use drive::{Unfinished, drop_at_every_poll, poll_bounded};
pub use ledger::Counts;
pub use log::Log;
pub use probe::Probe;
pub use recorder::{Recorder, trail_of};
pub use reply::{Answering, Reply};
pub use seed::Seed;
pub use strict::Strict;
pub use waker::CountingWaker;
