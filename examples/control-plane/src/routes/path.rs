//! What stands in a path. Nothing is kept under a name that is malformed, so the answer is that of an unknown one.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::domain::{Connector, Word};
use crate::problem::ApiProblem;

/// The ID of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) Uuid);

/// The name of a connector.
#[derive(Clone, Copy, Debug)]
pub(super) struct By(pub(super) Connector);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let id = Path::<Uuid>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id)).map_err(|_| ApiProblem::not_found("id"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let known = name.ok().and_then(|Path(name)| Connector::from_word(&name));
        known
            .map(Self)
            .ok_or_else(|| ApiProblem::not_found("connector").with("allowed", Connector::allowed()))
    }
}
