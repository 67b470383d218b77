//! The tokens under which upstreams are called.

use control_plane::{ClientCredentials, ControlPlane, JamfCredentials, Secret, Upstreams, UserCredentials};
use fleet_sim::{FleetSim, SeenRequest, Upstream};

use crate::world::{World, no_retry, quick};

fn outline(seen: &[SeenRequest]) -> Vec<(&str, Option<u16>)> {
    seen.iter().map(|request| (request.path.rsplit(['/', '?']).next().unwrap(), request.status)).collect()
}

fn token_requests(seen: &[SeenRequest]) -> usize {
    seen.iter().filter(|request| request.path.ends_with("/token")).count()
}

#[tokio::test]
async fn one_token_serves_calls_that_begin_together() {
    let world = World::start().await;
    let devices = || world.devices(Upstream::Intune);
    let answers = tokio::join!(devices(), devices(), devices(), devices());
    assert_eq!([answers.0.status, answers.1.status, answers.2.status, answers.3.status], [200; 4]);
    let seen = world.sim().requests(Upstream::Intune);
    assert_eq!((seen.len(), token_requests(&seen)), (5, 1));
    world.stop().await;
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_the_caller_notices_nothing() {
    let world = World::guarded_by(no_retry()).await.with_tokens().await;
    world.sim().revoke_tokens(Upstream::Intune);
    let path = "/api/v1/devices/intune?page_size=1";
    assert_eq!(world.get(path).await.status, 200);
    let seen = world.sim().requests(Upstream::Intune);
    let statuses: Vec<_> = seen.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(401), Some(200), Some(200)], "{:?}", outline(&seen));
    assert_eq!(token_requests(&seen), 1);
    world.stop().await;
}

async fn with_jamf_credentials(
    jamf: JamfCredentials,
    intune_secret: &'static str,
) -> (fleet_sim::Running, World) {
    let sim = FleetSim::start("127.0.0.1:0").await.unwrap();
    let upstreams = Upstreams::simulated_at(&format!("http://{}", sim.addr()));
    let intune = ClientCredentials { secret: Secret::new(intune_secret), ..upstreams.intune.clone() };
    let upstreams = Upstreams { jamf, intune, ..upstreams };
    (sim, World::with(ControlPlane::builder().upstreams(upstreams).resilience(quick())).await)
}

#[tokio::test]
async fn jamf_is_shown_user_and_password_when_it_refuses_the_client() {
    let client = ClientCredentials { id: "nobody".to_owned(), secret: Secret::new("nothing") };
    let user =
        UserCredentials { name: fleet_sim::USERNAME.to_owned(), password: Secret::new(fleet_sim::PASSWORD) };
    let (sim, world) = with_jamf_credentials(JamfCredentials::Either(client, user), "wrong").await;
    assert_eq!(world.devices(Upstream::Jamf).await.status, 200);
    let seen = sim.requests(Upstream::Jamf);
    let paths: Vec<_> = seen.iter().map(|request| request.path.split('?').next().unwrap()).collect();
    assert_eq!(
        paths,
        ["/jamf/api/oauth/token", "/jamf/api/v1/auth/token", "/jamf/api/v1/computers-inventory"]
    );
    world.stop().await;
    sim.shutdown().await;
}

#[tokio::test]
async fn refused_credentials_are_our_fault_and_open_no_breaker() {
    let user = UserCredentials { name: "nobody".to_owned(), password: Secret::new("nothing") };
    let (sim, world) = with_jamf_credentials(JamfCredentials::User(user), "wrong").await;
    for upstream in Upstream::ALL {
        for _ in 0..6 {
            assert_eq!(world.devices(upstream).await.problem(502), "upstream_failed");
        }
        assert_eq!(world.breaker(upstream).await["state"], "closed", "{upstream}");
    }
    world.stop().await;
    sim.shutdown().await;
}
