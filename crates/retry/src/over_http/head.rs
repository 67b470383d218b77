use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use super::extras::Extras;

/// The head of a request, kept cheaply: most are never needed again.
///
/// The fields are copied into one buffer and made into a map only for a retry. Cloning the map instead costs half
/// as much again, and one allocation more for each value that was not shared before.
#[derive(Debug)]
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    extras: Extras,
    fields: Fields,
}

/// Header fields in one buffer: for each, its lengths, its name and its value.
#[derive(Debug)]
struct Fields {
    bytes: Vec<u8>,
    count: usize,
}

/// The lengths of a field: 31 bits of value, one bit of whether it is sensitive, 32 bits of name.
const LENGTHS: usize = size_of::<u64>();
const SENSITIVE: u64 = 1 << 63;
const NAME: u64 = u32::MAX as u64;

impl Head {
    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            extras: Extras::of(request.extensions()),
            fields: Fields::pack(request.headers()),
        }
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    /// The head as it was; `None` if a field cannot be read back, which no head makes happen that was valid.
    pub(crate) fn unpack(&self) -> Option<Parts> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extras.unpack();
        *request.headers_mut() = self.fields.unpack()?;
        Some(request.into_parts().0)
    }
}

impl Fields {
    fn pack(headers: &HeaderMap) -> Self {
        const USUAL_FIELD_BYTES: usize = 64;
        let mut bytes = Vec::with_capacity(headers.len() * USUAL_FIELD_BYTES);
        for (name, value) in headers {
            let (name, sensitive) = (name.as_str().as_bytes(), u64::from(value.is_sensitive()) << 63);
            let lengths = sensitive | (value.len() as u64) << 32 | name.len() as u64;
            bytes.extend_from_slice(&lengths.to_ne_bytes());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value.as_bytes());
        }
        Self { bytes, count: headers.keys_len() }
    }

    fn unpack(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::try_with_capacity(self.count).ok()?;
        let mut rest = &*self.bytes;
        while let Some((lengths, after)) = rest.split_first_chunk::<LENGTHS>() {
            let lengths = u64::from_ne_bytes(*lengths);
            let (name, after) = after.split_at_checked(usize::try_from(lengths & NAME).ok()?)?;
            let value = usize::try_from((lengths & !SENSITIVE) >> 32).ok()?;
            let (value, after) = after.split_at_checked(value)?;
            let mut value = HeaderValue::from_bytes(value).ok()?;
            value.set_sensitive(lengths & SENSITIVE != 0);
            headers.try_append(HeaderName::from_bytes(name).ok()?, value).ok()?;
            rest = after;
        }
        Some(headers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn built(request: http::request::Builder) -> Request<()> {
        request.body(()).expect("a valid request")
    }

    #[test]
    fn a_head_comes_back_as_it_was() {
        let mut secret = HeaderValue::from_static("Bearer abc");
        secret.set_sensitive(true);
        for uri in ["https://user@example.com:8443/a/b?c=d", "/a?b", "*", "http://[::1]/"] {
            let mut head = built(
                Request::put(uri)
                    .version(Version::HTTP_2)
                    .header("x-own-name", "1")
                    .header("x-own-name", "2")
                    .header("authorization", secret.clone())
                    .header("x-latin", HeaderValue::from_bytes(b"caf\xe9\t!").expect("opaque bytes"))
                    .header("x-empty", ""),
            );
            head.extensions_mut().insert(7_u8);
            let back = Head::of(&head).unpack().expect("a valid head");
            assert_eq!((&back.method, &back.uri, back.version), (head.method(), head.uri(), head.version()));
            assert_eq!(&back.headers, head.headers());
            assert!(back.headers["authorization"].is_sensitive() && !back.headers["x-empty"].is_sensitive());
            assert_eq!(back.extensions.get::<u8>(), Some(&7));
        }
    }

    #[test]
    fn more_values_of_one_name_than_a_map_has_places_for_names_come_back() {
        let mut head = built(Request::get("/"));
        for _ in 0..25_000 {
            head.headers_mut().append("x-id", HeaderValue::from_static("7"));
        }
        let back = Head::of(&head).unpack().expect("a valid head");
        assert_eq!(back.headers.get_all("x-id").iter().count(), 25_000);
    }

    #[test]
    fn a_connect_request_comes_back_as_it_was() {
        let head = built(Request::connect("example.com:443"));
        assert_eq!(Head::of(&head).unpack().map(|back| back.uri).as_ref(), Some(head.uri()));
    }

    proptest! {
        #[test]
        fn any_fields_come_back_in_order(
            fields in prop::collection::vec(("[a-z][a-z0-9-]{0,20}", "[ -~]{0,90}"), 0..20),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a valid name");
                headers.append(name, HeaderValue::from_str(&value).expect("a valid value"));
            }
            prop_assert_eq!(Fields::pack(&headers).unpack(), Some(headers));
        }
    }
}
