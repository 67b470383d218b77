use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Upstream;
use crate::fault::Fault;
use crate::fields::InvalidFields;
use crate::fleet::FleetSettings;
use crate::requests::SeenRequest;
use crate::station::{Simulation, Station};

/// A simulation at work. Dropping it ends every connection at once.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    simulation: Simulation,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn new(
        addr: SocketAddr,
        simulation: Simulation,
        stop: watch::Sender<bool>,
        task: JoinHandle<()>,
    ) -> Self {
        Self { addr, simulation, stop, task }
    }

    fn station(&self, upstream: Upstream) -> &Station {
        self.simulation.station(upstream)
    }

    /// The address it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where an upstream's own paths start, such as `http://127.0.0.1:4321/jamf`.
    pub fn base_url(&self, upstream: Upstream) -> String {
        format!("http://{}/{upstream}", self.addr)
    }

    /// The fault in force, with the `times` it has left.
    pub fn fault(&self, upstream: Upstream) -> Fault {
        self.station(upstream).faults.get()
    }

    /// Replaces the fault in force; requests that hang meet the new one.
    ///
    /// # Errors
    ///
    /// A field is out of range; the fault in force stays.
    pub fn set_fault(&self, upstream: Upstream, fault: Fault) -> Result<(), InvalidFields> {
        self.station(upstream).faults.set(fault)
    }

    /// Ends the fault in force and lets hanging requests go on.
    pub fn clear_fault(&self, upstream: Upstream) {
        self.station(upstream).faults.clear();
    }

    /// How the fleet and the token endpoint behave.
    pub fn settings(&self, upstream: Upstream) -> FleetSettings {
        self.station(upstream).settings()
    }

    /// Replaces all settings.
    ///
    /// # Errors
    ///
    /// A field is out of range; the settings stay as they are.
    pub fn set_settings(&self, upstream: Upstream, settings: FleetSettings) -> Result<(), InvalidFields> {
        self.station(upstream).change_settings(|_| settings.checked()).map(|_| ())
    }

    /// Makes every token issued so far worthless.
    pub fn revoke_tokens(&self, upstream: Upstream) {
        self.station(upstream).tokens.lock().revoke_all();
    }

    /// The most recent requests, oldest first.
    pub fn requests(&self, upstream: Upstream) -> Vec<SeenRequest> {
        self.station(upstream).log.all()
    }

    /// Forgets the requests seen so far.
    pub fn clear_requests(&self, upstream: Upstream) {
        self.station(upstream).log.clear();
    }

    /// Waits until this many requests have arrived since the start or the last clearing, answered or not.
    pub async fn wait_for_requests(&self, upstream: Upstream, count: u64) -> Vec<SeenRequest> {
        self.station(upstream).log.wait_for(count).await
    }

    /// Waits until the log looks as asked; the closure runs under the log's lock and must not call back.
    pub async fn wait_until(
        &self,
        upstream: Upstream,
        holds: impl FnMut(&VecDeque<SeenRequest>) -> bool,
    ) -> Vec<SeenRequest> {
        self.station(upstream).log.wait_until(holds).await
    }

    /// Stops listening, lets real answers out, and ends whatever still hangs or dribbles after 250 ms.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // An error would mean that the accept loop panicked or was aborted; either way it is over.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
