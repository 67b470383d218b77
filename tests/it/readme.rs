//! The Rust of the README. It compiles, because each of its lines stands here too.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use buttress::ApiError;
use buttress::audit::log::AuditLog;
use buttress::http::ClientAddrResolver;
use buttress::rate_limit::{Policy, Quota, key};
use buttress::telemetry::RequestLogLayer;
use buttress::{Correlation, Inbound};
use serde_json::json;
use tokio::net::TcpListener;

type App = serde_json::Value;

async fn hello(id: Correlation) -> String {
    format!("hello from {}", id.as_str())
}

fn defaults() {
    let app: Router = Router::new().route("/", get(hello)).layer(Inbound::default());
    drop(app);
}

async fn limits(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let per_address =
        Policy::named("address").key(key::client_addr()).quota(Quota::per_second(50).burst(100));
    let peer = ClientAddrResolver::builder()
        .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0))
        .build()?;
    let inbound = Inbound::builder()
        .rate_limit(|limit| limit.policy(per_address).client_addr(peer))
        .bulkhead(|bulkhead| bulkhead.max_concurrent(200))
        .build()?;
    let app: Router = Router::new().route("/", get(hello)).layer(inbound);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn records() -> Result<(), Box<dyn Error>> {
    let _logs = buttress::telemetry::Logs::from_env()?;
    let inbound = Inbound::builder()
        .telemetry(RequestLogLayer::new())
        .audit(AuditLog::open("/var/lib/app/audit")?, |audit| audit)
        .build()?;
    let app: Router = Router::new().route("/", get(hello)).layer(inbound);
    drop(app);
    Ok(())
}

async fn calls(app: App, deployment: String) -> Result<App, Box<dyn Error>> {
    let intune = buttress::client("intune").build()?;
    let devices = intune.get("https://graph.example/devices").send().await?;
    drop(devices);
    let api = buttress::ApiClient::new(intune, "https://graph.example/v1.0")?;
    let answer = async {
        match api.post("/apps").json(&app).idempotency_key(&deployment).fetch::<App>().await {
            Err(error) if error.is_conflict() => find(&app).await, // it is there already
            Err(error) if error.is_circuit_open() => later(error.retry_after()),
            other => other,
        }
    };
    Ok(answer.await?)
}

#[expect(clippy::unused_async, reason = "in an application it asks")]
async fn find(app: &App) -> Result<App, ApiError> {
    Ok(app.clone())
}

#[expect(clippy::unnecessary_wraps, clippy::result_large_err, reason = "in an application it may fail")]
fn later(after: Option<Duration>) -> Result<App, ApiError> {
    Ok(json!({ "again_after_s": after.map(|after| after.as_secs()) }))
}

#[test]
fn each_line_of_rust_in_the_readme_is_compiled() {
    // Nobody calls them: that they compile is the test.
    let _ = (defaults, limits, records, calls);
    let bare = |line: &str| line.split_whitespace().collect::<String>();
    let here: Vec<_> = include_str!("readme.rs").lines().map(bare).collect();
    let mut parts = include_str!("../../README.md").split("```");
    let mut seen = 0;
    while let Some(block) = parts.nth(1) {
        let Some(rust) = block.strip_prefix("rust\n") else { continue };
        for line in rust.lines().map(bare) {
            assert!(here.contains(&line), "not compiled anywhere: {line}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} lines of Rust were found");
}
