//! Asks a server on this machine, one request after the other on each connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

/// As many as callers there are at once.
pub(super) const CONNECTIONS: u32 = 8;

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: bench\r\nuser-agent: bench/1\r\ncontent-length: 0\r\n\r\n";
/// Nothing that works takes so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is kept.
pub(super) struct Connection {
    stream: TcpStream,
    head: Box<[u8; 4_096]>,
}

impl Connection {
    pub(super) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, head: Box::new([0; 4_096]) })
    }

    /// Asks, and waits for an answer that is as it should be: a head without a body.
    fn ask(&mut self) -> io::Result<()> {
        self.stream.write_all(REQUEST)?;
        let mut length = 0;
        while !self.head[..length].ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut self.head[length..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => length += more,
            }
        }
        let head = &self.head[..length];
        if head.starts_with(b"HTTP/1.1 204 ") {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "an answer that begins {:?}",
            head.get(..12).map(String::from_utf8_lossy)
        )))
    }
}

/// Asks on every connection all the time; how many answers there were, and the time they took.
pub(super) fn ask_on(connections: &mut [Connection], time: Duration) -> Result<(u64, Duration), Failure> {
    let began = Instant::now();
    let answers = on_each(connections, |_, connection| {
        let mut answers = 0;
        while began.elapsed() < time {
            connection.ask()?;
            answers += 1;
        }
        Ok(answers)
    })?;
    Ok((answers.into_iter().sum(), began.elapsed()))
}

/// Asks so often in a second, on one connection after the other, and returns how long each answer took.
///
/// The clock of a request starts when it is due. If its connection still waits for the answer before, it is late, and
/// that counts: a server that stops for a while is not spared the requests that would have come meanwhile.
pub(super) fn ask_by_the_clock(
    connections: &mut [Connection],
    per_second: u32,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let (began, interval) = (Instant::now(), Duration::from_secs(1) / per_second);
    let waits = on_each(connections, |place, connection| {
        let mut waits = Vec::new();
        let mut due = interval * place;
        while due < time {
            if let Some(early) = due.checked_sub(began.elapsed()) {
                thread::sleep(early);
            }
            connection.ask()?;
            waits.push(began.elapsed().saturating_sub(due));
            due += interval * CONNECTIONS;
        }
        Ok(waits)
    })?;
    Ok(waits.concat())
}

/// Does something on each connection at the same time.
fn on_each<T: Send>(
    connections: &mut [Connection],
    work: impl Fn(u32, &mut Connection) -> io::Result<T> + Sync,
) -> Result<Vec<T>, Failure> {
    let work = &work;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..)
            .zip(connections)
            .map(|(place, connection)| scope.spawn(move || work(place, connection)))
            .collect();
        clients.into_iter().map(|client| Ok(client.join().map_err(|_| "a client broke off")??)).collect()
    })
}
