use std::borrow::Borrow;
use std::fmt;
use std::task::{Context, Poll};

use buttress_core::{AsError, ConfigError, Key, KeyOf, ModeSwitch, Reject};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::hold::{Hold, UntilResponse};
use crate::keyed::{KeyLimits, KeyedBulkheads};
use crate::layer::BulkheadLayerBuilder;

/// Puts a [`Bulkhead`](crate::Bulkhead) per key around services; made by [`BulkheadLayerBuilder::keyed`].
///
/// `P` says which key a request has, `K` is the key as it is kept.
///
/// ```
/// use buttress_bulkhead::{BulkheadLayer, KeyLimits, KeyWith};
/// use buttress_core::BoxError;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let by_tenant = KeyWith(|tenant: &u32| Some(*tenant));
/// let layer = BulkheadLayer::plain("tenants").max_concurrent(1).keyed(by_tenant, KeyLimits::new())?;
/// let service = layer.layer(service_fn(|tenant: u32| async move { Ok::<_, BoxError>(tenant) }));
///
/// let busy = layer.bulkheads().get(&7).try_acquire()?;
/// assert!(service.clone().oneshot(7).await.is_err());
/// assert_eq!(service.clone().oneshot(8).await?, 8);
/// # drop(busy);
/// # Ok(())
/// # }
/// ```
pub struct KeyedBulkheadLayer<K, P, J = AsError, H = UntilResponse> {
    bulkheads: KeyedBulkheads<K>,
    key: P,
    reject: J,
    hold: H,
}

/// A service that runs so many calls of each key at once; made by [`KeyedBulkheadLayer`].
///
/// It is ready when the inner service is.
pub struct KeyedBulkheadService<S, K, P, J, H> {
    inner: S,
    layer: KeyedBulkheadLayer<K, P, J, H>,
}

impl<J, H> BulkheadLayerBuilder<J, H> {
    /// Builds a layer with a bulkhead per key instead of one.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range.
    pub fn keyed<K: Key, P>(
        self,
        key: P,
        limits: KeyLimits,
    ) -> Result<KeyedBulkheadLayer<K, P, J, H>, ConfigError> {
        let (bulkhead, reject, hold) = self.into_parts();
        Ok(KeyedBulkheadLayer { bulkheads: bulkhead.keyed(limits)?, key, reject, hold })
    }
}

impl<K: Key, P, J, H> KeyedBulkheadLayer<K, P, J, H> {
    /// The bulkheads, to look at them and to steer them.
    pub fn bulkheads(&self) -> &KeyedBulkheads<K> {
        &self.bulkheads
    }

    /// The switch between enforce, observe and off, for all of them.
    pub fn mode(&self) -> &ModeSwitch {
        self.bulkheads.mode()
    }
}

impl<S, K, P: Clone, J: Clone, H: Clone> Layer<S> for KeyedBulkheadLayer<K, P, J, H> {
    type Service = KeyedBulkheadService<S, K, P, J, H>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedBulkheadService { inner, layer: self.clone() }
    }
}

impl<S, K, P, J, H, Req> Service<Req> for KeyedBulkheadService<S, K, P, J, H>
where
    S: Service<Req> + Clone,
    K: Key + Borrow<P::Key>,
    P: KeyOf<Req, Key: ToOwned<Owned = K>>,
    J: Reject<S::Response, S::Error> + Clone,
    H: Hold<Req, S::Response> + Clone,
{
    type Response = H::Held;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, J, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let KeyedBulkheadLayer { bulkheads, key, reject, hold } = &self.layer;
        let bulkhead = match key.key_of(&request) {
            Some(key) => bulkheads.get::<P::Key>(&key),
            None => bulkheads.other().clone(),
        };
        ResponseFuture::begin(&mut self.inner, request, &bulkhead, reject, hold)
    }
}

// By hand, because a derived one would ask for keys that can be cloned.
impl<K, P: Clone, J: Clone, H: Clone> Clone for KeyedBulkheadLayer<K, P, J, H> {
    fn clone(&self) -> Self {
        Self {
            bulkheads: self.bulkheads.clone(),
            key: self.key.clone(),
            reject: self.reject.clone(),
            hold: self.hold.clone(),
        }
    }
}

impl<S: Clone, K, P: Clone, J: Clone, H: Clone> Clone for KeyedBulkheadService<S, K, P, J, H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<K, P, J, H> fmt::Debug for KeyedBulkheadLayer<K, P, J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBulkheadLayer").field("bulkheads", &self.bulkheads).finish_non_exhaustive()
    }
}

impl<S, K, P, J, H> fmt::Debug for KeyedBulkheadService<S, K, P, J, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBulkheadService")
            .field("bulkheads", &self.layer.bulkheads)
            .finish_non_exhaustive()
    }
}
