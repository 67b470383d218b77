use std::collections::HashMap;

use uuid::Uuid;

use super::PackageRecord;
use crate::domain::{Deployment, Incident};
use crate::problem::ApiProblem;

/// What is remembered, by its ID.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    pub(super) packages: HashMap<Uuid, PackageRecord>,
    pub(super) titles: HashMap<String, Uuid>,
    pub(super) deployments: HashMap<Uuid, Deployment>,
    pub(super) incidents: HashMap<Uuid, Incident>,
}

impl Shelves {
    pub(super) fn package(&self, id: Uuid) -> Result<&PackageRecord, ApiProblem> {
        self.packages.get(&id).ok_or_else(|| ApiProblem::not_found("package"))
    }

    pub(super) fn deployment(&self, id: Uuid) -> Result<&Deployment, ApiProblem> {
        self.deployments.get(&id).ok_or_else(|| ApiProblem::not_found("deployment"))
    }

    pub(super) fn incident(&self, id: Uuid) -> Result<&Incident, ApiProblem> {
        self.incidents.get(&id).ok_or_else(|| ApiProblem::not_found("incident"))
    }

    pub(super) fn put_package(&mut self, record: PackageRecord) {
        let id = record.package.id;
        self.titles.insert(record.package.title(), id);
        self.packages.insert(id, record);
    }

    pub(super) fn put_deployment(&mut self, deployment: Deployment) {
        self.deployments.insert(deployment.id, deployment);
    }

    pub(super) fn put_incident(&mut self, incident: Incident) {
        self.incidents.insert(incident.id, incident);
    }
}
