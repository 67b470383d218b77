use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::mask::HIDDEN;
use crate::redactor::Redactor;

/// The headers of a message, redacted as they are printed or iterated over; made by [`Redactor::headers`].
#[derive(Clone)]
pub struct Headers<'h> {
    headers: &'h HeaderMap,
    redactor: Redactor,
}

impl Redactor {
    /// The headers of a message, to be printed or iterated over.
    ///
    /// A value that is marked as sensitive is hidden whatever its name.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    /// use http::HeaderMap;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("accept", "*/*".parse()?);
    /// headers.insert("authorization", "Bearer abc".parse()?);
    /// let printed = format!("{:?}", Redactor::default().headers(&headers));
    /// assert_eq!(printed, r#"{"accept": "*/*", "authorization": "Bearer ***REDACTED***"}"#);
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn headers<'h>(&self, headers: &'h HeaderMap) -> Headers<'h> {
        Headers { headers, redactor: self.clone() }
    }

    /// Redacts the value of one header of a message.
    pub fn header_value<'v>(&self, name: &HeaderName, value: &'v HeaderValue) -> Cow<'v, [u8]> {
        if value.is_sensitive() {
            return Cow::Borrowed(HIDDEN.as_bytes());
        }
        self.header(name.as_str(), value.as_bytes())
    }
}

impl<'h> Headers<'h> {
    /// Names and redacted values, in the order of the map.
    pub fn iter(&self) -> impl Iterator<Item = (&'h HeaderName, Cow<'h, [u8]>)> {
        self.headers.iter().map(|(name, value)| (name, self.redactor.header_value(name, value)))
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = self.iter().map(|(name, value)| (name.as_str(), Printed(value)));
        f.debug_map().entries(printed).finish()
    }
}

/// A value in quotes; what is no visible ASCII is escaped, so that it cannot end a line.
struct Printed<'v>(Cow<'v, [u8]>);

impl fmt::Debug for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
