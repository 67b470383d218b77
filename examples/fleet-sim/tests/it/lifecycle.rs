use fleet_sim::{Fault, FleetSim, Outcome, Upstream};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::site::{Site, within};

#[tokio::test]
async fn shutdown_ends_hanging_and_dribbling_requests() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let slow = Fault { slow_body_ms: Some(60_000), ..Fault::default() };
    site.sim.set_fault(Upstream::Jamf, slow).unwrap();
    let hanging = tokio::spawn(site.to(Upstream::Intune, Method::GET, "/x").send());
    within(site.sim.wait_for_requests(Upstream::Intune, 1)).await;
    let dribbling = site.to(Upstream::Jamf, Method::GET, "/x").send().await.unwrap();

    within(site.sim.shutdown()).await;
    assert!(within(hanging).await.unwrap().is_err());
    assert!(within(dribbling.bytes()).await.is_err());
}

#[tokio::test]
async fn shutdown_lets_go_of_idle_connections_and_of_the_port() {
    let sim = FleetSim::start("127.0.0.1:0").await.unwrap();
    let addr = sim.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    within(sim.shutdown()).await;
    assert_eq!(within(idle.read(&mut [0; 1])).await.ok().unwrap_or_default(), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let Site { sim, .. } = Site::open().await;
    let addr = sim.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    drop(sim);
    assert_eq!(within(idle.read(&mut [0; 1])).await.ok().unwrap_or_default(), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn dropping_the_handle_cuts_a_hanging_request_without_a_grace() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let hanging = tokio::spawn(site.to(Upstream::Intune, Method::GET, "/x").send());
    within(site.sim.wait_for_requests(Upstream::Intune, 1)).await;
    // From here the clock moves only if something waits for it.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    drop(site);
    assert!(hanging.await.unwrap().is_err());
    assert_eq!(start.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn two_simulations_share_nothing() {
    let (one, other) = (Site::open().await, Site::open().await);
    one.sim.set_fault(Upstream::Intune, Fault::outage()).unwrap();
    other.token(Upstream::Intune).await;
    assert_eq!(one.sim.requests(Upstream::Intune), []);
    assert_eq!(other.sim.requests(Upstream::Intune)[0].outcome, Outcome::Answered);
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let sim = FleetSim::start("127.0.0.1:0").await.unwrap();
    let why = FleetSim::start(sim.addr()).await.unwrap_err();
    assert_eq!(why.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn headers_without_end_are_refused_at_their_limit() {
    let sim = FleetSim::start("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let mut endless = b"GET /intune/x HTTP/1.1\r\nx-long: ".to_vec();
    endless.resize(32 * 1024, b'x');
    stream.write_all(&endless).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 431"));
}
