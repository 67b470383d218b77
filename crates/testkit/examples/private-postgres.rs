//! Starts a PostgreSQL of its own, prints where it is, and stops it when its input ends: for programs that want one and
//! are no tests. `cargo run -p buttress-testkit --example private-postgres`.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::io::{self, Read as _};

use buttress_testkit::postgres::PostgresServer;

fn main() -> io::Result<()> {
    let server = PostgresServer::start();
    println!("{}", server.url());
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(server);
    Ok(())
}
