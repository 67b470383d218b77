//! The inbound stack on an Axum app that exists already: one `.layer`, and every request has a correlation ID, a
//! deadline, clocks on its body, and a limit for the address that it comes from.
//!
//! ```sh
//! cargo run -p axum-stack
//! curl -i -H 'x-correlation-id: order-17' localhost:3000/    # the ID comes back
//! curl -i localhost:3000/slow                                # 504 after a second, as a problem document
//! curl -so /dev/null -w '%{http_code}\n' 'localhost:3000/?[1-9]'   # five in a second, then 429
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use buttress::http::ClientAddrResolver;
use buttress::rate_limit::{Policy, Quota, key};
use buttress::{Correlation, Inbound};

async fn hello(Correlation(id): Correlation) -> String {
    format!("hello, this is request {id}\n")
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "nobody waits for this\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Axum knows the peer, and this says where it puts it. Behind a proxy the resolver has to be told which one.
    let peer = ClientAddrResolver::builder()
        .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0))
        .build()?;
    let per_address = Policy::named("address").key(key::client_addr()).quota(Quota::per_second(5));
    let stack = Inbound::builder()
        .total(Duration::from_secs(1))
        .rate_limit(|limit| limit.policy(per_address).client_addr(peer))
        .build()?;
    let app = Router::new().route("/", get(hello)).route("/slow", get(slow)).layer(stack);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
