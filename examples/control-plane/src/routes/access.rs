use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::millis;

/// Writes one line for each request that was answered. The route is the pattern and not the path, which a stranger
/// chooses.
pub(crate) async fn noted(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let (status, elapsed_ms) = (response.status().as_u16(), millis(started.elapsed()));
    tracing::info!(%method, route, status, elapsed_ms, "request answered");
    response
}
