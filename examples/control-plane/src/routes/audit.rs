use axum::Json;
use axum::extract::{Extension, State};
use axum::http::Uri;
use buttress::audit::log::{OwnedLine, Query};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{App, Input, Shared};
use crate::callers::{API_KEY, Caller};
use crate::problem::ApiProblem;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// One page of records, the newest first.
#[derive(Serialize)]
pub(super) struct Listed {
    records: Vec<Record>,
    /// What `before` is for the next page; nothing if there are no older records.
    next: Option<u64>,
    /// Lines that are not what was written; `buttress-audit verify` says more.
    damaged: u64,
}

#[derive(Serialize)]
struct Record {
    seq: u64,
    /// As it was written, and redacted before that.
    event: Box<RawValue>,
}

pub(super) async fn list(
    State(app): Shared,
    caller: Option<Extension<Caller>>,
    uri: Uri,
) -> Result<Json<Listed>, ApiProblem> {
    app.only_admins(caller)?;
    let Asked { query, before, limit } = asked(Input::from_query(&uri)?)?;
    let page = app.audit.page(query, before, limit).await.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be read");
        ApiProblem::unavailable("audit_unreadable", "the audit log cannot be read at present")
    })?;
    Ok(Json(Listed {
        records: page.records.iter().filter_map(Record::of).collect(),
        next: page.next,
        damaged: page.damaged,
    }))
}

/// Who did what how often, since the start.
pub(super) async fn statistics(
    State(app): Shared,
    caller: Option<Extension<Caller>>,
) -> Result<Json<Value>, ApiProblem> {
    app.only_admins(caller)?;
    let counted = app.audit.statistics();
    Ok(Json(json!({ "success_rate": counted.success_rate(), "counted": counted })))
}

impl App {
    /// Both are hashes, so that nothing of the key shows in how long a comparison takes.
    fn only_admins(&self, caller: Option<Extension<Caller>>) -> Result<(), ApiProblem> {
        let Some(admin) = self.admin else {
            let detail =
                "no administrator is known: start the server with BUTTRESS_ADMIN_KEY in the environment";
            return Err(ApiProblem::forbidden("no_admin_key", detail));
        };
        if caller.is_some_and(|Extension(caller)| caller == admin) {
            return Ok(());
        }
        let detail = format!("only administrators may read this: the field {API_KEY} needs the key of one");
        Err(ApiProblem::forbidden("not_an_admin", detail))
    }
}

impl Record {
    fn of(line: &OwnedLine) -> Option<Self> {
        let event = String::from_utf8(line.event().to_vec()).ok()?;
        Some(Self { seq: line.seq(), event: RawValue::from_string(event).ok()? })
    }
}

/// Which records are asked for.
struct Asked {
    query: Query,
    before: Option<u64>,
    limit: usize,
}

fn asked(mut input: Input) -> Result<Asked, ApiProblem> {
    let mut query = Query::new();
    for filter in Query::FILTERS {
        let Some(value) = input.given(filter) else { continue };
        // Each by itself, so that one that is wrong does not accuse those after it.
        match query.clone().with(filter, value.as_str().unwrap_or_default()) {
            Ok(narrower) => query = narrower,
            Err(wrong) => input.refuse(filter, &value, wrong.allowed()),
        }
    }
    let number = |value: &Value| value.as_str()?.parse().ok();
    let before =
        input.optional("before", None, "the `next` of another page", |value| number(value).map(Some));
    let limit = |value: &Value| value.as_str()?.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = input.optional("limit", DEFAULT_LIMIT, "1 to 500", limit);
    input.finish(|| Some(Asked { query, before: before?, limit: limit? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_wrong_accuses_no_other() {
        let uri = Uri::from_static("/api/v1/audit?outcome=maybe&since=2026-11-21&limit=0");
        let refused = Input::from_query(&uri).and_then(asked).err().map(|problem| json!(problem));
        let problems = refused.as_ref().and_then(|document| document["problems"].as_array());
        let fields: Vec<_> = problems.into_iter().flatten().map(|problem| &problem["field"]).collect();
        assert_eq!(fields, ["outcome", "limit"]);
    }
}
