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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_of_an_address_is_read() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            (" \t192.0.2.1\t ", "192.0.2.1"),
            ("192.0.2.1:0", "192.0.2.1"),
            ("192.0.2.1:65535", "192.0.2.1"),
            ("192.0.2.1:00080", "192.0.2.1"),
            ("192.0.2.1:_port-1.x", "192.0.2.1"),
            ("\"192.0.2.1\"", "192.0.2.1"),
            ("\"192.0.2.1:80\"", "192.0.2.1"),
            ("\"1\\92.0.2.1\"", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]:_hidden", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("\"[2001:db8\\:\\:1]\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            // The last group is a group and not a port, since without brackets nobody could tell.
            ("2001:db8::1:8080", "2001:db8::1:8080"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:c000:201]:80", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("::1", "::1"),
        ];
        for (text, addr) in table {
            assert_eq!(node(text.as_bytes()), Some(addr.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_address_is_none() {
        let table = [
            "",
            " ",
            "\"\"",
            "unknown",
            "_hidden",
            "-",
            "localhost",
            "example.com",
            "unix:",
            "192.0.2.1, 192.0.2.2",
            // Some read an octet with a leading zero as octal, some do not.
            "192.0.02.1",
            "0192.0.2.1",
            "192.0.2.010:80",
            "::ffff:192.0.2.01",
            "192.0.2",
            "192.0.2.256",
            "3221225985",
            "0x7f.0.0.1",
            "192.0.2.1.",
            "+192.0.2.1",
            "192.0.2.1/32",
            "192 .0.2.1",
            "192.0.2.1%eth0",
            "192.0.2.1:",
            "192.0.2.1:+80",
            "192.0.2.1:65536",
            "192.0.2.1:http",
            "192.0.2.1:_",
            "192.0.2.1:_a b",
            "192.0.2.1:-1",
            "192.0.2.1: 80",
            "192.0.2.1 :80",
            "[192.0.2.1]",
            "[192.0.2.1]:80",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "[2001:db8::1]:",
            "[[2001:db8::1]]",
            "[2001:db8::1]:80:80",
            "[]",
            "2001:db8::1::2",
            "2001:db8::g",
            "[2001:db8::1] :80",
            "00001::1",
            ":",
            "::%",
            "%eth0",
            "\"192.0.2.1",
            "192.0.2.1\"",
            "\"192.0.2.1\"\"",
            "\"192.0.2.1\\\"",
            "\"\\",
            "\"",
            "'192.0.2.1'",
            "\"192.0.2.1\" x",
            "\"[fe80::1%a\"b]\"",
            "\"\"192.0.2.1\"\"",
            "0.0.0.0",
            "0.0.0.0:80",
            "::",
            "[::]:80",
            "::ffff:0.0.0.0",
            "64:ff9b::",
        ];
        for text in table {
            assert_eq!(node(text.as_bytes()), None, "{text}");
        }
        for bytes in [&b"\xff"[..], b"192.0.2.1\xff", b"\"\xff\"", &[b'"'; 300], &[b'1'; 5000]] {
            assert_eq!(node(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn the_longest_address_fits_and_what_is_longer_is_none() {
        let longest = "\"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%zone-of-15-chars]:65535\"";
        assert!(node(longest.as_bytes()).is_some());
        let longer = format!("\"[fe80::1%{}]\"", "z".repeat(LONGEST));
        assert_eq!(node(longer.as_bytes()), None);
    }
}
