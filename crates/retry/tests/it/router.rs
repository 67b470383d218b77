use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use buttress_core::Ratio;
use buttress_retry::{Budget, HttpRetryLayer, RetryLayer};
use buttress_testkit::message;
use tokio::time::Instant;

fn layer() -> HttpRetryLayer {
    let budget = Budget::builder().ratio(Ratio::ZERO).reserve_per_second(1).build().unwrap();
    RetryLayer::builder().budget(budget).max_attempts(2).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_layer_value_on_many_routes_is_one_budget() {
    let layer = layer();
    let down = || async { StatusCode::SERVICE_UNAVAILABLE };
    let nested = Router::new().route("/two", get(down).layer(layer.clone()));
    let router = Router::new().route("/one", get(down)).layer(layer.clone()).nest("/nested", nested);
    for service in [router.clone(), router] {
        let statuses = message::statuses(&service, ["/one", "/nested/two", "/one"]).await;
        assert_eq!(statuses, [StatusCode::SERVICE_UNAVAILABLE; 3]);
    }
    let usage = layer.budget().usage(Instant::now().into_std());
    assert_eq!((usage.calls, usage.spent, usage.in_flight), (6, 6, 0));
}
