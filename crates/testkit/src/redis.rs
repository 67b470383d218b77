//! Private Redis servers and clusters: started, stopped, paused and killed by the test that owns them.
//!
//! A server listens on a port of its own on the loopback address, keeps its data in a folder of its own, and goes with
//! the value that owns it: also when the test panics, and when its process is killed. All calls block the thread until
//! the state they ask for is reached; none of them sleeps in the hope that it has been.
//!
//! ```no_run
//! use buttress_testkit::redis::RedisServer;
//!
//! let mut server = RedisServer::start();
//! assert_eq!(server.ask(&["SET", "answer", "42"]), "OK");
//! server.kill();
//! server.restart();
//! assert_eq!(server.ask(&["GET", "answer"]), "42", "what was written is still there");
//! ```

mod cluster;
mod line;
mod server;

pub use cluster::RedisCluster;
pub use server::RedisServer;
