//! Servers that answer byte by byte as a test says.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Fails the test if the future takes longer than any sound run could.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it should be done by now")
}

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection it came over, counted from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
    /// Without decoding: a chunked body with its chunk sizes.
    pub(crate) body: String,
}

impl Seen {
    /// Method, path and query.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap().strip_suffix(" HTTP/1.1").unwrap()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The only value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} is there {} times", values.len());
        values.first().copied()
    }
}

/// A server of one test. Stops when it is dropped.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: watch::Receiver<Vec<Seen>>,
    _serving: JoinSet<()>,
}

impl Peer {
    /// Talks with each connection as the test says.
    pub(crate) async fn start<F, Fut>(talk: F) -> Self
    where
        F: Fn(Talk) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), talk)
    }

    pub(crate) fn on<F, Fut>(listener: TcpListener, talk: F) -> Self
    where
        F: Fn(Talk) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let (note, seen) = watch::channel(Vec::new());
        let note = Arc::new(note);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut talks = JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let note = Arc::clone(&note);
                talks.spawn(talk(Talk { stream, unread: Vec::new(), connection, note }));
            }
        });
        Self { address, seen, _serving: serving }
    }

    /// Answers every request, and keeps connections open.
    pub(crate) async fn answering(answer: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::start(move |mut talk| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(seen) = talk.request().await {
                    talk.say(answer(&seen)).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests that came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Seen {
        let [seen] = &self.seen()[..] else { panic!("not one request: {:?}", self.seen()) };
        seen.clone()
    }

    /// Waits until that many requests have come.
    pub(crate) async fn until_seen(&self, count: usize) {
        let mut seen = self.seen.clone();
        soon(seen.wait_for(|seen| seen.len() >= count)).await.expect("the peer runs");
    }
}

/// An address on which nobody listens, nor will as long as this lives.
pub(crate) struct Nobody {
    address: SocketAddr,
    _reserved: TcpSocket,
}

pub(crate) fn nobody() -> Nobody {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Nobody { address: socket.local_addr().unwrap(), _reserved: socket }
}

impl Nobody {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// One connection.
pub(crate) struct Talk {
    stream: TcpStream,
    unread: Vec<u8>,
    pub(crate) connection: usize,
    note: Arc<watch::Sender<Vec<Seen>>>,
}

impl Talk {
    /// Reads a request with its body; `None` if there is no other.
    pub(crate) async fn request(&mut self) -> Option<Seen> {
        let head = self.through("\r\n\r\n").await?;
        let mut seen = Seen { connection: self.connection, head, body: String::new() };
        if let Some(length) = seen.value("content-length") {
            let length = length.parse().unwrap();
            while self.unread.len() < length {
                self.more().await?;
            }
            seen.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        } else if seen.value("transfer-encoding").is_some() {
            seen.body = self.through("0\r\n\r\n").await?;
        }
        self.note.send_modify(|all| all.push(seen.clone()));
        Some(seen)
    }

    /// Reads up to and including a text.
    pub(crate) async fn through(&mut self, end: &str) -> Option<String> {
        loop {
            let found = self.unread.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                return Some(String::from_utf8(self.unread.drain(..at + end.len()).collect()).unwrap());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.unread).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        // The client may have gone; what it makes of that is the test's matter.
        let _ = self.stream.write_all(text.as_ref()).await;
    }

    /// Waits until the client has gone.
    pub(crate) async fn until_gone(&mut self) {
        while self.more().await.is_some() {}
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// A whole response with a body of known length.
pub(crate) fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

/// A client of reqwest's that no environment variable leads through a proxy.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A client without layers.
pub(crate) fn bare(name: &str) -> buttress_reqwest::Client {
    buttress_reqwest::Client::over(name, http(), buttress_reqwest::Reqwest::new(http()))
}
