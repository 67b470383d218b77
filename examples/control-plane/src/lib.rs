//! The example server: deploys packages to device fleets through two upstreams that fail now and then.
//!
//! ```
//! use control_plane::ControlPlane;
//! use fleet_sim::{Fault, Upstream};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let running = ControlPlane::builder().start().await?;
//! let devices = format!("http://{}/api/v1/devices/jamf", running.addr());
//!
//! let upstreams = running.simulation().expect("it brings its own");
//! upstreams.set_fault(Upstream::Jamf, Fault::answering(503).times(1))?;
//! assert_eq!(reqwest::get(&devices).await?.status(), 200); // the retry layer asked again
//! # running.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How a request flows
//!
//! ```text
//! server > buttress::Inbound > routes > rollout > domain        what is decided
//!                                          |
//!                                          +----> connectors > buttress::client > upstream
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `domain` | what is decided: risk, evidence, approvals, rings, gates, incidents; no HTTP, no clock |
//! | `connectors` | the two upstreams, each an API client over the outbound stack |
//! | `rollout` | brings the two together |
//! | `routes` | the HTTP API, one file for each resource |
//! | `store` | what is remembered, bounded, and on the disk if there is a folder |
//! | `callers`, `records` | whose idempotency keys they are, and where it is kept what became of them |
//! | `audit` | what is written down for good, and who may read it |
//! | `problem` | what a caller sees when something is wrong |
//! | `server`, `control_plane`, `running` | listening, starting, stopping |
//! | `program`, `args`, `banner` | what the program adds to that |
//!
//! `README.md` beside this crate walks through the API with curl.

mod args;
mod audit;
mod banner;
mod callers;
mod connectors;
mod control_plane;
mod domain;
mod limits;
mod problem;
mod program;
mod records;
mod rollout;
mod routes;
mod running;
mod server;
mod settings;
mod start_error;
mod store;

pub use audit::AuditError;
pub use connectors::{ClientCredentials, JamfCredentials, Secret, UserCredentials};
pub use control_plane::ControlPlane;
pub use program::program;
pub use records::RecordsError;
pub use running::{Running, Unfinished};
pub use settings::{RateLimits, RecordsIn, Resilience, Upstreams};
pub use start_error::StartError;
pub use store::{DiskError, Limits};
