//! A bearer token that is fetched once and shared until shortly before it expires.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// How long before its end a token is no longer used: a call that begins with it must also end with it.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// A bearer token as an upstream issued it.
pub(super) struct Issued {
    pub(super) token: Arc<str>,
    pub(super) lifetime: Duration,
}

/// The token in use.
struct Held {
    token: Arc<str>,
    renew_at: Instant,
}

impl Held {
    /// A token that lives for less than ten minutes is renewed at half its life; five minutes early would be always.
    fn new(issued: Issued, now: Instant) -> Self {
        let use_for = issued.lifetime.saturating_sub(EARLY).max(issued.lifetime / 2);
        // A lifetime past the end of all clocks is as good as none: renewed at once, and no harm done.
        Self { token: issued.token, renew_at: now.checked_add(use_for).unwrap_or(now) }
    }

    fn token(&self, now: Instant) -> Option<Arc<str>> {
        (now < self.renew_at).then(|| Arc::clone(&self.token))
    }
}

/// The token of one upstream. However many calls need a new one, one of them fetches it and the others wait for that.
///
/// A caller that leaves while it fetches makes room for the next one, so this lock may be held across an await.
#[derive(Default)]
pub(super) struct TokenCache {
    held: Mutex<Option<Held>>,
}

impl TokenCache {
    /// The token in use, or the one that `fetch` brings.
    pub(super) async fn get<E>(&self, fetch: impl Future<Output = Result<Issued, E>>) -> Result<Arc<str>, E> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().and_then(|held| held.token(now())) {
            return Ok(token);
        }
        let issued = fetch.await?;
        let token = Arc::clone(&issued.token);
        *held = Some(Held::new(issued, now()));
        Ok(token)
    }

    /// Forgets a token that the upstream does not take any more, unless somebody has replaced it already.
    pub(super) async fn forget(&self, token: &Arc<str>) {
        let mut held = self.held.lock().await;
        held.take_if(|held| Arc::ptr_eq(&held.token, token));
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCache")
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Numbers the tokens it issues.
    #[derive(Default)]
    struct Mint(AtomicU32);

    impl Mint {
        async fn issue(&self, lifetime_s: u64) -> Result<Issued, ()> {
            tokio::task::yield_now().await;
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Issued { token: number.to_string().into(), lifetime: Duration::from_secs(lifetime_s) })
        }
    }

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_until_five_minutes_before_its_end() {
        let (cache, mint) = (TokenCache::default(), Mint::default());
        for (wait, expected) in [(0, "0"), (3_299, "0"), (1, "1"), (3_299, "1"), (1, "2")] {
            after(wait).await;
            assert_eq!(&*cache.get(mint.issue(3_600)).await.expect("issued"), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_of_a_few_minutes_is_used_for_half_its_life() {
        let (cache, mint) = (TokenCache::default(), Mint::default());
        for (wait, expected) in [(0, "0"), (29, "0"), (1, "1")] {
            after(wait).await;
            assert_eq!(&*cache.get(mint.issue(60)).await.expect("issued"), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_fetches_for_all_that_wait() {
        let (cache, mint) = (TokenCache::default(), Mint::default());
        let (one, two, three) = tokio::join!(
            cache.get(mint.issue(3_600)),
            cache.get(mint.issue(3_600)),
            cache.get(mint.issue(3_600))
        );
        assert_eq!([one, two, three].map(|token| token.expect("issued").to_string()), ["0", "0", "0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_does_not_keep_the_others_waiting() {
        let (cache, mint) = (TokenCache::default(), Mint::default());
        let never = std::future::pending::<Result<Issued, ()>>();
        let left = tokio::time::timeout(Duration::from_secs(1), cache.get(never)).await;
        assert!(left.is_err());
        assert_eq!(&*cache.get(mint.issue(3_600)).await.expect("issued"), "0");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_refused_token_is_forgotten() {
        let (cache, mint) = (TokenCache::default(), Mint::default());
        let first = cache.get(mint.issue(3_600)).await.expect("issued");
        cache.forget(&first).await;
        let second = cache.get(mint.issue(3_600)).await.expect("issued");
        cache.forget(&first).await;
        assert_eq!(cache.get(mint.issue(3_600)).await.expect("issued"), second);
    }
}
