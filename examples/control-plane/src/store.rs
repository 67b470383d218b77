//! What the control plane remembers, in memory and bounded. It is gone when the process ends; a real one would keep it
//! in a database behind the same methods.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::domain::{
    BlastRadius, Deployment, Incident, Package, PackageName, Part, Platform, Requirement, Resolution, Ring,
    Ruling, Version, permission, requirement,
};
use crate::problem::ApiProblem;

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
#[derive(Clone, Debug)]
pub(crate) struct PackageRecord {
    pub(crate) package: Arc<Package>,
    pub(crate) rulings: Vec<Ruling>,
    /// The declared one, or that of the worst incident.
    pub(crate) blast_radius: BlastRadius,
    pub(crate) deployment: Option<Uuid>,
}

impl PackageRecord {
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
}

#[derive(Debug, Default)]
struct Shelves {
    packages: HashMap<Uuid, PackageRecord>,
    titles: HashMap<(PackageName, Version), Uuid>,
    deployments: HashMap<Uuid, Deployment>,
    incidents: HashMap<Uuid, Incident>,
}

impl Store {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, shelves: Mutex::default() }
    }

    pub(crate) fn add_package(&self, package: Package) -> Result<PackageRecord, ApiProblem> {
        let mut shelves = self.shelves.lock();
        let title = (package.draft.name.clone(), package.draft.version.clone());
        if let Some(known) = shelves.titles.get(&title) {
            let detail = "a package of this name and version exists; its evidence cannot be changed";
            return Err(ApiProblem::conflict("package_exists", detail).with("package_id", known.to_string()));
        }
        room(shelves.packages.len(), self.limits.packages, "packages")?;
        let record = PackageRecord {
            blast_radius: package.draft.blast_radius,
            rulings: Vec::new(),
            deployment: None,
            package: Arc::new(package),
        };
        let id = record.package.id;
        shelves.titles.insert(title, id);
        shelves.packages.insert(id, record.clone());
        Ok(record)
    }

    pub(crate) fn package(&self, id: Uuid) -> Result<PackageRecord, ApiProblem> {
        self.shelves.lock().packages.get(&id).cloned().ok_or_else(|| ApiProblem::not_found("package"))
    }

    pub(crate) fn add_ruling(&self, package_id: Uuid, ruling: Ruling) -> Result<PackageRecord, ApiProblem> {
        let mut shelves = self.shelves.lock();
        let record = shelves.packages.get_mut(&package_id).ok_or_else(|| ApiProblem::not_found("package"))?;
        room(record.rulings.len(), self.limits.rulings, "rulings about one package")?;
        record.rulings.push(ruling);
        Ok(record.clone())
    }

    /// The deployment of a package: the one that exists, or a new one that starts in the ring.
    pub(crate) fn deployment_of(
        &self,
        package: &Package,
        ring: Ring,
        now: Timestamp,
    ) -> Result<Deployment, ApiProblem> {
        let mut shelves = self.shelves.lock();
        let Shelves { packages, deployments, .. } = &mut *shelves;
        let record = packages.get_mut(&package.id).ok_or_else(|| ApiProblem::not_found("package"))?;
        let id = *record.deployment.get_or_insert_with(Uuid::new_v4);
        let new = || Deployment::new(id, package.id, ring, package.draft.platforms.iter().copied(), now);
        Ok(deployments.entry(id).or_insert_with(new).clone())
    }

    pub(crate) fn deployment(&self, id: Uuid) -> Result<Deployment, ApiProblem> {
        self.shelves.lock().deployments.get(&id).cloned().ok_or_else(|| ApiProblem::not_found("deployment"))
    }

    /// Moves a deployment on, unless it has left the ring since the caller looked.
    pub(crate) fn advance(&self, id: Uuid, from: Ring, to: Ring) -> Result<Deployment, ApiProblem> {
        let mut shelves = self.shelves.lock();
        let deployment =
            shelves.deployments.get_mut(&id).ok_or_else(|| ApiProblem::not_found("deployment"))?;
        if deployment.ring != from {
            let detail = format!("somebody else has promoted the deployment to {}", deployment.ring);
            return Err(ApiProblem::conflict("ring_changed", detail));
        }
        deployment.advance(to);
        Ok(deployment.clone())
    }

    /// Takes note of how one part of a deployment went.
    pub(crate) fn record(&self, id: Uuid, ring: Ring, platform: Platform, outcome: Part) {
        if let Some(deployment) = self.shelves.lock().deployments.get_mut(&id) {
            deployment.record(ring, platform, outcome);
        }
    }

    /// Opens an incident, and lets it raise the blast radius of the package that caused it.
    pub(crate) fn add_incident(&self, incident: &Incident) -> Result<(), ApiProblem> {
        let mut shelves = self.shelves.lock();
        let Shelves { packages, deployments, incidents, .. } = &mut *shelves;
        let deployment =
            deployments.get(&incident.deployment_id).ok_or_else(|| ApiProblem::not_found("deployment"))?;
        room(incidents.len(), self.limits.incidents, "incidents")?;
        if let Some(record) = packages.get_mut(&deployment.package_id) {
            record.blast_radius = record.blast_radius.max(incident.blast_radius);
        }
        incidents.insert(incident.id, incident.clone());
        Ok(())
    }

    pub(crate) fn incident(&self, id: Uuid) -> Result<Incident, ApiProblem> {
        self.shelves.lock().incidents.get(&id).cloned().ok_or_else(|| ApiProblem::not_found("incident"))
    }

    pub(crate) fn resolve(&self, id: Uuid, resolution: Resolution) -> Result<Incident, ApiProblem> {
        let mut shelves = self.shelves.lock();
        let incident = shelves.incidents.get_mut(&id).ok_or_else(|| ApiProblem::not_found("incident"))?;
        if !incident.is_open() {
            return Err(ApiProblem::conflict("incident_resolved", "the incident was resolved before"));
        }
        incident.resolution = Some(resolution);
        Ok(incident.clone())
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
