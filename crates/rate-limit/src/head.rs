use std::cell::Cell;
use std::fmt;

use buttress_http::{ClientAddr, ClientAddrResolver};
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap, Method, Request, Uri, Version};

/// What policies see of a request: everything but its body.
pub struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    resolver: &'a ClientAddrResolver,
    /// Several policies may ask for it, and it may have to be found in a header.
    client: Cell<Client>,
}

/// What is known of the client's address.
#[derive(Clone, Copy)]
enum Client {
    NotAsked,
    Found(Option<ClientAddr>),
}

impl<'a> Head<'a> {
    #[inline]
    pub(crate) fn new<B>(request: &'a Request<B>, resolver: &'a ClientAddrResolver) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
            resolver,
            client: Cell::new(Client::NotAsked),
        }
    }

    /// The method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target. Where the layer stands inside a nested router, the prefix is gone from it.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The path of the target, as it was sent: nothing is decoded or resolved.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The header.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What other layers and the application know of the request.
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// One thing that other layers or the application know of the request.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.get()
    }

    /// The length of the body in bytes, if the request says it.
    pub fn content_length(&self) -> Option<u64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// Who the client is: the [`ClientAddr`] in the extensions, else whom the layer's resolver finds.
    #[expect(
        clippy::inline_always,
        reason = "what is found would be written to memory and read from it otherwise"
    )]
    #[inline(always)]
    pub fn client_addr(&self) -> Option<ClientAddr> {
        if let Client::Found(known) = self.client.get() {
            return known;
        }
        let found = self.find_client();
        self.client.set(Client::Found(found));
        found
    }

    #[inline]
    fn find_client(&self) -> Option<ClientAddr> {
        // An outer layer has decided already how many bits name a client.
        if let Some(given) = self.extensions.get::<ClientAddr>() {
            return Some(*given);
        }
        self.resolver.client_of_peer(self.extensions, self.headers)
    }
}

/// Shows where the request goes, and neither its query nor its header, where secrets are.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
