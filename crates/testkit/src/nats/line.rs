use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Where answers come in.
const INBOX: &str = "_INBOX.testkit";

/// One connection to a server, for what a test has to ask it.
#[derive(Debug)]
pub(super) struct Line(BufReader<TcpStream>);

impl Line {
    /// Connects and waits for the server's first line, in which it introduces itself.
    pub(super) fn open(port: u16, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        let mut line = Self(BufReader::new(stream));
        line.read()?;
        Ok(line)
    }

    /// Sends a message and reads the answer to it: its body without headers.
    ///
    /// An answer that says that nobody listens has no body.
    pub(super) fn ask(&mut self, subject: &str, body: &str) -> Result<String> {
        let mut words = String::new();
        let _ = write!(words, "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true}}\r\n");
        let _ = write!(words, "SUB {INBOX} 1\r\nPUB {subject} {INBOX} {}\r\n{body}\r\n", body.len());
        self.0.get_mut().write_all(words.as_bytes())?;
        loop {
            let line = self.read()?;
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["PING"] => self.0.get_mut().write_all(b"PONG\r\n")?,
                ["MSG", .., length] => return self.message(0, number(length)?),
                ["HMSG", .., headers, length] => return self.message(number(headers)?, number(length)?),
                ["-ERR", ..] => return Err(Error::other(line)),
                _ => {}
            }
        }
    }

    fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(Error::other("the server hung up")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// A body that follows so many bytes of headers; the length is that of both.
    fn message(&mut self, headers: usize, length: usize) -> Result<String> {
        let mut text = vec![0; length];
        self.0.read_exact(&mut text)?;
        Ok(String::from_utf8_lossy(text.get(headers..).unwrap_or_default()).into_owned())
    }
}

fn number(word: &str) -> Result<usize> {
    word.parse().map_err(Error::other)
}
