//! Two device-management upstreams that fail on command: one HTTP server that plays an Intune-like and a
//! Jamf-like API, lets a test or a curl line break either at run time, and shows what each of them saw.
//!
//! It plays the outside world, so it knows nothing of the project it tests.
//!
//! # Example
//!
//! ```
//! use fleet_sim::{Fault, FleetSim, Upstream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sim = FleetSim::start("127.0.0.1:0").await?;
//! sim.set_fault(Upstream::Jamf, Fault::answering(503).times(1))?;
//!
//! let url = sim.base_url(Upstream::Jamf) + "/api/v1/packages";
//! assert_eq!(reqwest::get(&url).await?.status(), 503);
//! assert_eq!(reqwest::get(&url).await?.status(), 401); // the fault is used up, and no token was sent
//!
//! let seen = sim.requests(Upstream::Jamf);
//! assert_eq!((seen.len(), seen[0].status), (2, Some(503)));
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # From a shell
//!
//! ```text
//! cargo run -p fleet-sim -- --listen 127.0.0.1:9090
//!
//! curl -X PUT localhost:9090/faults/intune -d '{"outage":true}'
//! curl -X PUT localhost:9090/faults/jamf -d '{"error_rate":0.5,"status":503,"retry_after_s":2}'
//! curl localhost:9090/faults/jamf
//! curl -X DELETE localhost:9090/faults/intune
//! curl localhost:9090/requests/intune
//! curl -X PUT localhost:9090/fleet/intune -d '{"install_success_percent":95}'
//! curl -X DELETE localhost:9090/fleet/intune/tokens
//!
//! TOKEN=$(curl -s localhost:9090/intune/oauth2/token -d grant_type=client_credentials \
//!   -d client_id=control-plane -d client_secret=simulated-secret | sed 's/.*"access_token":"\([^"]*\).*/\1/')
//! curl -H "Authorization: Bearer $TOKEN" \
//!   'localhost:9090/intune/v1.0/deviceManagement/managedDevices?$top=2'
//! ```
//!
//! # Control routes
//!
//! | Route | Effect |
//! | --- | --- |
//! | `GET`, `PUT`, `DELETE /faults/{name}` | show, replace, clear the fault of one upstream |
//! | `GET`, `DELETE /requests/{name}` | show, clear its most recent requests |
//! | `GET`, `PUT /fleet/{name}` | show, change how installs and tokens behave; fields left out keep their value |
//! | `DELETE /fleet/{name}/tokens` | make every token issued so far worthless |
//!
//! The name is `intune` or `jamf`; another one is 404. A body that is not JSON is 400. A field that is unknown
//! or out of range is 422, and the answer lists every such field with its value and what is allowed. Control
//! routes want no token, meet no fault and leave no trace in the log.
//!
//! # Intune-like routes
//!
//! Under `/intune`, with a bearer token except for the first:
//!
//! | Route | Answer |
//! | --- | --- |
//! | `POST /oauth2/token` | client credentials grant; 401 for others than [`CLIENT_ID`] and [`CLIENT_SECRET`] |
//! | `GET /v1.0/deviceManagement/managedDevices` | devices, paged by `$top` and `$skip` |
//! | `GET /v1.0/deviceManagement/managedDevices/{id}` | one device |
//! | `POST /v1.0/deviceAppManagement/mobileApps` | 201; 409 when the `displayName` exists |
//! | `GET /v1.0/deviceAppManagement/mobileApps` | apps; `$filter=displayName eq '...'` finds one |
//! | `GET /v1.0/deviceAppManagement/mobileApps/{id}` | one app |
//! | `POST /v1.0/deviceAppManagement/mobileApps/{id}/assign` | replaces the groups an app goes to |
//! | `GET /v1.0/deviceAppManagement/mobileApps/{id}/deviceStatuses` | how the installs went |
//!
//! # Jamf-like routes
//!
//! Under `/jamf`, with a bearer token except for the first two:
//!
//! | Route | Answer |
//! | --- | --- |
//! | `POST /api/oauth/token` | client credentials grant |
//! | `POST /api/v1/auth/token` | a token for [`USERNAME`] and [`PASSWORD`] by basic authentication |
//! | `GET /api/v1/computers-inventory` | Macs, paged by `page` and `page-size`, narrowed by `filter` |
//! | `POST /api/v1/packages`, `POST /api/v1/policies` | 201; 409 when the name exists |
//! | `GET /api/v1/packages`, `GET /api/v1/policies` | the things made; `filter=packageName=="..."` or `name==` |
//! | `GET /api/v1/policies/{id}/status` | how the installs went |
//!
//! A create with an `Idempotency-Key` can be repeated: the same key and body get the first answer again, the
//! same key with another body gets 422.
//!
//! # Faults
//!
//! Every route under an upstream's name meets its fault, the token endpoints too; [`Fault`] says what each
//! field does and in which order. An outage resets the TCP connection of every request that arrives and sends
//! no byte of an answer; the port stays open, because the control routes share it.
//!
//! # Bounds
//!
//! | What | Limit | Beyond it |
//! | --- | --- | --- |
//! | apps, packages, policies | 10,000 each | 507 |
//! | requests in each log | 1,000, see [`FleetSim::request_log_capacity`] | the oldest goes |
//! | tokens of each upstream | 1,000 | the oldest stops working |
//! | request body | 64 KiB | 413 |
//! | request headers | 64 KiB, and 32 KiB when they come in small pieces | 431 |
//! | connections | 4,096 | they wait to be accepted |
//! | shutdown | 250 ms | what still hangs is cut off |

mod clock;
mod control;
mod create;
mod fault;
mod faults;
mod fields;
mod fleet;
mod gate;
mod intune;
mod jamf;
mod oauth;
mod refusal;
mod requests;
mod running;
mod server;
mod shelf;
mod slow;
mod station;
mod upstream;

pub use fault::Fault;
pub use fields::{InvalidFields, Problem};
pub use fleet::FleetSettings;
pub use oauth::{CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};
pub use requests::{Outcome, SeenRequest};
pub use running::Running;
pub use server::FleetSim;
pub use upstream::{UnknownUpstream, Upstream};
