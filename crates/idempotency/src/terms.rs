use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Entropy, Observer};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode, Uri};

use crate::marks::Marks;
use crate::seats::Bounds;
use crate::{Ending, KeptHeaders, WhenAbandoned, WhenStoreFails, places};

/// Something that a request's head says.
pub(crate) type OfHead<A> = Arc<dyn Fn(&Parts) -> A + Send + Sync>;
/// Writes a request's caller into what it is given; false if there is none.
pub(crate) type ScopeOf = Arc<dyn Fn(&Parts, &mut Vec<u8>) -> bool + Send + Sync>;

/// The settings of a layer.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) name: Arc<str>,
    pub(crate) scope: Option<ScopeOf>,
    pub(crate) is_one_scope: bool,
    pub(crate) endpoint: Option<OfHead<String>>,
    pub(crate) uri: Option<OfHead<Option<Uri>>>,
    pub(crate) compared: Arc<[HeaderName]>,
    pub(crate) secret: Arc<[u8]>,
    pub(crate) methods: Arc<[Method]>,
    pub(crate) required: Option<OfHead<bool>>,
    pub(crate) key: HeaderName,
    pub(crate) key_from: Option<OfHead<Option<String>>>,
    pub(crate) marks: Marks,
    pub(crate) kept: KeptHeaders,
    pub(crate) ending: fn(StatusCode) -> Ending,
    pub(crate) retain: Duration,
    pub(crate) lease: Duration,
    pub(crate) longest: Duration,
    pub(crate) store_time: Duration,
    pub(crate) body_time: Duration,
    pub(crate) request_limit: u64,
    pub(crate) response_limit: u64,
    pub(crate) max_requests: usize,
    /// Half of them if nothing was said, unless all share one scope.
    pub(crate) max_requests_per_scope: Option<usize>,
    pub(crate) wait: Duration,
    pub(crate) waiters: Bounds,
    pub(crate) when_abandoned: WhenAbandoned,
    pub(crate) when_store_fails: WhenStoreFails,
    pub(crate) entropy: Entropy,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Terms {
    /// Whose request it is.
    pub(crate) fn caller(&self, head: &Parts) -> Option<Vec<u8>> {
        let mut caller = Vec::new();
        let is_known = self.scope.as_ref().is_some_and(|scope| scope(head, &mut caller));
        is_known.then_some(caller)
    }

    /// How many requests are worked on at once.
    pub(crate) fn places(&self) -> places::Bounds {
        let in_all = self.max_requests;
        let usual = if self.is_one_scope { in_all } else { in_all.div_ceil(2) };
        places::Bounds { in_all, per_scope: self.max_requests_per_scope.unwrap_or(usual) }
    }

    pub(crate) fn needs_key(&self, head: &Parts) -> bool {
        self.required.as_ref().is_some_and(|required| required(head))
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            name: "".into(),
            scope: None,
            is_one_scope: false,
            endpoint: None,
            uri: None,
            compared: [].into(),
            secret: [].into(),
            methods: [Method::POST, Method::PATCH].into(),
            required: None,
            key: HeaderName::from_static("idempotency-key"),
            key_from: None,
            marks: Marks::default(),
            kept: KeptHeaders::all(),
            ending: Ending::of_status,
            retain: Duration::from_secs(86_400),
            lease: Duration::from_secs(30),
            longest: Duration::from_secs(900),
            store_time: Duration::from_millis(250),
            body_time: Duration::from_secs(30),
            request_limit: 1 << 20,
            response_limit: 1 << 20,
            max_requests: 512,
            max_requests_per_scope: None,
            wait: Duration::ZERO,
            waiters: Bounds { in_all: 256, per_key: 8 },
            when_abandoned: WhenAbandoned::TakeOver,
            when_store_fails: WhenStoreFails::Refuse,
            entropy: Entropy::system(),
            observer: None,
        }
    }
}
