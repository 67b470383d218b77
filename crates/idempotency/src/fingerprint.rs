use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::terms::Terms;
use crate::{Fingerprint, RecordId, Scope};

/// A hash over parts with their lengths, so that no two lists of parts are one, and none is the beginning of another.
pub(crate) struct Parted {
    hash: Sha256,
    /// What comes next and is short: most parts are, and a hash takes them faster together.
    next: [u8; Self::TOGETHER],
    filled: usize,
}

impl Parted {
    const TOGETHER: usize = 128;

    /// For one purpose, whose name keeps its hashes apart from all others.
    pub(crate) fn of(purpose: &str) -> Self {
        let mut hash = Self::after(Sha256::new());
        hash.add(purpose.as_bytes());
        hash
    }

    #[inline]
    const fn after(hash: Sha256) -> Self {
        Self { hash, next: [0; Self::TOGETHER], filled: 0 }
    }

    /// Parts are far shorter than 4 GiB.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.add_number(part.len());
        self.put(part);
    }

    #[inline]
    fn add_number(&mut self, number: usize) {
        let bytes = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        match self.next[self.filled..].first_chunk_mut() {
            Some(next) => {
                *next = bytes;
                self.filled += bytes.len();
            }
            None => self.put(&bytes),
        }
    }

    /// All values of a header, and how many there are.
    fn add_each(&mut self, headers: &HeaderMap, name: &HeaderName, form: impl Fn(&[u8]) -> Cow<'_, [u8]>) {
        let values = headers.get_all(name);
        self.add_number(values.iter().count());
        values.iter().for_each(|value| self.add(&form(value.as_bytes())));
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > Self::TOGETHER - self.filled {
            self.hash.update(&self.next[..self.filled]);
            self.filled = 0;
        }
        match self.next.get_mut(self.filled..self.filled + bytes.len()) {
            Some(next) => {
                next.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            None => self.hash.update(bytes),
        }
    }

    /// The hash of parts that come after what was hashed already.
    fn of_parts(begun: &Sha256, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Self::after(begun.clone());
        for part in parts {
            hash.add(part);
        }
        hash.finish()
    }

    #[inline]
    pub(crate) fn finish(mut self) -> [u8; 32] {
        self.hash.update(&self.next[..self.filled]);
        self.hash.finalize().into()
    }
}

/// What a layer's hashes begin with: one block, made of its secret once. Since what follows says its own length, nobody
/// who knows a hash can go on from there to that of another request, nor back to the secret.
pub(crate) struct Hashes {
    record: Sha256,
    caller: Sha256,
    /// Of a caller without a name, as where all share one scope.
    nobody: Scope,
    request: Sha256,
}

impl Hashes {
    pub(crate) fn of(terms: &Terms) -> Self {
        let begun = |purpose, name: &str| {
            let mut seed = Parted::of(purpose);
            seed.add(&terms.secret);
            seed.add(name.as_bytes());
            let mut block = [0; 64];
            block[..32].copy_from_slice(&seed.finish());
            Sha256::new_with_prefix(block)
        };
        let caller = begun("buttress idempotency caller 3", "");
        Self {
            record: begun("buttress idempotency record 3", &terms.name),
            nobody: scope_of(&caller, &[]),
            caller,
            request: begun("buttress idempotency request 3", ""),
        }
    }

    /// Which record a key means: the caller's own at this layer, whatever others call theirs.
    pub(crate) fn record_id(&self, caller: &[u8], key: &str) -> RecordId {
        RecordId::from_bytes(Parted::of_parts(&self.record, &[caller, key.as_bytes()]))
    }

    /// The caller, for stores that bound what one may fill.
    pub(crate) fn scope_of(&self, caller: &[u8]) -> Scope {
        if caller.is_empty() { self.nobody } else { scope_of(&self.caller, caller) }
    }

    /// All that makes two requests the same.
    pub(crate) fn fingerprint(
        &self,
        terms: &Terms,
        endpoint: &str,
        head: &Parts,
        body: &[u8],
    ) -> Fingerprint {
        let seen = terms.uri.as_ref().and_then(|uri| uri(head));
        let uri = seen.as_ref().unwrap_or(&head.uri);
        let mut hash = Parted::after(self.request.clone());
        hash.add(endpoint.as_bytes());
        hash.add(head.method.as_str().as_bytes());
        hash.add(uri.path().as_bytes());
        hash.add_number(uri.query().iter().count());
        hash.add(uri.query().unwrap_or_default().as_bytes());
        hash.add_each(&head.headers, &CONTENT_TYPE, |value| lowercase(essence(value)));
        hash.add_each(&head.headers, &CONTENT_ENCODING, lowercase);
        for name in &*terms.compared {
            hash.add(name.as_str().as_bytes());
            hash.add_each(&head.headers, name, |value| value.into());
        }
        hash.add(body);
        Fingerprint::from_bytes(hash.finish())
    }
}

fn scope_of(begun: &Sha256, caller: &[u8]) -> Scope {
    let hash = Parted::of_parts(begun, &[caller]);
    Scope::from_bits(hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
}

/// A media type without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Most values are.
fn lowercase(value: &[u8]) -> Cow<'_, [u8]> {
    if value.iter().any(u8::is_ascii_uppercase) { value.to_ascii_lowercase().into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms::default()
    }

    fn fingerprint(terms: &Terms, endpoint: &str, head: &Parts, body: &[u8]) -> Fingerprint {
        Hashes::of(terms).fingerprint(terms, endpoint, head, body)
    }

    fn record_id(terms: &Terms, caller: &[u8], key: &str) -> RecordId {
        Hashes::of(terms).record_id(caller, key)
    }

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn of(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Fingerprint {
        fingerprint(&terms(), "", &request(method, uri, headers), body.as_bytes())
    }

    #[test]
    fn each_part_of_a_request_counts() {
        let plain = [("content-type", "text/plain")];
        let gzip = [("content-type", "text/plain"), ("content-encoding", "gzip")];
        let both = [gzip[0], gzip[1], ("content-encoding", "br")];
        let list = [
            of("POST", "/a?b=1", &plain, "c"),
            of("PATCH", "/a?b=1", &plain, "c"),
            of("POST", "/b?b=1", &plain, "c"),
            of("POST", "/a?b=2", &plain, "c"),
            of("POST", "/a", &plain, "c"),
            of("POST", "/a?", &plain, "c"),
            of("POST", "/%61", &plain, "c"),
            of("POST", "/a?b=1", &[("content-type", "text/html")], "c"),
            of("POST", "/a?b=1", &[], "c"),
            of("POST", "/a?b=1", &gzip, "c"),
            of("POST", "/a?b=1", &both, "c"),
            of("POST", "/a?b=1", &plain, "d"),
        ];
        for (at, one) in list.iter().enumerate() {
            assert!(!list[..at].contains(one), "request {at} is as good as an earlier one");
        }
        assert_eq!(list[0], of("POST", "/a?b=1", &[("content-type", "Text/Plain; charset=utf-8")], "c"));
    }

    #[test]
    fn endpoints_chosen_headers_and_the_secret_count() {
        let head = request("POST", "/a", &[("x-version", "1")]);
        let plain = fingerprint(&terms(), "", &head, b"");
        assert_ne!(plain, fingerprint(&terms(), "POST /v1/a", &head, b""));
        assert_ne!(plain, fingerprint(&Terms { secret: [1; 16].into(), ..terms() }, "", &head, b""));
        let picky = Terms { compared: [HeaderName::from_static("x-version")].into(), ..terms() };
        let other = request("POST", "/a", &[("x-version", "2")]);
        assert_eq!(plain, fingerprint(&terms(), "", &other, b""));
        assert_ne!(fingerprint(&picky, "", &head, b""), fingerprint(&picky, "", &other, b""));
    }

    #[test]
    fn a_hash_is_that_of_all_bytes_in_a_row_however_long_the_parts_are() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for lengths in
            [vec![], vec![0, 0], vec![118, 1, 0], vec![119], vec![120], vec![1, 500, 127], vec![60; 9]]
        {
            let (mut row, mut parted) = (b"\0\0\0\x01p".to_vec(), Parted::of("p"));
            for length in lengths {
                row.extend(u32::try_from(length).unwrap().to_be_bytes());
                row.extend(&bytes[..length]);
                parted.add(&bytes[..length]);
            }
            let plain: [u8; 32] = Sha256::digest(&row).into();
            assert_eq!(parted.finish(), plain, "{} bytes", row.len());
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let named = |name: &str| Terms { name: name.into(), ..terms() };
        assert_ne!(record_id(&terms(), b"ab", "c"), record_id(&terms(), b"a", "bc"));
        assert_ne!(record_id(&named("ab"), b"c", "d"), record_id(&named("a"), b"bc", "d"));
        let secret = Terms { secret: b"s"[..].into(), ..terms() };
        assert_ne!(record_id(&secret, b"a", "c"), record_id(&terms(), b"a", "c"));
        assert_ne!(Hashes::of(&secret).scope_of(b"a"), Hashes::of(&terms()).scope_of(b"a"));
    }
}
