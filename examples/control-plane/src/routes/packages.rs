use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use buttress::audit::{AuditHandle, Resource};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::page::page;
use super::{EffectId, Id, Input, Shared};
use crate::domain::{
    BlastRadius, Draft, Package, PackageName, Platform, Requirement, RiskFactor, RiskFactors, Ruling, Score,
    Sha256Digest, Share, Version, Word,
};
use crate::problem::ApiProblem;
use crate::store::PackageRecord;

pub(super) async fn create(
    State(app): Shared,
    EffectId(id): EffectId,
    Extension(audit): Extension<AuditHandle>,
    input: Input,
) -> Result<Response, ApiProblem> {
    let package = Package::new(id, draft(input)?, Timestamp::now());
    let record = app.store.add_package(package).await?;
    let (id, score) = (record.package.id, record.package.risk_score);
    audit.resource(Resource::new("package", id.to_string()));
    tracing::info!(package_id = %id, risk_score = %score, "package taken in");
    let location = [(LOCATION, format!("/api/v1/packages/{id}"))];
    Ok((StatusCode::CREATED, location, Json(Shown::from(record))).into_response())
}

pub(super) async fn show(State(app): Shared, Id(id): Id) -> Result<Json<Shown>, ApiProblem> {
    app.store.package(id).map(|record| Json(record.into()))
}

#[derive(Serialize)]
pub(super) struct Listed {
    total: usize,
    page: u32,
    page_size: u32,
    packages: Vec<Shown>,
}

pub(super) async fn list(State(app): Shared, uri: Uri) -> Result<Json<Listed>, ApiProblem> {
    let page = page(Input::from_query(&uri)?)?;
    let size = page.size as usize;
    let (total, records) = app.store.packages(page.number as usize * size, size);
    let packages = records.into_iter().map(Shown::from).collect();
    Ok(Json(Listed { total, page: page.number, page_size: page.size, packages }))
}

/// Sends the very bytes that were hashed, so that anybody can hash them again.
pub(super) async fn evidence(State(app): Shared, Id(id): Id) -> Result<impl IntoResponse, ApiProblem> {
    let record = app.store.package(id)?;
    let evidence = &record.package.evidence;
    let headers =
        [(CONTENT_TYPE, "application/json".to_owned()), (ETAG, format!("\"{}\"", evidence.sha256()))];
    Ok((headers, evidence.canonical().to_owned()))
}

fn draft(mut input: Input) -> Result<Draft, ApiProblem> {
    let name = input.required("name", PackageName::ALLOWED, |value| PackageName::new(value.as_str()?));
    let version = input.required("version", Version::ALLOWED, |value| Version::new(value.as_str()?));
    let platforms = input.required("platforms", "a list of one or both of windows, macos", platforms);
    let artifact = |value: &Value| Sha256Digest::from_hex(value.as_str()?);
    let artifact = input.required("artifact_sha256", "64 hexadecimal digits", artifact);
    let privileged = input.optional("privileged_tooling", false, "true or false", Value::as_bool);
    let radius = |value: &Value| BlastRadius::from_word(value.as_str()?);
    let radius = input.optional("blast_radius", BlastRadius::Isolated, &BlastRadius::allowed(), radius);
    let risk_factors = input.within("risk_factors", risk_factors);
    input.finish(|| {
        Some(Draft {
            name: name?,
            version: version?,
            platforms: platforms?,
            artifact_sha256: artifact?,
            privileged_tooling: privileged?,
            blast_radius: radius?,
            risk_factors: risk_factors?,
        })
    })
}

fn platforms(value: &Value) -> Option<BTreeSet<Platform>> {
    let words = value.as_array()?;
    let platforms: BTreeSet<_> =
        words.iter().map(|word| Platform::from_word(word.as_str()?)).collect::<Option<_>>()?;
    (!platforms.is_empty() && platforms.len() == words.len()).then_some(platforms)
}

/// Reads all of them, so that every one that is missing or wrong is listed.
fn risk_factors(input: &mut Input) -> Option<RiskFactors> {
    let mut factors = RiskFactors::default();
    let mut complete = true;
    for &factor in RiskFactor::ALL {
        match input.required(factor.as_str(), "0 to 1", |value| Share::new(value.as_f64()?)) {
            Some(share) => factors.set(factor, share),
            None => complete = false,
        }
    }
    complete.then_some(factors)
}

/// A package as callers see it. The ID comes first, for those who read JSON with sed.
#[derive(Serialize)]
pub(super) struct Shown {
    id: Uuid,
    name: PackageName,
    version: Version,
    platforms: BTreeSet<Platform>,
    artifact_sha256: Sha256Digest,
    privileged_tooling: bool,
    blast_radius: BlastRadius,
    risk: Risk,
    evidence_sha256: Sha256Digest,
    rulings: Vec<Ruling>,
    deployment_id: Option<Uuid>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Risk {
    score: Score,
    factors: RiskFactors,
    #[serde(flatten)]
    requirement: Requirement,
}

impl From<PackageRecord> for Shown {
    fn from(record: PackageRecord) -> Self {
        let (package, draft) = (&record.package, &record.package.draft);
        Self {
            id: package.id,
            name: draft.name.clone(),
            version: draft.version.clone(),
            platforms: draft.platforms.clone(),
            artifact_sha256: draft.artifact_sha256,
            privileged_tooling: draft.privileged_tooling,
            blast_radius: record.blast_radius,
            risk: Risk {
                score: package.risk_score,
                factors: draft.risk_factors,
                requirement: record.requirement(),
            },
            evidence_sha256: package.evidence.sha256(),
            created_at: package.created_at,
            deployment_id: record.deployment,
            rulings: record.rulings,
        }
    }
}
