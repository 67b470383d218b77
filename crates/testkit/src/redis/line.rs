use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// One connection to a server, for what a test has to ask it.
#[derive(Debug)]
pub(super) struct Line(BufReader<TcpStream>);

impl Line {
    pub(super) fn open(port: u16, patience: Duration) -> Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command and reads the reply as text; lists are lines.
    pub(super) fn ask(&mut self, words: &[&str]) -> Result<String> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            let _ = write!(command, "${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().write_all(command.as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> Result<String> {
        let mut head = String::new();
        if self.0.read_line(&mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let head = head.trim_end();
        let rest = head.get(1..).unwrap_or_default();
        match head.as_bytes().first() {
            Some(b'$') => self.bulk(rest.parse().unwrap_or(-1)),
            Some(b'*') => {
                let items: Result<Vec<String>> =
                    (0..rest.parse().unwrap_or(0)).map(|_| self.reply()).collect();
                Ok(items?.join("\n"))
            }
            _ => Ok(rest.to_owned()),
        }
    }

    /// Text of a known length; a length of -1 is no text at all.
    fn bulk(&mut self, length: i64) -> Result<String> {
        let Ok(length) = usize::try_from(length) else { return Ok(String::new()) };
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text)?;
        text.truncate(length);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
