//! What reqwest's errors mean, and what they must not say.

use std::error::Error as StdError;
use std::io;

use buttress_core::BoxError;
use buttress_http::{TransportError, TransportKind};
use reqwest::Url;

/// The error of a request that could not be built.
pub(crate) fn of_request(error: reqwest::Error) -> TransportError {
    TransportError::new(TransportKind::Invalid, without_secrets(error))
}

/// The error of a call that was answered by no response.
pub(crate) fn of_call(error: reqwest::Error, redirected: bool) -> TransportError {
    TransportError::new(kind_of_call(&error, redirected), without_secrets(error))
}

/// The error of a response whose body ended early.
pub(crate) fn of_body(error: reqwest::Error) -> TransportError {
    let kind = if error.is_timeout() {
        TransportKind::TimedOut
    } else if has_cause(&error, broke_off) {
        TransportKind::Interrupted
    } else {
        TransportKind::Other
    };
    TransportError::new(kind, without_secrets(error))
}

fn kind_of_call(error: &reqwest::Error, redirected: bool) -> TransportKind {
    if error.is_builder() || error.is_redirect() {
        TransportKind::Invalid
    } else if error.is_connect() {
        // Before the timeout: a connection that took too long was none. But after a redirect it was not the
        // first connection, and the service that redirected has had the request.
        if redirected { TransportKind::Interrupted } else { TransportKind::Connect }
    } else if error.is_timeout() {
        TransportKind::TimedOut
    } else if has_cause(error, was_request_body) {
        TransportKind::RequestBody
    } else if has_cause(error, broke_off) {
        TransportKind::Interrupted
    } else {
        TransportKind::Other
    }
}

/// Hyper reports a failed request body as its own error, with what reqwest's body said as the cause.
fn was_request_body(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref().is_some_and(reqwest::Error::is_body)
}

/// Whether a connection that had been made was lost.
fn broke_off(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    }
    error.downcast_ref::<io::Error>().is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::NotConnected
        )
    })
}

fn has_cause(error: &reqwest::Error, is_it: impl Fn(&(dyn StdError + 'static)) -> bool) -> bool {
    std::iter::successors(error.source(), |&error| error.source()).any(is_it)
}

/// Reqwest's errors carry the URL and print it. Whoever logs one with its causes must not log a token with it.
fn without_secrets(mut error: reqwest::Error) -> BoxError {
    if has_cause(&error, quotes_a_secret) {
        return BoxError::from("the cause is left out, because it quotes a URL with its query or password");
    }
    if let Some(url) = error.url_mut() {
        strip(url);
    }
    error.into()
}

fn quotes_a_secret(error: &(dyn StdError + 'static)) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let quoting = error.downcast_ref().or(wrapped.and_then(|inner| inner.downcast_ref()));
    quoting.and_then(reqwest::Error::url).is_some_and(|url| {
        let mut stripped = url.clone();
        strip(&mut stripped);
        stripped != *url
    })
}

fn strip(url: &mut Url) {
    url.set_query(None);
    url.set_fragment(None);
    // Both fail for URLs that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stripped_url_tells_where_and_nothing_else() {
        for (url, expected) in [
            ("https://us%65r:p%40ss@host:8443/a/b?token=t#f", "https://host:8443/a/b"),
            ("https://host/?token=t", "https://host/"),
            ("http://[::1]:80/%3Fa", "http://[::1]/%3Fa"),
            ("data:text/plain,x?token=t", "data:text/plain,x"),
        ] {
            let mut url: Url = url.parse().expect("a URL");
            strip(&mut url);
            assert_eq!(url.as_str(), expected);
        }
    }
}
