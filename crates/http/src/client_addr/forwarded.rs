use std::net::IpAddr;

use super::node::node;

/// The parts of a text from the last to the first, split where a separator stands outside of quoted strings.
///
/// It reads from the end, because the end is what a trusted proxy wrote. Read from the start, a quote that a stranger
/// opened would swallow the elements appended after it.
pub(super) struct RightToLeft<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> RightToLeft<'a> {
    pub(super) fn split(text: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(text), separator }
    }
}

impl<'a> Iterator for RightToLeft<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some(at) = last_outside_quotes(rest, self.separator) else { return Some(rest) };
        self.rest = Some(&rest[..at]);
        Some(&rest[at + 1..])
    }
}

fn last_outside_quotes(text: &[u8], separator: u8) -> Option<usize> {
    let mut quoted = false;
    text.iter().enumerate().rposition(|(at, &byte)| {
        if byte == b'"' {
            quoted = !quoted || is_escaped(&text[..at]);
        }
        byte == separator && !quoted
    })
}

fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The address of the one parameter `for` of an element (RFC 7239, section 4).
pub(super) fn for_node(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in RightToLeft::split(element, b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        if pair[..equals].eq_ignore_ascii_case(b"for") && found.replace(&pair[equals + 1..]).is_some() {
            return None;
        }
    }
    node(found?)
}
