//! Accepts connections and serves them, with a bound on everything that a stranger could use up.

use std::time::Duration;

use axum::{Extension, Router};
use buttress::http::PeerAddr;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait in the system's queue until one ends.
const MAX_CONNECTIONS: usize = 4_096;
/// How long a client may take to send the head of a request, and how long a connection may lie idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How large the head of a request may be, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The pause after the system could not accept, most likely because it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until told to stop; then lets requests that are being answered finish within the grace, and ends the rest.
///
/// Returns how many connections were ended. Dropping the future ends all of them.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) -> usize {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < MAX_CONNECTIONS;
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, peer)) => {
                    // Whom the rate limit counts; the layers find it in each request of the connection.
                    let router = router.clone().layer(Extension(PeerAddr(peer)));
                    connections.spawn(connection(stream, router, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = told(&mut stop) => break,
        }
    }
    drop(listener);
    finish(connections, grace).await
}

async fn finish(mut connections: JoinSet<()>, grace: Duration) -> usize {
    let all_done = async { while connections.join_next().await.is_some() {} };
    // The future borrows the connections; what is left of them can be counted when it is gone.
    let _ = timeout(grace, all_done).await;
    let left = connections.len();
    connections.shutdown().await;
    left
}

async fn connection(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    // Best effort: without it small answers may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(MAX_HEAD_BYTES);
    let mut connection =
        std::pin::pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so, which is a way of saying so.
    let _ = stop.wait_for(|stop| *stop).await;
}
