//! Private PostgreSQL servers: started, stopped, paused and killed by the test that owns them.
//!
//! A server listens on a port of its own on the loopback address, keeps its data in a folder of its own, and goes with
//! the value that owns it: also when the test panics, and when its process is killed. All calls block the thread until
//! the state they ask for is reached. The programs `initdb` and `postgres` are looked for in the search path, and where
//! Debian keeps them. PostgreSQL does not run as root; for root it runs as the user `postgres`, or else `nobody`.
//!
//! Linux only: which processes belong to a server is read from `/proc`.
//!
//! ```no_run
//! use buttress_testkit::postgres::PostgresServer;
//!
//! let mut server = PostgresServer::start();
//! println!("{}", server.url()); // postgres://postgres@127.0.0.1:40417/postgres
//! server.kill();
//! server.restart(); // what was committed is still there
//! ```

mod database;
mod server;
mod user;

pub use server::PostgresServer;
