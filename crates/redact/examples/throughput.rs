//! How fast redaction is, beside two other ways of doing it, in one run: `cargo run --release -p buttress-redact
//! --example throughput`. The ratios travel from machine to machine; the figures do not.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures"
)]

use std::borrow::Cow;
use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use buttress_redact::Redactor;
use regex::{Captures, Regex, RegexSet};
use serde_json::Value;

const LEAST: Duration = Duration::from_millis(300);

type Way<'w> = (&'static str, Box<dyn Fn(&str) -> usize + 'w>);

fn main() {
    let redactor = Redactor::default();
    let patterns = Patterns::new();
    let ways: [Way<'_>; 4] = [
        ("redact, as JSON", Box::new(|json| redactor.json(json).len())),
        ("redact, as text", Box::new(|json| redactor.text(json).len())),
        ("regex set, then regexes", Box::new(|json| patterns.text(json).len())),
        ("parse, walk, serialise", Box::new(|json| patterns.tree(json).len())),
    ];
    println!("{:<24} {:>12} {:>10} {:>8}", "", "1 pass", "MB/s", "ratio");
    for (title, json) in [
        ("1 KB, nothing to hide", record(false)),
        ("1 KB, three secrets", record(true)),
        ("100 KB, nothing to hide", many(false)),
        ("100 KB, 1 % secrets", many(true)),
    ] {
        println!("{title} ({} bytes)", json.len());
        let times: Vec<Duration> = ways.iter().map(|(_, way)| best(|| way(&json))).collect();
        for ((name, _), time) in ways.iter().zip(&times) {
            print(name, json.len(), *time, times[0]);
        }
    }
}

fn print(name: &str, bytes: usize, time: Duration, first: Duration) {
    let rate = f64::from(u32::try_from(bytes).unwrap()) / time.as_secs_f64() / 1e6;
    let ratio = time.as_secs_f64() / first.as_secs_f64();
    println!("  {name:<22} {:>9.2} us {rate:>10.0} {ratio:>8.2}", time.as_secs_f64() * 1e6);
}

/// The best of several rounds, each long enough to be told by the clock.
fn best(work: impl Fn() -> usize) -> Duration {
    let round = |times: u32| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(work());
        }
        start.elapsed() / times
    };
    let once = round(10).max(Duration::from_nanos(50));
    let times = u32::try_from((LEAST.as_nanos() / 5 / once.as_nanos()).max(1)).unwrap();
    (0..5).map(|_| round(times)).min().unwrap()
}

/// A log record as services write them, 1 KB long.
fn record(secrets: bool) -> String {
    let (token, mail, card) = if secrets {
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

fn many(secrets: bool) -> String {
    let mut json = String::from("[");
    for number in 0..100 {
        write!(json, "{}{}", if number > 0 { "," } else { "" }, record(secrets && number % 33 == 0)).unwrap();
    }
    json + "]"
}

/// Redaction as it is usually written: a list of regexes, here with a set before it that says which to run.
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

impl Patterns {
    fn new() -> Self {
        Self {
            set: RegexSet::new(PATTERNS).unwrap(),
            each: PATTERNS.iter().map(|pattern| Regex::new(pattern).unwrap()).collect(),
            name: Regex::new("(?i)password|passwd|token|secret|api_?key|auth_?key|private_?key|credential")
                .unwrap(),
        }
    }

    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for hit in self.set.matches(&text.clone()) {
            let replaced =
                self.each[hit].replace_all(&text, |_: &Captures<'_>| "***REDACTED***").into_owned();
            text = Cow::Owned(replaced);
        }
        text
    }

    fn tree(&self, json: &str) -> String {
        let mut value: Value = serde_json::from_str(json).unwrap();
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
            Value::Object(members) => {
                for (name, value) in members {
                    if self.name.is_match(name) {
                        *value = Value::from("***REDACTED***");
                    } else {
                        self.walk(value);
                    }
                }
            }
            _ => {}
        }
    }
}
