//! What a request brings about has one ID, however often the request runs.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use buttress::idempotency::Idempotency;
use uuid::{Builder, Uuid};

/// The ID of what a request brings about.
///
/// It is made of the request's idempotency record: an attempt that follows a crash has the same one as the attempt that
/// did not come to its end, and so finds what that has done. Whoever puts it on what he creates needs no other lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct EffectId(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for EffectId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let run = parts.extensions.get::<Idempotency>();
        if let Some(run) = run.filter(|run| run.is_recovery()) {
            tracing::warn!(record = %run.id(), attempt = run.attempt(), "an earlier attempt was not finished");
        }
        let key = run.and_then(|run| run.downstream_key("effect").parse::<Uuid>().ok());
        // Without protection, which an operator can turn off, each request is one of its own.
        Ok(Self(
            key.map_or_else(Uuid::new_v4, |key| Builder::from_custom_bytes(key.into_bytes()).into_uuid()),
        ))
    }
}
