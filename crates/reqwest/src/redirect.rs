use std::cell::Cell;

use reqwest::redirect::Policy;

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Lets [`Reqwest`](crate::Reqwest) know when a redirect policy was asked, which reqwest's errors do not tell.
///
/// A connection that fails after a redirect is not the first one: the service that redirected has had the request,
/// and a `POST` that it answered with 303 has had its effect. With a policy wrapped in this, such a call fails as
/// [`Interrupted`](buttress_http::TransportKind::Interrupted), so that nothing sends it again unasked. Without,
/// it fails as [`Connect`](buttress_http::TransportKind::Connect), which means that the request never left. The
/// policy itself decides as before.
///
/// ```
/// use buttress_reqwest::noting_redirects;
/// use reqwest::redirect::Policy;
///
/// let http = reqwest::Client::builder().redirect(noting_redirects(Policy::limited(5))).build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
pub fn noting_redirects(policy: Policy) -> Policy {
    Policy::custom(move |attempt| {
        ASKED.set(true);
        policy.redirect(attempt)
    })
}

/// Polls a request, and says whether a wrapped policy was asked meanwhile: reqwest asks on the polling thread.
pub(crate) fn watch<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let outer = ASKED.replace(false);
    let polled = poll();
    (polled, ASKED.replace(outer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_inside_a_poll_keeps_its_own_account() {
        let (inner, outer) = watch(|| {
            ASKED.set(true);
            watch(|| ()).1
        });
        assert!(outer);
        assert!(!inner);
        assert!(!watch(|| ()).1);
    }
}
