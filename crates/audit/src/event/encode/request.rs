//! The request in a record.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::Encoder;
use crate::event::facts::{BodyKind, BodyText, RequestFacts, Text};
use crate::event::{bound, json};

impl Encoder<'_> {
    pub(super) fn request(&mut self, request: &RequestFacts, out: &mut Vec<u8>) {
        json::name(",\"request\":", out);
        out.push(b'{');
        if let Some(method) = &request.method {
            self.text(",\"method\":", method.as_str(), bound::SHORT, out);
        }
        if let Some(route) = &request.route {
            self.text(",\"route\":", route, bound::PATH, out);
        }
        if let Some(path) = &request.path {
            self.path(",\"path\":", path, bound::PATH, out);
        }
        if let Some(query) = &request.query {
            self.query(query, out);
        }
        if let Some(status) = request.status {
            json::name(",\"status\":", out);
            json::number(status.into(), out);
        }
        for (key, addr) in [(",\"client_ip\":", request.client_ip), (",\"peer_ip\":", request.peer_ip)] {
            if let Some(addr) = addr {
                json::name(key, out);
                json::addr(addr, out);
            }
        }
        if let Some(user_agent) = &request.user_agent {
            self.text(",\"user_agent\":", &user_agent.as_str(), bound::USER_AGENT, out);
        }
        if let Some(body) = &request.body {
            self.body(body, out);
        }
        out.push(b'}');
    }

    /// A path; one with escapes or parameters is redacted by what they stand for.
    fn path(&mut self, key: &str, path: &Text, shown: usize, out: &mut Vec<u8>) {
        let path = path.as_str();
        let path = bound::cut(&path, shown + bound::OVERLAP);
        let has_parts = path.contains(['%', '=']);
        let redacted = if has_parts { self.redactor.query(path) } else { Cow::Borrowed(path) };
        self.counts.values += usize::from(matches!(redacted, Cow::Owned(_)));
        self.text(key, &redacted, shown, out);
    }

    fn query(&mut self, query: &Text, out: &mut Vec<u8>) {
        let query = query.as_str();
        let redacted = self.redactor.query(bound::cut(&query, bound::QUERY + bound::OVERLAP));
        self.counts.values += usize::from(matches!(redacted, Cow::Owned(_)));
        self.counts.truncated += usize::from(redacted.len() > bound::QUERY);
        json::name(",\"query\":", out);
        json::string(bound::cut(&redacted, bound::QUERY), out);
    }

    fn body(&mut self, body: &BodyText, out: &mut Vec<u8>) {
        if let Some(seen) = &body.seen {
            json::name(",\"body\":", out);
            if !body.embed(seen, out) {
                self.body_as_text(body, seen, out);
            }
        }
        json::name(",\"body_bytes\":", out);
        json::number(body.bytes, out);
    }

    fn body_as_text(&mut self, body: &BodyText, seen: &[u8], out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(seen);
        let redacted = match body.kind {
            BodyKind::Json => self.redactor.json(&text),
            BodyKind::Form => self.redactor.query(&text),
            BodyKind::Text | BodyKind::Other => self.redactor.text(&text),
        };
        let shown = bound::cut(&redacted, body.cap);
        let is_all = body.is_whole && body.bytes == seen.len() as u64 && shown.len() == redacted.len();
        self.counts.values += usize::from(matches!(redacted, Cow::Owned(_)));
        self.counts.truncated += usize::from(!is_all);
        json::string(shown, out);
    }
}

impl BodyText {
    /// Writes the body as the JSON that it is, if it is whole and small enough.
    fn embed(&self, seen: &[u8], out: &mut Vec<u8>) -> bool {
        let is_all = self.is_whole && seen.len() <= self.cap && self.bytes == seen.len() as u64;
        if self.kind != BodyKind::Json || !is_all || serde_json::from_slice::<IgnoredAny>(seen).is_err() {
            return false;
        }
        let start = out.len();
        out.extend_from_slice(seen);
        json::tame(out, start);
        true
    }
}
