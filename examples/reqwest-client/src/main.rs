//! A reqwest client with a circuit breaker, retries, timeouts and a deadline around it.
//!
//! ```sh
//! cargo run -p fleet-sim &                                     # an upstream that breaks on command
//! cargo run -p reqwest-client http://127.0.0.1:9090/intune/v1.0/deviceManagement/managedDevices
//! # four times 401, since it shows no token: an answer like any other, and no failure
//! curl -X PUT localhost:9090/faults/intune -d '{"outage": true}'
//! cargo run -p reqwest-client http://127.0.0.1:9090/intune/v1.0/deviceManagement/managedDevices
//! # one call fails with all its attempts, the others are refused by the breaker
//! ```
#![expect(clippy::print_stdout, reason = "that is all it does")]

use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: reqwest-client URL")?;
    let client = buttress::client("devices")
        .timeout(Duration::from_secs(5))
        .attempt_timeout(Duration::from_secs(1))
        .retry(|retry| retry.max_attempts(3))
        .circuit_breaker(|breaker| breaker.consecutive_failures(5).open_for(Duration::from_secs(10)))
        .build()?;
    for call in 1..=4 {
        match client.get(&url).send().await {
            Ok(response) => println!("call {call}: {}", response.status()),
            Err(error) if error.is_circuit_open() => {
                println!(
                    "call {call}: refused, come back in {:.1?}",
                    error.retry_after().unwrap_or_default()
                );
            }
            Err(error) => println!("call {call}: {error}, {:?}", error.source().map(ToString::to_string)),
        }
    }
    Ok(())
}
