use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use buttress::audit::{Action, AuditHandle};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::packages::Shown;
use super::{EffectId, Id, Input, Shared};
use crate::audit::exception_granted;
use crate::domain::{Need, Ruling, Verdict, words};
use crate::problem::ApiProblem;

/// No exception lasts longer.
const LONGEST_EXCEPTION: SignedDuration = SignedDuration::from_hours(90 * 24);

words! {
    /// What somebody decides about a package and a ring.
    Decision {
        Approve = "approve",
        Reject = "reject",
        Exception = "exception",
    }
}

pub(super) async fn create(
    State(app): Shared,
    Id(id): Id,
    EffectId(ruling_id): EffectId,
    Extension(audit): Extension<AuditHandle>,
    input: Input,
) -> Result<(StatusCode, Json<Shown>), ApiProblem> {
    let need = app.store.package(id)?.requirement().need;
    let ruling = ruling(ruling_id, input, Timestamp::now())?;
    audit.action(match ruling.verdict {
        Verdict::Approve { .. } => Action::APPROVED,
        Verdict::Reject { .. } => Action::REJECTED,
        Verdict::Exception { .. } => exception_granted(),
    });
    audit.detail("ring", ruling.ring);
    audit.detail("by", &ruling.by);
    if need == Need::Exception && matches!(ruling.verdict, Verdict::Approve { .. }) {
        let detail =
            "the package needs an exception with an expiry and compensating controls; approval is not enough";
        return Err(ApiProblem::conflict("exception_required", detail));
    }
    tracing::info!(package_id = %id, ring = %ruling.ring, verdict = ruling.verdict.as_str(), "ruling taken in");
    let record = app.store.add_ruling(id, ruling).await?;
    Ok((StatusCode::CREATED, Json(record.into())))
}

fn ruling(id: Uuid, mut input: Input, now: Timestamp) -> Result<Ruling, ApiProblem> {
    let ring = input.word("ring");
    let by = input.text("by");
    let verdict = input.word("decision").and_then(|decision| match decision {
        Decision::Approve => Some(Verdict::Approve { conditions: input.texts("conditions", 0)? }),
        Decision::Reject => Some(Verdict::Reject { reason: input.text("reason")? }),
        Decision::Exception => exception(&mut input, now),
    });
    input.finish(|| Some(Ruling { id, ring: ring?, by: by?, decided_at: now, verdict: verdict? }))
}

fn exception(input: &mut Input, now: Timestamp) -> Option<Verdict> {
    let allowed = "a time in the future (RFC 3339), at most 90 days from now";
    let expires_at = input.required("expires_at", allowed, |value| expiry(value, now));
    let compensating_controls = input.texts("compensating_controls", 1);
    Some(Verdict::Exception { expires_at: expires_at?, compensating_controls: compensating_controls? })
}

fn expiry(value: &Value, now: Timestamp) -> Option<Timestamp> {
    let at: Timestamp = value.as_str()?.parse().ok()?;
    (at > now && at.duration_since(now) <= LONGEST_EXCEPTION).then_some(at)
}
