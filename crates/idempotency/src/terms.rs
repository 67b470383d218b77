use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Entropy, Observer};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};

use crate::seats::Bounds;
use crate::{Ending, WhenAbandoned, WhenStoreFails};

/// Writes a request's caller into what it is given; false if there is none.
pub(crate) type ScopeOf = Arc<dyn Fn(&Parts, &mut Vec<u8>) -> bool + Send + Sync>;
/// The endpoint of a request, as a pattern.
pub(crate) type EndpointOf = Arc<dyn Fn(&Parts) -> String + Send + Sync>;

/// The settings of a layer.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) name: Arc<str>,
    pub(crate) scope: Option<ScopeOf>,
    pub(crate) endpoint: Option<EndpointOf>,
    pub(crate) secret: Arc<[u8]>,
    pub(crate) methods: Arc<[Method]>,
    pub(crate) is_required: bool,
    pub(crate) key: HeaderName,
    pub(crate) replayed: HeaderName,
    pub(crate) dropped: Arc<[HeaderName]>,
    pub(crate) ending: fn(StatusCode) -> Ending,
    pub(crate) retain: Duration,
    pub(crate) lease: Duration,
    pub(crate) longest: Duration,
    pub(crate) store_time: Duration,
    pub(crate) body_time: Duration,
    pub(crate) request_limit: u64,
    pub(crate) response_limit: u64,
    pub(crate) max_requests: usize,
    pub(crate) wait: Duration,
    pub(crate) waiters: Bounds,
    pub(crate) when_abandoned: WhenAbandoned,
    pub(crate) when_store_fails: WhenStoreFails,
    pub(crate) entropy: Entropy,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}
