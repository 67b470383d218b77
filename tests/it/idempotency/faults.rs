//! Clients that leave, timeouts, panics, handlers that are slower than a lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::routing::post;
use axum::{Extension, Router};
use buttress::Inbound;
use buttress::fjall::FjallStore;
use buttress::idempotency::{Idempotency, IdempotencyBuilder, IdempotencyLayer};
use control_plane::{ControlPlane, RecordsIn, Unfinished, Upstreams};
use fleet_sim::{Fault, FleetSim, Upstream};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Place, count, is_replay};
use crate::process::folder;
use crate::world::{Answer, IDEMPOTENCY_KEY, World, no_retry, package, until};

/// Asks again until the first request with the key has ended, which must be what is replayed.
async fn replayed(world: &World, path: &str, body: &serde_json::Value) -> Answer {
    let mut answer = None;
    until(async || {
        let again = world.post_with("the-one", path, body.clone()).await;
        let has_ended = again.status != 409;
        answer = Some(again);
        has_ended
    })
    .await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, is_replay(&answer)), (201, true), "{answer:?}");
    answer
}

/// A deployment at an upstream that hangs until somebody lets it go on.
async fn hanging_deployment(world: &World) -> serde_json::Value {
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    json!({ "package_id": id, "ring": "canary" })
}

async fn upstream_is_reached(world: &World) {
    until(async || !world.sim().requests(Upstream::Intune).is_empty()).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_loses_nothing() {
    let world = Place::folder().world().await.with_tokens().await;
    let (path, body) = ("/api/v1/deployments", hanging_deployment(&world).await);
    tokio::select! {
        answer = world.post_with("the-one", path, body.clone()) => panic!("it hangs: {answer:?}"),
        () = upstream_is_reached(&world) => {}
    }
    assert_eq!(world.post_with("the-one", path, body.clone()).await.problem(409), "idempotency_in_flight");
    world.sim().clear_fault(Upstream::Intune);
    assert_eq!(replayed(&world, path, &body).await.json()["state"], "deployed");
    assert_eq!(
        (count(&world, "started").await, count(&world, "recovered").await),
        (2, 0),
        "with the package"
    );
    world.stop().await;
}

#[tokio::test]
async fn what_goes_on_after_a_timeout_outside_is_what_the_next_request_gets() {
    let control_plane = Place::folder().control_plane().request_timeout(Duration::from_secs(1));
    let world = World::with(control_plane).await.with_tokens().await;
    let (path, body) = ("/api/v1/deployments", hanging_deployment(&world).await);
    assert_eq!(world.post_with("the-one", path, body.clone()).await.status, 504);
    world.sim().clear_fault(Upstream::Intune);
    assert_eq!(replayed(&world, path, &body).await.json()["state"], "deployed");
    world.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_work_whose_client_has_left() {
    let sim = FleetSim::start("127.0.0.1:0").await.unwrap();
    let data = folder();
    let control_plane = || {
        let records = RecordsIn::Folder(data.path().join("records"));
        let upstreams = Upstreams::simulated_at(&format!("http://{}", sim.addr()));
        let control_plane = ControlPlane::builder().data(data.path().to_owned()).records(records);
        World::with(control_plane.upstreams(upstreams).resilience(no_retry()))
    };
    let world = control_plane().await;
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    let (path, body) = ("/api/v1/deployments", json!({ "package_id": id, "ring": "canary" }));
    sim.set_fault(Upstream::Intune, Fault::hang()).unwrap();
    tokio::select! {
        answer = world.post_with("the-one", path, body.clone()) => panic!("it hangs: {answer:?}"),
        _ = sim.wait_for_requests(Upstream::Intune, 1) => {}
    }
    let addr = world.addr();
    let let_go = async {
        until(async || TcpStream::connect(addr).await.is_err()).await;
        sim.clear_fault(Upstream::Intune);
    };
    let (unfinished, ()) = tokio::join!(world.stop(), let_go);
    assert_eq!(unfinished, Unfinished { connections: 0, runs: 0 });

    let world = control_plane().await;
    let again = world.post_with("the-one", path, body).await;
    assert_eq!((again.status, is_replay(&again)), (201, true), "{again:?}");
    assert_eq!(again.json()["state"], "deployed");
    world.stop().await;
    sim.shutdown().await;
}

/// An app with one route on a server of its own.
struct App {
    url: String,
    idempotency: IdempotencyLayer<FjallStore>,
    _server: JoinSet<()>,
    _folder: TempDir,
}

impl App {
    async fn start<H, T>(
        handler: H,
        keys: impl FnOnce(IdempotencyBuilder<FjallStore>) -> IdempotencyBuilder<FjallStore>,
    ) -> Self
    where
        H: axum::handler::Handler<T, ()>,
        T: 'static,
    {
        let folder = folder();
        let store = FjallStore::open(folder.path()).unwrap();
        let inbound = Inbound::builder().idempotency(store, |layer| keys(layer.one_scope_for_all()));
        let inbound = inbound.build().unwrap();
        let idempotency = inbound.idempotency().clone();
        let app = Router::new().route("/", post(handler)).layer(inbound);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, idempotency, _server: server, _folder: folder }
    }

    async fn ask(&self, key: &str) -> Answer {
        Answer::to(reqwest::Client::new().post(&self.url).header(IDEMPOTENCY_KEY, key)).await
    }
}

#[tokio::test]
async fn after_a_panic_the_next_request_runs_as_the_second_attempt() {
    async fn panics_at_first(Extension(run): Extension<Idempotency>) -> String {
        assert!(run.is_recovery(), "as it should");
        format!("attempt {}", run.attempt())
    }
    let app = App::start(panics_at_first, |keys| keys).await;
    assert_eq!(app.ask("k").await.problem(500), "idempotency_handler_panicked");
    let second = app.ask("k").await;
    assert_eq!((second.text.as_str(), is_replay(&second)), ("attempt 2", false));
    let third = app.ask("k").await;
    assert_eq!((third.text.as_str(), is_replay(&third)), ("attempt 2", true));
}

#[tokio::test]
async fn a_handler_that_is_slower_than_its_lease_keeps_it() {
    const LEASE: Duration = Duration::from_secs(1);
    let (runs, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let slow = {
        let (runs, go_on) = (Arc::clone(&runs), Arc::clone(&go_on));
        move || async move {
            runs.fetch_add(1, Ordering::SeqCst);
            go_on.notified().await;
            "done"
        }
    };
    let app = App::start(slow, |keys| keys.lease(LEASE)).await;
    let others = async {
        tokio::time::sleep(LEASE * 5 / 2).await;
        let other = app.ask("k").await;
        go_on.notify_waiters();
        other
    };
    let (first, other) = tokio::join!(app.ask("k"), others);
    assert_eq!(other.problem(409), "idempotency_in_flight");
    assert_eq!((first.text.as_str(), runs.load(Ordering::SeqCst)), ("done", 1));
    assert!(is_replay(&app.ask("k").await));
    assert_eq!(app.idempotency.shutdown(Duration::ZERO).await, 0);
}
