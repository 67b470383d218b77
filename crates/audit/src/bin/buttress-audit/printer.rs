use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write};

use buttress_audit::log::OwnedLine;
use serde_json::Value;

/// Prints records for people, or as they stand in the log.
pub(crate) struct Printer<W: Write> {
    to: BufWriter<W>,
    json: bool,
    is_terminal: bool,
    has_head: bool,
}

impl<W: Write> Printer<W> {
    pub(crate) fn new(to: W, json: bool) -> Self
    where
        W: IsTerminal,
    {
        Self { is_terminal: to.is_terminal(), to: BufWriter::new(to), json, has_head: json }
    }

    pub(crate) fn print(&mut self, line: &OwnedLine) -> io::Result<()> {
        if self.json {
            return self.raw(line);
        }
        if !self.has_head {
            self.has_head = true;
            self.row("SEQ", ["TIME", "SEVERITY", "OUTCOME", "ACTION", "ACTOR", "RESOURCE", "CORRELATION"])?;
        }
        let event: Value = serde_json::from_slice(line.event()).unwrap_or_default();
        let text = |path: &str| match event.pointer(path) {
            Some(Value::String(text)) => safe(text).into_owned(),
            Some(Value::Null) | None => "-".to_owned(),
            Some(other) => safe(&other.to_string()).into_owned(),
        };
        let resource = match (text("/resource/type"), text("/resource/id")) {
            (kind, id) if kind == "-" && id == "-" => id,
            (kind, id) => format!("{kind}/{id}"),
        };
        let [ts, severity, outcome, action, actor, correlation] =
            ["/ts", "/severity", "/outcome", "/action", "/actor/id", "/correlation_id"].map(text);
        let cells = [&ts, &severity, &outcome, &action, &actor, &resource, &correlation];
        self.row(&line.seq().to_string(), cells.map(String::as_str))
    }

    fn raw(&mut self, line: &OwnedLine) -> io::Result<()> {
        match std::str::from_utf8(line.as_bytes()) {
            // Escaped as JSON escapes, so that it is the same text still.
            Ok(text) if self.is_terminal => self.to.write_all(safe(text).as_bytes())?,
            _ => self.to.write_all(line.as_bytes())?,
        }
        self.to.write_all(b"\n")
    }

    fn row(&mut self, seq: &str, cells: [&str; 7]) -> io::Result<()> {
        let [ts, severity, outcome, action, actor, resource, correlation] = cells;
        let row = format!(
            "{seq:>8}  {ts:<27}  {severity:<8}  {outcome:<8}  {action:<24}  {actor:<24}  {resource:<28}  {correlation}"
        );
        writeln!(self.to, "{}", row.trim_end())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A text that does nothing to a terminal: what moves, colours, hides or turns around is written as `\uXXXX`.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_special) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for sign in text.chars() {
        if is_special(sign) {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(sign);
        }
    }
    Cow::Owned(shown)
}

fn is_special(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(sign, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(sign, '\u{e0000}'..='\u{e007f}')
}
