use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Stands between a store and its server, and counts how often the store says something and waits for the answer.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    round_trips: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, round_trips) = (listener.local_addr().unwrap().port(), Arc::default());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, server, Arc::clone(&round_trips)));
        Self { port, round_trips, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, server: u16, round_trips: Arc<AtomicUsize>) {
    let mut lines = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        lines.spawn(carry(client, server, Arc::clone(&round_trips)));
    }
}

/// A round trip is a word of the client after one of the server.
async fn carry(mut client: TcpStream, mut server: TcpStream, round_trips: Arc<AtomicUsize>) {
    let (mut question, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_asking = false;
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut question) => {
                if length == 0 || server.write_all(&question[..length]).await.is_err() {
                    return;
                }
                if !is_asking {
                    round_trips.fetch_add(1, Ordering::SeqCst);
                }
                is_asking = true;
            }
            Ok(length) = server.read(&mut answer) => {
                is_asking = false;
                if length == 0 || client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}
