//! Finds secrets and personal data in text, JSON, URLs, headers and anything that serialises, and puts a mask in
//! their place before it is written where others can read it.
//!
//! # Example
//!
//! ```
//! use buttress_redact::Redactor;
//!
//! let redactor = Redactor::default();
//! assert_eq!(
//!     redactor.text("login of john@example.com with password=hunter2 by card 4111 1111 1111 1111"),
//!     "login of joh***@example.com with password=***REDACTED*** by card ****-****-****-1111",
//! );
//! assert_eq!(
//!     redactor.json(r#"{"id": 7, "apiKey": "abc", "note": "sent Bearer abcdef123456"}"#),
//!     r#"{"id": 7, "apiKey": "***REDACTED***", "note": "sent Bearer ***REDACTED***"}"#,
//! );
//! ```
//!
//! | to redact | take | because |
//! |---|---|---|
//! | a log message, an error text | [`Redactor::text`], [`Redacted`] in a format string | it is prose with assignments in it |
//! | JSON, such as an audit record or a log line | [`Redactor::json`], [`Redactor::json_into`] | names and values are known for what they are |
//! | a value before it is serialised | [`Redacted`] with the feature `serde` | no text has to be made first |
//! | one field of a log event | [`Redactor::field`] | its name is known apart from it |
//! | URLs, queries, forms | [`Redactor::url`], [`Redactor::query`] | escapes in them are read |
//! | headers | [`Redactor::header`], and `Redactor::headers` with the feature `http` | the scheme of credentials stays |
//! | lines of a stream | [`Redactor::lines`] | a private key runs over many |
//! | what other programs print | the command `buttress-redact` | it reads lines and writes them redacted |
//!
//! # Place in the stack
//!
//! It is no layer. It sits where a line is written: in the formatter of logs, the encoder of audit records, the
//! exporter of spans, the body of an error, the log of a client's requests.
//!
//! ```text
//! handler > tracing event > formatter > REDACT > writer
//! request > audit layer   > encoder   > REDACT > log file
//! ```
//!
//! Never beside another tracing layer, which would print what it had been given before. Redact first and shorten
//! afterwards: half a secret is not found.
//!
//! # States
//!
//! None. A [`Redactor`] is the same for ever; a clone costs a reference count. Only [`Lines`] remembers something:
//! whether it is inside a private key.
//!
//! What is found, and what it becomes:
//!
//! | what | known by | becomes |
//! |---|---|---|
//! | values of telling names: `password`, `api_key`, `X-Auth-Token`, `clientSecret` and some hundred more | the name, in any case, with any separators or none, with escapes in it | `***REDACTED***` |
//! | `Bearer` and `Basic` credentials, `Cookie` and `Authorization` lines | scheme and shape | the scheme, then `***REDACTED***` |
//! | user and password in a URL | their place | `***REDACTED***` |
//! | JSON web tokens | their parts | `***REDACTED:jwt***` |
//! | keys of AWS, Google, Azure, GitHub, GitLab, Slack, Stripe, Twilio, `SendGrid`, npm, `PyPI`, `OpenAI`, Anthropic and others | prefix, alphabet, length | `***REDACTED:github***` and so on |
//! | private keys | PEM or PGP armour | `***REDACTED:private_key***` |
//! | e-mail addresses | shape; not packages, images, units or remote paths | `joh***@example.com` |
//! | payment cards | issuer, length, check digit | `****-****-****-1234` |
//! | social security numbers | dashes or name; numbers that can have been given out | `***-**-6789` |
//! | bank account numbers (IBAN) | country, length, check digits | `***REDACTED:iban***` |
//!
//! Rule by rule, and what it cannot see: `docs/redact.md`.
//!
//! # Cancellation
//!
//! Nothing waits, so nothing can be cancelled.
//!
//! # Cost
//!
//! One pass, without backtracking: the work grows with the input and no faster, whatever the input is. No lock and no
//! clock.
//!
//! | path | allocations |
//! |---|---|
//! | nothing found | 0: the input is borrowed |
//! | something found | that of the output; into a buffer with room, 0 |
//! | JSON strings with a backslash in them | one buffer for all of a text's, which grows to the longest of them; 1 more for each that has something in it |
//! | a name that is not ASCII or has escapes of URLs, a part of a URL with escapes | 1 or 2 |
//!
//! Most inputs have nothing to hide, and to prove that takes a third of the time that a look does: some twelve
//! instructions for a byte of JSON, and 270 for a text of twenty bytes. What was not proven is looked at.
//! Where the name of a value is known when the program is built, ask [`Redactor::hides_name`] once, and then
//! [`Redactor::text`] for each value.
//!
//! `cargo xtask bench --only redact-clean` measures it beside a set of regular expressions and beside parsing, walking
//! and serialising.
//!
//! # When things fail
//!
//! Nothing fails, and in doubt it hides.
//!
//! | when | then |
//! |---|---|
//! | JSON is broken or cut off | it is redacted as text; [`Report::form`] says so |
//! | JSON is deeper than `max_depth` | `"***REDACTED:too_deep***"` stands for what is deeper |
//! | an input is longer than `max_bytes` | `***REDACTED:too_long***` stands for it |
//! | a quote, list or private key is not closed | it is hidden to the end of the line, or of the text |
//! | the key of a map is no name (`serde`) | the key and its value are hidden |
//!
//! A second pass over what was redacted changes nothing.
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | [`hide_name`](RedactorBuilder::hide_name), [`hide_names_ending`](RedactorBuilder::hide_names_ending), [`hide_names_with`](RedactorBuilder::hide_names_with) | the known names | 3 ASCII letters or more | hides the values of more names |
//! | [`show_name`](RedactorBuilder::show_name) | places in lists, such as `next_page_token` | the same | lets values of a name be seen |
//! | [`detect`](RedactorBuilder::detect), [`ignore`](RedactorBuilder::ignore) | all but [`Phone`](Detector::Phone) and [`Entropy`](Detector::Entropy) | each [`Detector`] | what is known by its looks |
//! | [`secret`](RedactorBuilder::secret) | none | 6 to 4096 bytes, 10000 of them with the tokens | hides a known secret anywhere |
//! | [`token`](RedactorBuilder::token) | none | prefix from 3 bytes, `min` 4 to 4096 | hides tokens of one's own make |
//! | [`max_bytes`](RedactorBuilder::max_bytes) | 8 MiB | 64 bytes to 1 GiB | the longest input that is looked at |
//! | [`max_depth`](RedactorBuilder::max_depth) | 64 | 1 to 256 brackets | the deepest JSON that is looked into |
//!
//! # Features
//!
//! | feature | default | for |
//! |---|---|---|
//! | `http` | off | whole header maps: `Redactor::headers`, `Redactor::header_value` |
//! | `serde` | off | [`Redacted`] serialises redacted |
//!
//! # Sources
//!
//! RFC 8259 (JSON), RFC 3986 (URLs), RFC 9110 section 11, RFC 6750 and RFC 7617 (credentials), RFC 7519 (JSON web
//! tokens), RFC 7468 and RFC 1421 (armour), ISO/IEC 7812-1 annex B (check digit of cards), ISO 13616 (IBAN), and what
//! vendors publish about the shape of their keys. That a check digit alone is not enough was seen elsewhere: one in ten
//! timestamps has a right one.

mod builder;
mod class;
mod detect;
mod detector;
mod doubt;
mod effort;
mod header;
#[cfg(feature = "http")]
mod http;
mod json;
#[cfg(test)]
mod linear;
mod lines;
mod mask;
mod name;
mod pass;
mod redacted;
mod redactor;
mod report;
mod rules;
mod scan;
#[cfg(feature = "serde")]
mod serial;
mod sink;
mod url;

pub use buttress_core::ConfigError;

pub use self::builder::RedactorBuilder;
pub use self::detector::Detector;
#[cfg(feature = "http")]
pub use self::http::Headers;
pub use self::lines::Lines;
pub use self::redacted::Redacted;
pub use self::redactor::Redactor;
pub use self::report::{Form, Report};
