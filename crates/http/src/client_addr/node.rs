use std::net::{IpAddr, Ipv6Addr};

use super::canonical::canonical;

/// More than the longest address with brackets, zone and port.
const LONGEST: usize = 80;

/// Reads the address of a hop: alone or with a port, bare or in a quoted string, IPv6 also in brackets.
///
/// Hops without an address (`unknown`, `_hidden`), and everything that is not one address and its port, are none.
pub(super) fn node(text: &[u8]) -> Option<IpAddr> {
    let mut buffer = [0; LONGEST];
    let text = unquoted(text.trim_ascii(), &mut buffer)?;
    addr(text).and_then(canonical)
}

/// What a quoted string says, or what is not quoted as it is.
fn unquoted<'a>(text: &'a [u8], buffer: &'a mut [u8; LONGEST]) -> Option<&'a str> {
    let Some(text) = text.strip_prefix(b"\"") else { return str::from_utf8(text).ok() };
    let mut bytes = text.strip_suffix(b"\"")?.iter();
    let mut length = 0;
    while let Some(&byte) = bytes.next() {
        let byte = match byte {
            b'\\' => *bytes.next()?,
            b'"' => return None,
            byte => byte,
        };
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    str::from_utf8(&buffer[..length]).ok()
}

fn addr(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (addr, rest) = bracketed.split_once(']')?;
        return (rest.is_empty() || is_port(rest.strip_prefix(':')?)).then(|| ipv6(addr))?;
    }
    match text.split_once(':') {
        None => text.parse().ok().map(IpAddr::V4),
        // A second colon means that none of them begins a port.
        Some((_, rest)) if rest.contains(':') => ipv6(text),
        Some((addr, port)) => is_port(port).then(|| addr.parse().ok().map(IpAddr::V4))?,
    }
}

/// An address and perhaps a zone, which means nothing on another machine.
fn ipv6(text: &str) -> Option<IpAddr> {
    let addr = text.split_once('%').map_or(text, |(addr, _zone)| addr);
    addr.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// A port, or the word that stands for one (RFC 7239, section 6).
fn is_port(text: &str) -> bool {
    let hidden = |word: &str| !word.is_empty() && word.bytes().all(is_word);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.parse::<u16>().is_ok()) || text.strip_prefix('_').is_some_and(hidden)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
