//! The inbound stack on an Axum app that exists already: one `.layer`, and every request has a correlation ID, a
//! deadline and clocks on its body.
//!
//! ```sh
//! cargo run -p axum-stack
//! curl -i -H 'x-correlation-id: order-17' localhost:3000/    # the ID comes back
//! curl -i localhost:3000/slow                                # 504 after a second, as a problem document
//! ```

use std::error::Error;
use std::time::Duration;

use axum::{Router, routing::get};
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
    let stack = Inbound::builder().total(Duration::from_secs(1)).build()?;
    let app = Router::new().route("/", get(hello)).route("/slow", get(slow)).layer(stack);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
