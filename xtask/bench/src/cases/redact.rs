//! Redaction, beside the two ways in which it is usually done: a set of regular expressions, and a tree that is walked.

use std::borrow::Cow;
use std::hint::black_box;

use buttress_redact::Redactor;
use regex::{Captures, Regex, RegexSet};
use serde_json::Value;

use super::built;
use crate::budget::Budget;
use crate::drive::operation;
use crate::subject::{Case, Shared, Subject};

const BARE: &str = "nothing is looked at";
const OURS: &str = "buttress, as JSON";
const SET: &str = "a set of 20 regular expressions, then those that match";
const TREE: &str = "parsed, walked with the same ones, serialised";

pub(crate) const CLEAN: Case = Case {
    name: "redact-clean",
    what: "a log record of 1 KB as JSON, 36 names, nothing to hide",
    bare: Subject::bare(BARE, || bare(record(false))),
    rows: &[
        Subject::ours(OURS, || ours(record(false))).within(Budget::instructions(4_000).allocations(0)),
        Subject::ours("buttress, as text", || text(record(false))).within(Budget::NONE.allocations(0)),
        Subject::peer(SET, || set(record(false))),
        Subject::peer(TREE, || tree(record(false))),
    ],
};

pub(crate) const SECRETS: Case = Case {
    name: "redact-secrets",
    what: "the same with three secrets",
    bare: Subject::bare(BARE, || bare(record(true))),
    rows: &[
        Subject::ours(OURS, || ours(record(true))).within(Budget::instructions(10_000)),
        Subject::ours("buttress, as text", || text(record(true))),
        Subject::peer(SET, || set(record(true))),
        Subject::peer(TREE, || tree(record(true))),
    ],
};

pub(crate) const SHORT: Case = Case {
    name: "redact-short",
    what: "a text of 20 bytes, as the value of a field",
    bare: Subject::bare(BARE, || bare(SHORT_TEXT.to_owned())),
    rows: &[
        Subject::ours("buttress, as text", || text(SHORT_TEXT.to_owned()))
            .within(Budget::NONE.allocations(0)),
        Subject::ours("buttress, as a field", field).within(Budget::NONE.allocations(0)),
        Subject::peer(SET, || set(SHORT_TEXT.to_owned())),
    ],
};

pub(crate) const LARGE: Case = Case {
    name: "redact-100k",
    what: "100 such records in a list, nothing to hide",
    bare: Subject::bare(BARE, || bare(records())).at_most(MOST),
    rows: &[
        // One gigabyte in a second.
        Subject::ours(OURS, || ours(records()))
            .at_most(MOST)
            .within(Budget::NONE.allocations(0).alone(102_500)),
        Subject::peer(SET, || set(records())).at_most(MOST),
        Subject::peer(TREE, || tree(records())).at_most(MOST),
    ],
};

/// A hundred records at once take callgrind seconds.
const MOST: u64 = 200;

const SHORT_TEXT: &str = "/api/v1/devices/17ab";

/// A log record as services write them, 1 KB long.
fn record(has_secrets: bool) -> String {
    let (token, mail, card) = if has_secrets {
        ("made-up-token-1", "john@example.com", "4111 1111 1111 1111")
    } else {
        ("", "john", "none")
    };
    let mut json = format!(
        r#"{{"timestamp":"2026-11-20T10:12:13.123456Z","level":"info","event":"http_request","message":"request done","logger":"app.http","correlation_id":"2f8f1a3e-9c1d-4c59-8d0f-0a4f7a1f7b11","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","tenant_id":"t-1042","user_id":"u-77813","user":"{mail}","method":"POST","route":"/api/v1/orders/{{id}}/items","path":"/api/v1/orders/84213/items","status_code":201,"duration_ms":12.734,"bytes_in":512,"bytes_out":1745,"outcome":"ok","api_token":"{token}","payment":"{card}","headers":{{"accept":"application/json","content-type":"application/json","user-agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"}},"items":[{{"sku":"A-1001","count":2,"price":19.99}},{{"sku":"B-2002","count":1,"price":5.49}}],"service.name":"orders","service.version":"1.4.2","deployment.environment":"production","note":""#
    );
    while json.len() < 1022 {
        json.push_str("all went well ");
    }
    json.truncate(1022);
    json + "\"}"
}

fn records() -> String {
    format!("[{}]", vec![record(false); 100].join(","))
}

fn bare(text: String) -> Shared {
    operation(move || {
        let text = text.clone();
        move |_| {
            black_box(Cow::Borrowed(black_box(text.as_str())));
        }
    })
}

fn ours(json: String) -> Shared {
    let redactor = Redactor::default();
    operation(move || {
        let (redactor, json) = (redactor.clone(), json.clone());
        move |_| drop(black_box(redactor.json(black_box(&json))))
    })
}

fn text(text: String) -> Shared {
    let redactor = Redactor::default();
    operation(move || {
        let (redactor, text) = (redactor.clone(), text.clone());
        move |_| drop(black_box(redactor.text(black_box(&text))))
    })
}

fn field() -> Shared {
    let redactor = Redactor::default();
    operation(move || {
        let redactor = redactor.clone();
        move |_| drop(black_box(redactor.field(black_box("path"), black_box(SHORT_TEXT))))
    })
}

fn set(text: String) -> Shared {
    let patterns = Patterns::new();
    operation(move || {
        let (patterns, text) = (patterns.clone(), text.clone());
        move |_| drop(black_box(patterns.text(black_box(&text))))
    })
}

fn tree(json: String) -> Shared {
    let patterns = Patterns::new();
    operation(move || {
        let (patterns, json) = (patterns.clone(), json.clone());
        move |_| drop(black_box(patterns.tree(black_box(&json))))
    })
}

/// Redaction as it is usually written.
#[derive(Clone)]
struct Patterns {
    set: RegexSet,
    each: Vec<Regex>,
    name: Regex,
}

const PATTERNS: &[&str] = &[
    r"(?i)bearer\s+[a-z0-9._~+/=-]{8,}",
    r"(?i)basic\s+[a-z0-9+/=]{8,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"xox[abpse]-[A-Za-z0-9-]{10,}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"SG\.[A-Za-z0-9_.-]{60,}",
    r"npm_[A-Za-z0-9]{36}",
    r"sk-[A-Za-z0-9_-]{20,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"://[^/\s:@]+:[^/\s@]+@",
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    r"\b(?:\d[ -]?){13,19}\b",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b",
    r#"(?i)"[^"]*(?:password|passwd|token|secret|api_?key|auth_?key|private_?key|credential|authorization)"\s*:\s*"[^"]+""#,
    r"(?i)(?:password|passwd|token|secret|api_?key|auth_?key|private_?key|credential)\s*=\s*\S+",
];
const NAMES: &str = "(?i)password|passwd|token|secret|api_?key|auth_?key|private_?key|credential";
const MASK: &str = "***REDACTED***";

impl Patterns {
    fn new() -> Self {
        Self {
            set: built(RegexSet::new(PATTERNS)),
            each: PATTERNS.iter().map(|pattern| built(Regex::new(pattern))).collect(),
            name: built(Regex::new(NAMES)),
        }
    }

    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for hit in self.set.matches(&text.clone()) {
            let masked = self.each[hit].replace_all(&text, |_: &Captures<'_>| MASK).into_owned();
            text = Cow::Owned(masked);
        }
        text
    }

    fn tree(&self, json: &str) -> String {
        let mut value: Value = built(serde_json::from_str(json));
        self.walk(&mut value);
        value.to_string()
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.text(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
                if self.name.is_match(name) {
                    *value = Value::from(MASK);
                } else {
                    self.walk(value);
                }
            }),
            _ => {}
        }
    }
}
