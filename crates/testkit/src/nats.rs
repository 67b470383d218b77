//! Private NATS servers with JetStream: started, stopped, paused and killed by the test that owns them.
//!
//! A server listens on a port of its own on the loopback address, keeps its streams in a folder of its own, and goes
//! with the value that owns it: also when the test panics, and when its process is killed. All calls block the thread
//! until the state they ask for is reached. The program `nats-server` is looked for in the search path, and where
//! Debian keeps it.
//!
//! ```no_run
//! use buttress_testkit::nats::NatsServer;
//!
//! let mut server = NatsServer::start();
//! server.ask("$JS.API.STREAM.CREATE.orders", r#"{"name":"orders","subjects":["orders"],"storage":"file"}"#);
//! assert_eq!(server.ask("orders", "one"), r#"{"stream":"orders", "seq":1}"#);
//! server.kill();
//! server.restart();
//! assert_eq!(server.ask("orders", "two"), r#"{"stream":"orders", "seq":2}"#, "the first one is still there");
//! ```

mod line;
mod server;

pub use server::NatsServer;
