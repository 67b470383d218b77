//! The accept loop and what happens on one connection.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::gate::{Gate, NoAnswer};
use crate::running::Running;
use crate::station::Simulation;

const DEFAULT_LOG_CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
const MAX_CONNECTIONS: usize = 4_096;
/// Bounds what one request can put into the log, to twice this because the last read may be as large again.
const MAX_HEADER_BYTES: usize = 32 * 1024;
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Real answers take microseconds, so what is left after this hangs or dribbles on purpose.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(250);

/// A simulation that is not running yet.
#[derive(Debug, Clone)]
pub struct FleetSim {
    log_capacity: NonZeroUsize,
}

impl Default for FleetSim {
    fn default() -> Self {
        Self { log_capacity: DEFAULT_LOG_CAPACITY }
    }
}

impl FleetSim {
    /// Starts with the defaults on this address; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(addr: impl ToSocketAddrs) -> io::Result<Running> {
        Self::default().listen(addr).await
    }

    /// How many requests each upstream's log keeps (default 1,000).
    #[must_use]
    pub fn request_log_capacity(self, requests: NonZeroUsize) -> Self {
        Self { log_capacity: requests }
    }

    /// Starts on this address, on tasks of the current runtime; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn listen(self, addr: impl ToSocketAddrs) -> io::Result<Running> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let simulation = Simulation::new(self.log_capacity);
        let stop = watch::Sender::new(false);
        let accepting = accept(listener, Gate::new(simulation.clone()), stop.subscribe());
        Ok(Running::new(addr, simulation, stop, tokio::spawn(accepting)))
    }
}

/// Serves until told to stop. Every connection lives in the set, so dropping this future ends them all.
async fn accept(listener: TcpListener, gate: Gate, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < MAX_CONNECTIONS;
        let stopping = stop.clone();
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, gate.clone(), stopping));
                }
                // Most likely there are no file descriptors left; connections that end give some back.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut stop) => break,
        }
    }
    drop(listener);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if timeout(SHUTDOWN_GRACE, all_done).await.is_err() {
        connections.shutdown().await;
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that the handle is gone, which is a way of telling.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve(stream: TcpStream, gate: Gate, mut stop: watch::Receiver<bool>) {
    // Best effort: without it a slow body only arrives in larger pieces.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| gate.answer(request));
    let mut connection = http().serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = told_to_stop(&mut stop) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if ended.is_err_and(|why| why.source().is_some_and(<dyn Error>::is::<NoAnswer>)) {
        // With no time to linger the close that follows sends RST, not FIN. Should this fail, the client sees
        // an early end of file instead.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(MAX_HEADER_BYTES);
    http
}
