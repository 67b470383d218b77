//! The copy of the audit log in PostgreSQL: nobody waits for it, and nothing is missing from it.

use buttress_testkit::postgres::PostgresServer;
use control_plane::{ControlPlane, Secret};
use serde_json::Value;

use crate::process::{folder, run};
use crate::world::{World, no_retry, package, until};

#[tokio::test]
async fn a_copy_that_is_gone_for_a_while_stops_no_request_and_catches_up() {
    let mut postgres = PostgresServer::start_careless();
    let (data, url) = (folder(), postgres.url());
    let control_plane = || {
        let keep = ControlPlane::builder().resilience(no_retry()).audit(data.path().join("audit"));
        keep.audit_to(Secret::new(&*url))
    };
    let world = World::with(control_plane()).await;
    create(&world, "before").await;
    until(async || copied(&world).await).await;

    postgres.kill();
    create(&world, "meanwhile").await;
    assert!(!copied(&world).await);
    let ready = world.get("/health/ready").await;
    assert_eq!(ready.status, 200, "nobody waits for the copy");

    postgres.restart();
    until(async || copied(&world).await).await;
    let before = seen(&world).await;
    world.stop().await;

    // It goes on where it was, and not from the beginning.
    let world = World::with(control_plane()).await;
    until(async || copied(&world).await).await;
    assert!(seen(&world).await["copy"]["confirmed"].as_u64() > before["copy"]["confirmed"].as_u64());
    world.stop().await;
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_at_the_start_is_called_by_its_name() {
    let data = folder();
    let args =
        ["--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap(), "--idempotency", "memory"];
    let copy = ["--audit-to", "postgres", "--postgres", "postgres://nobody:s3cret@127.0.0.1:1/nothing"];
    let output = run(&[&args[..], &copy[..]].concat(), &[]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    let told = told.lines().last().unwrap_or_default();
    assert!(told.starts_with("control-plane: cannot copy the audit log to PostgreSQL: "), "{told}");
    assert!(
        told.contains("127.0.0.1:1") && !told.contains("idempotency") && !told.contains("s3cret"),
        "{told}"
    );
}

async fn create(world: &World, name: &str) {
    let answer = world.post("/api/v1/packages", package(name, &["windows"], 0.1)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

async fn seen(world: &World) -> Value {
    world.get("/api/v1/health/audit").await.json()
}

/// Whether the copy has all that is in the log.
async fn copied(world: &World) -> bool {
    let health = seen(world).await;
    health["head"] == health["copy"]["confirmed"]
}
