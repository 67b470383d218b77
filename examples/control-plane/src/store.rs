//! What the control plane remembers: in memory and bounded, and if it has a folder, on the disk as well. A change that
//! was answered is on the disk, and is there again after a restart.
//!
//! Each change bears the ID of the request that made it, so that a request which runs again, because the process died
//! before its answer was kept, finds what it has done already.

mod disk;
mod shelves;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    BlastRadius, Deployment, Incident, Package, Part, Platform, Requirement, Resolution, Ring, Ruling,
    permission, requirement,
};
use crate::problem::ApiProblem;
use disk::{Disk, Rows};
use shelves::Shelves;

pub use disk::DiskError;

/// How much is remembered at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Packages, and so deployments, of which each package has one at most. Default 10,000.
    pub packages: usize,
    /// Incidents. Default 10,000.
    pub incidents: usize,
    /// Rulings about one package. Default 100.
    pub rulings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { packages: 10_000, incidents: 10_000, rulings: 100 }
    }
}

/// A package with what has been decided about it since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PackageRecord {
    pub(crate) package: Arc<Package>,
    pub(crate) rulings: Vec<Ruling>,
    /// The declared one, or that of the worst incident.
    pub(crate) blast_radius: BlastRadius,
    pub(crate) deployment: Option<Uuid>,
}

impl PackageRecord {
    fn new(package: Package) -> Self {
        let blast_radius = package.draft.blast_radius;
        Self { blast_radius, rulings: Vec::new(), deployment: None, package: Arc::new(package) }
    }

    pub(crate) fn requirement(&self) -> Requirement {
        let package = &self.package;
        requirement(package.risk_score, package.draft.privileged_tooling, self.blast_radius)
    }

    pub(crate) fn permission(&self, ring: Ring, now: Timestamp) -> Result<(), String> {
        permission(&self.requirement(), &self.rulings, ring, now)
    }
}

/// Everything, behind one lock that is only ever held for a look or a change.
#[derive(Debug)]
pub(crate) struct Store {
    limits: Limits,
    shelves: Mutex<Shelves>,
    disk: Option<Disk>,
}

impl Store {
    /// Takes up what is in the folder, which is made if there is none. Without one, everything is gone with the process.
    pub(crate) async fn open(limits: Limits, folder: Option<&Path>) -> Result<Self, DiskError> {
        let (shelves, disk) = match folder {
            Some(folder) => Disk::open(folder).await.map(|(shelves, disk)| (shelves, Some(disk)))?,
            None => (Shelves::default(), None),
        };
        Ok(Self { limits, shelves: Mutex::new(shelves), disk })
    }

    /// Lets changes that were begun come to the disk, and lets go of the folder. What is asked for later is refused.
    pub(crate) async fn close(&self) {
        if let Some(disk) = &self.disk {
            disk.close().await;
        }
    }

    /// Whether it can take changes; nothing if it is in memory alone.
    pub(crate) fn is_up(&self) -> Option<bool> {
        self.disk.as_ref().map(Disk::is_up)
    }

    /// Makes a change, and returns when it is on the disk.
    ///
    /// Changes come there in the order in which they are made here, so that nothing on the disk rests on something that
    /// is not. For a moment others see what a crash could still take back; whoever acts on it waits for his own change,
    /// and so for that too.
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut Shelves, &mut Rows) -> Result<T, ApiProblem>,
    ) -> Result<T, ApiProblem> {
        let Some(disk) = &self.disk else {
            return change(&mut self.shelves.lock(), &mut Rows::default());
        };
        let place = disk.place().await?;
        let (answer, written) = {
            let mut shelves = self.shelves.lock();
            let mut rows = Rows::default();
            let answer = change(&mut shelves, &mut rows)?;
            (answer, place.write(rows))
        };
        written.await?;
        Ok(answer)
    }

    /// Takes a package in. If this very request has done so before, that is the one.
    pub(crate) async fn add_package(&self, package: Package) -> Result<PackageRecord, ApiProblem> {
        self.change(|shelves, rows| {
            if let Some(done) = shelves.packages.get(&package.id) {
                return Ok(done.clone());
            }
            if let Some(known) = shelves.titles.get(&package.title()) {
                let detail = "a package of this name and version exists; its evidence cannot be changed";
                let conflict = ApiProblem::conflict("package_exists", detail);
                return Err(conflict.with("package_id", known.to_string()));
            }
            room(shelves.packages.len(), self.limits.packages, "packages")?;
            let record = PackageRecord::new(package);
            rows.package(&record)?;
            shelves.put_package(record.clone());
            Ok(record)
        })
        .await
    }

    pub(crate) fn package(&self, id: Uuid) -> Result<PackageRecord, ApiProblem> {
        self.shelves.lock().package(id).cloned()
    }

    /// Some of the packages in the order in which they came, and how many there are.
    pub(crate) fn packages(&self, skip: usize, take: usize) -> (usize, Vec<PackageRecord>) {
        let shelves = self.shelves.lock();
        let mut all: Vec<_> = shelves.packages.values().collect();
        all.sort_unstable_by_key(|record| (record.package.created_at, record.package.id));
        (all.len(), all.into_iter().skip(skip).take(take).cloned().collect())
    }

    pub(crate) async fn add_ruling(
        &self,
        package_id: Uuid,
        ruling: Ruling,
    ) -> Result<PackageRecord, ApiProblem> {
        self.change(|shelves, rows| {
            let mut record = shelves.package(package_id)?.clone();
            if record.rulings.iter().any(|known| known.id == ruling.id) {
                return Ok(record);
            }
            room(record.rulings.len(), self.limits.rulings, "rulings about one package")?;
            record.rulings.push(ruling);
            rows.package(&record)?;
            shelves.put_package(record.clone());
            Ok(record)
        })
        .await
    }

    /// The deployment of a package: the one that exists, or a new one that starts in the ring.
    pub(crate) async fn deployment_of(
        &self,
        package: &Package,
        ring: Ring,
        new_id: Uuid,
        now: Timestamp,
    ) -> Result<Deployment, ApiProblem> {
        self.change(|shelves, rows| {
            let mut record = shelves.package(package.id)?.clone();
            if let Some(id) = record.deployment {
                return shelves.deployment(id).cloned();
            }
            let platforms = package.draft.platforms.iter().copied();
            let deployment = Deployment::new(new_id, package.id, ring, platforms, now);
            record.deployment = Some(new_id);
            rows.deployment(&deployment)?;
            rows.package(&record)?;
            shelves.put_package(record);
            shelves.put_deployment(deployment.clone());
            Ok(deployment)
        })
        .await
    }

    pub(crate) fn deployment(&self, id: Uuid) -> Result<Deployment, ApiProblem> {
        self.shelves.lock().deployment(id).cloned()
    }

    /// Moves a deployment on, unless it has left the ring since the caller looked.
    pub(crate) async fn advance(
        &self,
        id: Uuid,
        from: Ring,
        to: Ring,
        by: Uuid,
    ) -> Result<Deployment, ApiProblem> {
        self.change(|shelves, rows| {
            let mut deployment = shelves.deployment(id)?.clone();
            if deployment.ring != from {
                let detail = format!("somebody else has promoted the deployment to {}", deployment.ring);
                return Err(ApiProblem::conflict("ring_changed", detail));
            }
            deployment.advance(to, by);
            rows.deployment(&deployment)?;
            shelves.put_deployment(deployment.clone());
            Ok(deployment)
        })
        .await
    }

    /// Takes note of how one part of a deployment went.
    pub(crate) async fn record(
        &self,
        id: Uuid,
        ring: Ring,
        platform: Platform,
        outcome: Part,
    ) -> Result<(), ApiProblem> {
        self.change(|shelves, rows| {
            let mut deployment = shelves.deployment(id)?.clone();
            deployment.record(ring, platform, outcome);
            rows.deployment(&deployment)?;
            shelves.put_deployment(deployment);
            Ok(())
        })
        .await
    }

    /// Opens an incident, and lets it raise the blast radius of the package that caused it.
    pub(crate) async fn add_incident(&self, incident: Incident) -> Result<Incident, ApiProblem> {
        self.change(|shelves, rows| {
            if let Some(done) = shelves.incidents.get(&incident.id) {
                return Ok(done.clone());
            }
            let deployment = shelves.deployment(incident.deployment_id)?;
            room(shelves.incidents.len(), self.limits.incidents, "incidents")?;
            let mut record = shelves.package(deployment.package_id)?.clone();
            record.blast_radius = record.blast_radius.max(incident.blast_radius);
            rows.incident(&incident)?;
            rows.package(&record)?;
            shelves.put_package(record);
            shelves.put_incident(incident.clone());
            Ok(incident)
        })
        .await
    }

    pub(crate) fn incident(&self, id: Uuid) -> Result<Incident, ApiProblem> {
        self.shelves.lock().incident(id).cloned()
    }

    pub(crate) async fn resolve(&self, id: Uuid, resolution: Resolution) -> Result<Incident, ApiProblem> {
        self.change(|shelves, rows| {
            let mut incident = shelves.incident(id)?.clone();
            match &incident.resolution {
                Some(done) if done.id == resolution.id => return Ok(incident),
                Some(_) => {
                    let detail = "the incident was resolved before";
                    return Err(ApiProblem::conflict("incident_resolved", detail));
                }
                None => incident.resolution = Some(resolution),
            }
            rows.incident(&incident)?;
            shelves.put_incident(incident.clone());
            Ok(incident)
        })
        .await
    }

    pub(crate) fn open_incidents(&self, deployment_id: Uuid) -> usize {
        let shelves = self.shelves.lock();
        let of_deployment = |incident: &&Incident| incident.deployment_id == deployment_id;
        shelves.incidents.values().filter(of_deployment).filter(|incident| incident.is_open()).count()
    }
}

fn room(used: usize, limit: usize, what: &str) -> Result<(), ApiProblem> {
    if used < limit {
        return Ok(());
    }
    let detail = format!("there is room for {limit} {what}, and it is used up");
    Err(ApiProblem::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", detail))
}
