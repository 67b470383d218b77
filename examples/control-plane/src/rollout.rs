//! Brings a package to its rings: the domain decides, the connectors act, and the failure of one never stops the
//! other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::connectors::{Connectors, Order};
use crate::domain::{Deployment, Gate, Installs, Package, Part, Platform, Promotion, Ring, ShutGate};
use crate::problem::ApiProblem;
use crate::store::{PackageRecord, Store};

/// What the routes ask when a package is to move.
#[derive(Debug)]
pub(crate) struct Rollout<'a> {
    pub(crate) store: &'a Store,
    pub(crate) connectors: &'a Connectors,
}

/// What each connector of a deployment answered.
pub(crate) type Answers<T> = BTreeMap<Platform, Result<T, ApiProblem>>;

impl Rollout<'_> {
    /// Deploys a package to the ring where it stands, or begins its way in the first one.
    ///
    /// May be asked again after a failure: parts that are done are left alone, and an upstream that has seen a
    /// request before recognises it by its key.
    pub(crate) async fn deploy(
        &self,
        package_id: Uuid,
        ring: Ring,
        by: Uuid,
    ) -> Result<Deployment, ApiProblem> {
        let record = self.store.package(package_id)?;
        let now = Timestamp::now();
        pass(&gates_of_arrival(&record, ring, now))?;
        let deployment = self.store.deployment_of(&record.package, ring, by, now).await?;
        // Whoever began it is told of it wherever it is by now.
        if deployment.ring != ring && deployment.id != by {
            let detail =
                format!("the package is in ring {}; promote its deployment to move it on", deployment.ring);
            return Err(ApiProblem::conflict("other_ring", detail).with("deployment_id", text(deployment.id)));
        }
        self.act(&record.package, deployment).await
    }

    /// Moves a deployment to the next ring if every gate is open. If this very request has done so before, it does what
    /// is left.
    pub(crate) async fn promote(&self, id: Uuid, by: Uuid) -> Result<Deployment, ApiProblem> {
        let deployment = self.store.deployment(id)?;
        let record = self.store.package(deployment.package_id)?;
        if deployment.moved_by == by {
            return self.act(&record.package, deployment).await;
        }
        let Some(next) = deployment.ring.next() else {
            return Err(ApiProblem::conflict("last_ring", "there is no ring after global"));
        };
        pass(&self.gates_of_promotion(&record, &deployment, next).await)?;
        let deployment = self.store.advance(id, deployment.ring, next, by).await?;
        tracing::info!(deployment_id = %id, ring = %next, "deployment promoted");
        self.act(&record.package, deployment).await
    }

    /// Asks every connector that has its part how the installs went.
    pub(crate) async fn installs(&self, deployment: &Deployment) -> Answers<Installs> {
        let (windows, macos) = tokio::join!(
            self.installs_on(deployment, Platform::Windows),
            self.installs_on(deployment, Platform::Macos),
        );
        answers(windows, macos)
    }

    async fn installs_on(
        &self,
        deployment: &Deployment,
        on: Platform,
    ) -> Option<Result<Installs, ApiProblem>> {
        match deployment.parts.get(&on)? {
            Part::Deployed { upstream_id } => {
                Some(self.connectors.installs(on.connector(), upstream_id).await)
            }
            Part::Pending | Part::Failed { .. } => None,
        }
    }

    /// Does what is left to do of a deployment. It has failed only if every part has.
    async fn act(&self, package: &Package, deployment: Deployment) -> Result<Deployment, ApiProblem> {
        // Boxed, because a few calls through the whole stack make a large future.
        let (windows, macos) = tokio::join!(
            Box::pin(self.act_on(package, &deployment, Platform::Windows)),
            Box::pin(self.act_on(package, &deployment, Platform::Macos)),
        );
        let after = self.store.deployment(deployment.id)?;
        match [windows, macos].into_iter().flatten().find_map(Result::err) {
            Some(problem) if after.all_failed() => Err(problem.with("deployment_id", text(after.id))),
            _ => Ok(after),
        }
    }

    async fn act_on(
        &self,
        package: &Package,
        deployment: &Deployment,
        on: Platform,
    ) -> Option<Result<(), ApiProblem>> {
        if matches!(deployment.parts.get(&on)?, Part::Deployed { .. }) {
            return None;
        }
        let order = Order { deployment_id: deployment.id, title: package.title(), ring: deployment.ring };
        let result = self.connectors.deploy(on.connector(), &order).await;
        let part = match &result {
            Ok(upstream_id) => Part::Deployed { upstream_id: upstream_id.clone() },
            Err(problem) => Part::Failed { code: problem.code().into() },
        };
        let recorded = self.store.record(deployment.id, deployment.ring, on, part).await;
        Some(result.and(recorded))
    }

    async fn gates_of_promotion(
        &self,
        record: &PackageRecord,
        deployment: &Deployment,
        next: Ring,
    ) -> Vec<ShutGate> {
        let installs = self.installs(deployment).await;
        let installs =
            installs.into_iter().map(|(on, answer)| (on, answer.map_err(|problem| problem.code()))).collect();
        let open_incidents = self.store.open_incidents(deployment.id);
        let permission = record.permission(next, Timestamp::now());
        Promotion { deployment, installs, open_incidents, permission }.shut_gates()
    }
}

fn gates_of_arrival(record: &PackageRecord, ring: Ring, now: Timestamp) -> Vec<ShutGate> {
    let out_of_order = (record.deployment.is_none() && ring != Ring::Canary).then(|| {
        ShutGate::new(
            Gate::RingOrder,
            format!("a package begins in canary and is promoted from there to {ring}"),
        )
    });
    let unpermitted =
        record.permission(ring, now).err().map(|missing| ShutGate::new(Gate::Approval, missing));
    out_of_order.into_iter().chain(unpermitted).collect()
}

fn pass(shut: &[ShutGate]) -> Result<(), ApiProblem> {
    if shut.is_empty() {
        return Ok(());
    }
    let detail = "not every gate is open; `gates` lists those that are shut";
    let gates: Vec<_> = shut.iter().map(|gate| json!(gate)).collect();
    Err(ApiProblem::conflict("gates_shut", detail).with("gates", gates))
}

fn answers<T>(windows: Option<Result<T, ApiProblem>>, macos: Option<Result<T, ApiProblem>>) -> Answers<T> {
    let answers = [(Platform::Windows, windows), (Platform::Macos, macos)];
    answers.into_iter().filter_map(|(platform, answer)| Some((platform, answer?))).collect()
}

fn text(id: Uuid) -> String {
    id.to_string()
}
