use axum::extract::{Extension, MatchedPath, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use buttress::audit::log::AuditLog;
use buttress::audit::{
    Action, AuditBuilder, AuditHandle, Category, Counted, Level, Outcome, Resource, Rule, Service,
};
use buttress::http::ClientAddrResolver;

use super::{Code, LOG};

/// What is done here that has no ready-made word.
macro_rules! actions {
    ($($name:ident = $word:literal in $category:ident,)+) => {
        $(pub(crate) fn $name() -> Action {
            own($word, Category::$category)
        })+

        #[cfg(test)]
        const ALL: &[fn() -> Action] = &[$($name),+];
    };
}

actions! {
    ruling = "RULING" in Financial,
    exception_granted = "EXCEPTION_GRANTED" in Financial,
    deployment_started = "DEPLOYMENT_STARTED" in Deployment,
    deployment_promoted = "DEPLOYMENT_PROMOTED" in Deployment,
    incident_opened = "INCIDENT_OPENED" in Deployment,
    incident_resolved = "INCIDENT_RESOLVED" in Deployment,
    audit_read = "AUDIT_READ" in Admin,
}

fn own(word: &'static str, category: Category) -> Action {
    // Every word here can be one.
    Action::custom(word, category).unwrap_or(Action::REQUEST)
}

/// What is recorded of which route. Whoever asks for our health leaves no record.
///
/// Rulings and looks into the log itself are recorded before they happen too, and do not happen if they cannot be.
pub(crate) fn recorded(
    layer: AuditBuilder<Counted<AuditLog>>,
    clients: ClientAddrResolver,
) -> AuditBuilder<Counted<AuditLog>> {
    let post = |route, action| Rule::route(route).method(Method::POST).action(action);
    layer
        .client_addr(clients)
        .service(Service::new(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")))
        .route_with(|head| head.extensions.get::<MatchedPath>().map(|route| route.as_str().into()))
        .rule(Rule::path("/health").level(Level::None))
        .rule(Rule::path("/api/v1/health").level(Level::None))
        .rule(Rule::path(LOG).level(Level::Query).action(audit_read()))
        .rule(post("/api/v1/packages/{id}/approval", ruling()).resource_with(package))
        .rule(post("/api/v1/deployments", deployment_started()))
        .rule(post("/api/v1/deployments/{id}/promote", deployment_promoted()).resource_with(deployment))
        .rule(post("/api/v1/incidents", incident_opened()))
        .rule(post("/api/v1/incidents/{id}/resolve", incident_resolved()).resource_with(incident))
}

fn package(head: &Parts) -> Option<Resource> {
    named(head, "package")
}

fn deployment(head: &Parts) -> Option<Resource> {
    named(head, "deployment")
}

fn incident(head: &Parts) -> Option<Resource> {
    named(head, "incident")
}

/// What the path names: `/api/v1/packages/{id}/approval`.
fn named(head: &Parts, kind: &'static str) -> Option<Resource> {
    head.uri.path().split('/').nth(4).map(|id| Resource::new(kind, id))
}

/// Tells the record of a request why it was refused, in the word that the caller reads too. Stands inside of
/// idempotency, so that it sees the answer as it was made.
pub(crate) async fn explained(
    audit: Option<Extension<AuditHandle>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if let Some((Extension(audit), code)) = audit.zip(response.extensions().get::<Code>()) {
        if code.is_denial {
            audit.outcome(Outcome::Denied);
        }
        audit.reason(code.word);
        if response.status().is_server_error() {
            // There the layer goes by the status, which says less.
            audit.detail("code", code.word);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_of_our_own_has_its_word() {
        for action in ALL {
            assert_ne!(action(), Action::REQUEST);
        }
    }
}
