use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::builder::RedactorBuilder;
use crate::lines::Lines;
use crate::pass::Reading;
use crate::redacted::Redacted;
use crate::report::{Form, Report};
use crate::rules::Rules;
use crate::sink::Sink;

/// Finds secrets and puts masks in their place.
///
/// It never changes, a clone costs a reference count, and any number of threads may use one at the same time. The
/// [default](Self::default) one knows what the [crate page](crate) lists.
#[derive(Clone)]
pub struct Redactor {
    pub(crate) rules: Arc<Rules>,
}

static DEFAULT: LazyLock<Redactor> = LazyLock::new(RedactorBuilder::known);

impl Default for Redactor {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl Redactor {
    /// Begins with what the default one does.
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::new()
    }

    /// Redacts a text, such as a log message. It is borrowed if nothing was found.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let redactor = Redactor::default();
    /// assert_eq!(redactor.text("password=hunter2 user=ann"), "password=***REDACTED*** user=ann");
    /// ```
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.read_str(text, Reading::Text)
    }

    /// Redacts a text that may be in any encoding that has the ASCII letters in their places.
    pub fn bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.read(text, Reading::Text)
    }

    /// Redacts a text into a buffer, behind what is there, and says what was done.
    pub fn text_into(&self, text: &[u8], out: &mut Vec<u8>) -> Report {
        self.read_into(text, Reading::Text, out)
    }

    /// Redacts JSON text. What is not replaced stays to the byte: order, blanks, numbers, escapes.
    ///
    /// What is no JSON, or is cut off, is redacted as text; [`json_into`](Self::json_into) tells which it was.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let redactor = Redactor::default();
    /// let json = redactor.json(r#"{"user": "ann", "\u0070assword": "hunter2", "tries": 1.0}"#);
    /// assert_eq!(json, r#"{"user": "ann", "\u0070assword": "***REDACTED***", "tries": 1.0}"#);
    /// ```
    pub fn json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        self.read_str(json, Reading::Json)
    }

    /// Redacts JSON text that has not been checked to be UTF-8.
    pub fn json_bytes<'a>(&self, json: &'a [u8]) -> Cow<'a, [u8]> {
        self.read(json, Reading::Json)
    }

    /// Redacts JSON text into a buffer, behind what is there, and says what was done.
    ///
    /// ```
    /// use buttress_redact::{Form, Redactor};
    ///
    /// let mut out = Vec::new();
    /// let report = Redactor::default().json_into(br#"{"card":4111111111111111,"token":"#, &mut out);
    /// assert_eq!(report.form(), Form::Text); // it is cut off
    /// assert_eq!(out, br#"{"card":****-****-****-1111,"token":"#);
    /// ```
    pub fn json_into(&self, json: &[u8], out: &mut Vec<u8>) -> Report {
        self.read_into(json, Reading::Json, out)
    }

    /// Redacts a URL: who logs in, parameters with telling names, and what is found anywhere in it.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let url = "https://ann:pw@example.com/a?page=2&api_key=abc#access_token=xyz";
    /// let redacted = "https://***REDACTED***@example.com/a?page=2&api_key=***REDACTED***#access_token=***REDACTED***";
    /// assert_eq!(Redactor::default().url(url), redacted);
    /// ```
    pub fn url<'a>(&self, url: &'a str) -> Cow<'a, str> {
        self.read_str(url, Reading::Url)
    }

    /// Redacts a URL that has not been checked to be UTF-8.
    pub fn url_bytes<'a>(&self, url: &'a [u8]) -> Cow<'a, [u8]> {
        self.read(url, Reading::Url)
    }

    /// Redacts the query of a URL, without its question mark; also a form.
    pub fn query<'a>(&self, query: &'a str) -> Cow<'a, str> {
        self.read_str(query, Reading::Query)
    }

    /// Redacts the value of a field whose name is known, such as a field of a log event.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let redactor = Redactor::default();
    /// assert_eq!(redactor.field("db.password", "hunter2"), "***REDACTED***");
    /// assert_eq!(redactor.field("actor", "john@example.com"), "joh***@example.com");
    /// ```
    pub fn field<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        self.read_str(value, Reading::Field(name.as_bytes()))
    }

    /// Redacts the value of a header: as a field, but the scheme of credentials stays.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let value = Redactor::default().header("authorization", b"Bearer abc").into_owned();
    /// assert_eq!(value, b"Bearer ***REDACTED***");
    /// ```
    pub fn header<'a>(&self, name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
        self.read(value, Reading::Header(name.as_bytes()))
    }

    /// Whether values of this name are hidden; of some names only if they look like secrets.
    pub fn hides_name(&self, name: &str) -> bool {
        self.rules.names.of(name.as_bytes()).is_some()
    }

    /// Whether nothing in a text would be replaced.
    pub fn is_clean(&self, text: &str) -> bool {
        matches!(self.text(text), Cow::Borrowed(_))
    }

    /// A value that is redacted whenever it is printed or serialised.
    pub fn wrap<T>(&self, value: T) -> Redacted<T> {
        Redacted::by(self, value)
    }

    /// Redacts a stream of lines, in which a private key may run over many.
    pub fn lines(&self) -> Lines {
        Lines::new(self.clone())
    }

    /// The longest input that is looked at, in bytes.
    pub fn max_bytes(&self) -> usize {
        self.rules.max_bytes
    }

    fn read<'a>(&self, source: &'a [u8], reading: Reading<'_>) -> Cow<'a, [u8]> {
        match reading.rewrite(&self.rules, source) {
            Some(sink) => Cow::Owned(sink.finish().0),
            None => Cow::Borrowed(source),
        }
    }

    fn read_str<'a>(&self, source: &'a str, reading: Reading<'_>) -> Cow<'a, str> {
        match reading.rewrite(&self.rules, source.as_bytes()) {
            Some(sink) => Cow::Owned(text_of(sink.finish().0)),
            None => Cow::Borrowed(source),
        }
    }

    fn read_into(&self, source: &[u8], reading: Reading<'_>, out: &mut Vec<u8>) -> Report {
        let mut sink = Sink::onto(source, std::mem::take(out));
        let form: Form = reading.pass(&self.rules, source, &mut sink);
        let report;
        (*out, report) = sink.finish();
        report.of(form)
    }
}

/// What is cut out of UTF-8 begins and ends at ASCII; if that were ever wrong, no secret would come of it.
fn text_of(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl fmt::Debug for Redactor {
    /// Without the secrets it was told about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rules { detectors, max_bytes, max_depth, .. } = &*self.rules;
        f.debug_struct("Redactor")
            .field("detectors", detectors)
            .field("max_bytes", max_bytes)
            .field("max_depth", max_depth)
            .finish_non_exhaustive()
    }
}
