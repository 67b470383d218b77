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
            // Before a quote that opens stands `=`, so a backslash there always escapes it.
            quoted = !quoted || text[..at].ends_with(b"\\");
        }
        byte == separator && !quoted
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        RightToLeft::split(text.as_bytes(), b',').map(|part| str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn separators_inside_quotes_do_not_separate() {
        let table: [(&str, &[&str]); 11] = [
            ("", &[""]),
            ("a", &["a"]),
            (",", &["", ""]),
            ("a,b,,c", &["c", "", "b", "a"]),
            (r#"a,"b,c",d"#, &["d", r#""b,c""#, "a"]),
            (r#"a,x="b\",c",d"#, &["d", r#"x="b\",c""#, "a"]),
            (r#"a,x="b\\",c"#, &["c", r#"x="b\\""#, "a"]),
            (r#"a,x="\\\",b",c"#, &["c", r#"x="\\\",b""#, "a"]),
            (r#""a","b""#, &[r#""b""#, r#""a""#]),
            // A quote that is never closed swallows nothing that comes after it.
            (r#"x=",a,y="b,c""#, &[r#"y="b,c""#, "a", "x=\""]),
            (r#"x="\,a"#, &["a", r#"x="\"#]),
        ];
        for (text, parts) in table {
            assert_eq!(split(text), parts, "{text}");
        }
    }

    #[test]
    fn the_parameter_is_found_whatever_stands_beside_it() {
        let client = Some("192.0.2.1".parse().unwrap());
        for element in [
            "for=192.0.2.1",
            "FOR=192.0.2.1",
            "For=\"192.0.2.1\"",
            " for=192.0.2.1 ",
            "for=192.0.2.1:80",
            "for=\"192.0.2.1:80\"",
            "proto=https;for=192.0.2.1;by=10.0.0.1",
            "proto=https; for=192.0.2.1 ; by=_x",
            ";;for=192.0.2.1;",
            r#"by="a;for=6.6.6.6";for=192.0.2.1"#,
            r#"host="a\";for=6.6.6.6";for=192.0.2.1"#,
            r#"for=192.0.2.1;ext="=;,=""#,
            "for=192.0.2.1;before=6.6.6.6;xfor=6.6.6.6",
        ] {
            assert_eq!(for_node(element.as_bytes()), client, "{element}");
        }
    }

    #[test]
    fn an_element_without_one_readable_parameter_has_no_address() {
        for element in [
            "",
            ";",
            "by=192.0.2.1",
            "192.0.2.1",
            "for",
            "for=",
            "for=\"\"",
            "for=unknown",
            "for=_hidden",
            "for=192.0.2.1;for=192.0.2.1",
            "for=192.0.2.1;FOR=6.6.6.6",
            "for = 192.0.2.1",
            "for=192.0.2.1;broken",
            "for==192.0.2.1",
            "for=192.0.2.1 by=10.0.0.1",
            "for=192.0.2.1;host=\"",
            "for=\"192.0.2.1",
            "for=\"192.0.2.1\"x",
            "x\"for=192.0.2.1",
            "for=\"_a\\\"b\"",
            "for=192.0.2.1&by=x",
        ] {
            assert_eq!(for_node(element.as_bytes()), None, "{element}");
        }
    }
}
