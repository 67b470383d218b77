use std::borrow::Borrow;
use std::fmt;
use std::task::{Context, Poll};

use buttress_core::{Classify, ConfigError, Key, KeyOf, Refused, Reject};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::inner::{Fate, Inner};
use crate::keyed::{KeyLimits, KeyedBreakers};
use crate::layer::CircuitBreakerBuilder;

/// Puts a [`Breaker`](crate::Breaker) per key around services; made by [`CircuitBreakerBuilder::keyed`].
///
/// `P` says which key a request has, `K` is the key as it is kept.
///
/// ```
/// use buttress_circuit_breaker::{CircuitBreakerLayer, KeyLimits, KeyWith, State};
/// use buttress_core::BoxError;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let by_tenant = KeyWith(|tenant: &u32| Some(*tenant));
/// let layer = CircuitBreakerLayer::plain("tenants").keyed(by_tenant, KeyLimits::new())?;
/// let service = layer.layer(service_fn(|tenant: u32| async move {
///     if tenant == 7 { Err(BoxError::from("no answer")) } else { Ok(()) }
/// }));
/// for _ in 0..5 {
///     let _ = service.clone().oneshot(7).await;
/// }
/// assert_eq!(layer.breakers().get(&7).state(), State::Open);
/// assert!(service.clone().oneshot(8).await.is_ok());
/// # Ok(())
/// # }
/// ```
pub struct KeyedCircuitBreakerLayer<K, P, C, J> {
    breakers: KeyedBreakers<K>,
    key: P,
    classify: C,
    reject: J,
}

/// A service watched by a breaker per key; made by [`KeyedCircuitBreakerLayer`].
///
/// It is ready when the inner service is: which breaker matters is known only when the request is.
pub struct KeyedCircuitBreaker<S, K, P, C, J> {
    inner: Inner<S>,
    layer: KeyedCircuitBreakerLayer<K, P, C, J>,
}

impl<C, J> CircuitBreakerBuilder<C, J> {
    /// Builds a layer with a breaker per key instead of one.
    ///
    /// On a server the caller chooses the host of a request, and it is better to name the breaker by route:
    ///
    /// ```
    /// use axum::extract::{MatchedPath, Request};
    /// use buttress_circuit_breaker::{CircuitBreakerLayer, KeyLimits, KeyRef};
    ///
    /// let route = KeyRef::new(|request: &Request| request.extensions().get().map(MatchedPath::as_str));
    /// let layer = CircuitBreakerLayer::plain("routes").keyed::<String, _>(route, KeyLimits::new())?;
    /// # Ok::<(), buttress_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every setting that is out of range.
    pub fn keyed<K: Key, P>(
        self,
        key: P,
        limits: KeyLimits,
    ) -> Result<KeyedCircuitBreakerLayer<K, P, C, J>, ConfigError> {
        let (breaker, classify, reject) = self.into_parts();
        Ok(KeyedCircuitBreakerLayer { breakers: breaker.keyed(limits)?, key, classify, reject })
    }
}

impl<K, P, C, J> KeyedCircuitBreakerLayer<K, P, C, J> {
    /// The breakers, to look at them and to steer them.
    pub fn breakers(&self) -> &KeyedBreakers<K> {
        &self.breakers
    }
}

impl<S, K, P, C, J> Layer<S> for KeyedCircuitBreakerLayer<K, P, C, J>
where
    P: Clone,
    C: Clone,
    J: Clone,
{
    type Service = KeyedCircuitBreaker<S, K, P, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedCircuitBreaker { inner: Inner::new(inner), layer: self.clone() }
    }
}

impl<S, K, P, C, J, Req> Service<Req> for KeyedCircuitBreaker<S, K, P, C, J>
where
    S: Service<Req>,
    K: Key + Borrow<P::Key>,
    P: KeyOf<Req, Key: ToOwned<Owned = K>>,
    C: Classify<S::Response, S::Error> + Clone,
    J: Reject<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let KeyedCircuitBreakerLayer { breakers, key, classify, reject } = &self.layer;
        let breaker = match key.key_of(&request) {
            Some(key) => breakers.get::<P::Key>(&key),
            None => breakers.other().clone(),
        };
        match self.inner.fate_of_call(&breaker) {
            Fate::Runs(guard) => ResponseFuture::running(self.inner.call(request), guard, classify.clone()),
            Fate::Refused(open) => ResponseFuture::answered(reject.reject(Refused::new(open))),
            Fate::Failed(error) => ResponseFuture::answered(Err(error)),
        }
    }
}

// By hand, because a derived one would ask for keys that can be cloned.
impl<K, P: Clone, C: Clone, J: Clone> Clone for KeyedCircuitBreakerLayer<K, P, C, J> {
    fn clone(&self) -> Self {
        Self {
            breakers: self.breakers.clone(),
            key: self.key.clone(),
            classify: self.classify.clone(),
            reject: self.reject.clone(),
        }
    }
}

impl<S: Clone, K, P: Clone, C: Clone, J: Clone> Clone for KeyedCircuitBreaker<S, K, P, C, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<K, P, C, J> fmt::Debug for KeyedCircuitBreakerLayer<K, P, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerLayer").field("breakers", &self.breakers).finish_non_exhaustive()
    }
}

impl<S, K, P, C, J> fmt::Debug for KeyedCircuitBreaker<S, K, P, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker").field("breakers", &self.layer.breakers).finish_non_exhaustive()
    }
}
