use buttress_retry::{
    Budget, BudgetBuilder, BudgetUsage, BudgetedCall, CannotRepeat, CloneRequest, Cloned, Decision, Fault,
    NotReady, Numbered, Profile, ResponseFuture, Retry, RetryBuilder, RetryErrors, RetryLayer, RetryWhen,
    Schedule, Stop, Tried, Whole, Work,
};

fn crosses_threads<T: Send + Sync + 'static>() {}
fn moves_to_threads<T: Send + 'static>() {}

type Inner = tower::util::BoxCloneSyncService<u32, u32, buttress_core::BoxError>;

#[test]
fn everything_public_crosses_threads() {
    crosses_threads::<Budget>();
    crosses_threads::<BudgetBuilder>();
    crosses_threads::<BudgetUsage>();
    crosses_threads::<BudgetedCall>();
    crosses_threads::<CannotRepeat>();
    crosses_threads::<CloneRequest>();
    crosses_threads::<Cloned<u32>>();
    crosses_threads::<Decision>();
    crosses_threads::<Fault>();
    crosses_threads::<NotReady>();
    crosses_threads::<Numbered>();
    crosses_threads::<Profile>();
    crosses_threads::<Retry<Inner, RetryErrors, CloneRequest>>();
    crosses_threads::<RetryBuilder<RetryErrors, CloneRequest>>();
    crosses_threads::<RetryErrors>();
    crosses_threads::<RetryLayer<RetryErrors, CloneRequest>>();
    crosses_threads::<RetryWhen<fn()>>();
    crosses_threads::<Schedule>();
    crosses_threads::<Stop>();
    crosses_threads::<Tried<'static, u32, u32, u32>>();
    crosses_threads::<Whole<u32>>();
    crosses_threads::<Work<fn()>>();
    moves_to_threads::<ResponseFuture<Inner, RetryErrors, Cloned<u32>>>();
}

#[cfg(feature = "http")]
#[test]
fn everything_public_over_http_crosses_threads() {
    use buttress_retry::{
        AsReplayBody, AttemptHeader, Draining, HttpKept, HttpRetryLayer, ResendHttp, Retryable,
        StandardPolicy, StatusRule,
    };
    use http_body_util::Full;

    crosses_threads::<AsReplayBody>();
    crosses_threads::<AttemptHeader>();
    crosses_threads::<Draining<Full<bytes::Bytes>>>();
    crosses_threads::<HttpRetryLayer>();
    crosses_threads::<ResendHttp>();
    crosses_threads::<Retryable>();
    crosses_threads::<StandardPolicy>();
    crosses_threads::<StatusRule>();
    moves_to_threads::<HttpKept<Full<bytes::Bytes>>>();
}
