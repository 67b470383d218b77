use http::Method;

/// Whether a request by this method only reads (RFC 9110, section 9.2.1).
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether sending a request by this method twice has the effect of sending it once (RFC 9110, section 9.2.2).
///
/// A method that nobody has registered is taken not to be.
pub fn is_idempotent(method: &Method) -> bool {
    is_safe(method) || matches!(*method, Method::PUT | Method::DELETE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safety_is_that_of_the_standard() {
        let table = [
            (Method::GET, true, true),
            (Method::HEAD, true, true),
            (Method::OPTIONS, true, true),
            (Method::TRACE, true, true),
            (Method::PUT, false, true),
            (Method::DELETE, false, true),
            (Method::POST, false, false),
            (Method::PATCH, false, false),
            (Method::CONNECT, false, false),
        ];
        for (method, safe, idempotent) in table {
            assert_eq!((is_safe(&method), is_idempotent(&method)), (safe, idempotent), "{method}");
        }
        let unknown = Method::from_bytes(b"PURGE").expect("a token");
        assert!(!is_idempotent(&unknown));
    }
}
