use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use buttress_core::{Context, Principal, Refused, Reject};
use http::Response;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::entry::{Entry, RecordingOf};
use super::judge::Verdict;
use super::patience::Patient;
use super::rejection::Unrecorded;
use super::steps::{before_call, begin, ended, late, poll_plain, received, unrecorded};
use crate::record::{NotRecorded, Recorder};

pin_project! {
    /// The answer of an [`AuditService`](super::AuditService): the inner service's, once it is recorded, or the
    /// refusal.
    ///
    /// Dropped before it ends, it records that the request was cancelled, before the drop returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, R, J>
    where
        S: Service<Req>,
        R: Recorder,
    {
        #[pin]
        state: State<S, Req, R, S::Response, S::Error>,
        // After the state: the inner service is gone when the record says that it was cancelled.
        entry: Option<Entry<R>>,
        context: Context,
        reject: J,
    }

    impl<S, Req, R, J> PinnedDrop for ResponseFuture<S, Req, R, J>
    where
        S: Service<Req>,
        R: Recorder,
    {
        fn drop(this: Pin<&mut Self>) {
            // What the inner service and the record report while they are dropped belongs to this request too.
            let mut this = this.project();
            this.context.lend(|| {
                this.state.set(State::Over);
                *this.entry = None;
            });
        }
    }
}

pin_project! {
    #[project = StateProjection]
    pub(super) enum State<S, Req, R, Res, E>
    where
        S: Service<Req>,
        R: Recorder,
    {
        // For room for the last record of the request.
        Room { #[pin] reserving: R::Reserving, call: Option<Call<S, Req>> },
        // For room for the first, that it was received.
        FirstRoom { #[pin] reserving: R::Reserving, call: Option<Call<S, Req>> },
        // For the receipt of the first.
        First { #[pin] recording: Patient<RecordingOf<R>>, call: Option<Call<S, Req>> },
        Running { #[pin] inner: S::Future },
        // For room where only the handler had something to say.
        LateRoom { #[pin] reserving: R::Reserving, end: Option<End<Res, E>> },
        // For the receipt of the last.
        Last {
            #[pin]
            recording: Patient<RecordingOf<R>>,
            answer: Option<Result<Res, E>>,
            must_be_recorded: bool,
        },
        // What there is no record of, though it was handled.
        Answer { answer: Option<Result<Res, E>> },
        Refused { why: Option<NotRecorded> },
        Over,
    }
}

/// A call that has to wait. In a box, so that the future of a call that runs need not have the room for it.
pub(super) type Call<S, Req> = Box<(S, Req)>;

/// How the inner service ended.
pub(super) struct End<Res, E> {
    pub(super) answer: Result<Res, E>,
    pub(super) verdict: Verdict,
    pub(super) actor: Option<Principal>,
}

impl<S, Req, R, J> ResponseFuture<S, Req, R, J>
where
    S: Service<Req>,
    R: Recorder,
{
    /// A call that is not recorded.
    pub(super) fn plain(inner: S::Future, reject: J) -> Self {
        Self { state: State::Running { inner }, entry: None, context: Context::current(), reject }
    }

    /// A call that begins at once.
    pub(super) fn begun(
        inner: &mut S,
        request: Req,
        mut entry: Entry<R>,
        mut context: Context,
        reject: J,
    ) -> Self {
        let inner = entry.watch(|| context.lend(|| inner.call(request)));
        Self { state: State::Running { inner }, entry: Some(entry), context, reject }
    }

    /// A call that waits: for room for its record, or for the record that it was received.
    pub(super) fn waiting(inner: S, request: Req, entry: Entry<R>, context: Context, reject: J) -> Self {
        let reserving = entry.shared().recorder.reserve(entry.class());
        let call = Some(Box::new((inner, request)));
        let state = if entry.has_room() {
            State::FirstRoom { reserving, call }
        } else {
            State::Room { reserving, call }
        };
        Self { state, entry: Some(entry), context, reject }
    }

    /// A call that is refused, since it cannot be recorded.
    pub(super) fn refused(why: NotRecorded, entry: Entry<R>, context: Context, reject: J) -> Self {
        Self { state: State::Refused { why: Some(why) }, entry: Some(entry), context, reject }
    }
}

impl<S, Req, R, J, ResB> Future for ResponseFuture<S, Req, R, J>
where
    S: Service<Req, Response = Response<ResB>>,
    S::Error: 'static,
    R: Recorder,
    J: Reject<Response<ResB>, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let Some(entry) = this.entry.as_mut() else {
                return poll_plain(this.state.as_mut(), this.context, cx);
            };
            let next = match this.state.as_mut().project() {
                StateProjection::Room { reserving, call } => match ready!(reserving.poll(cx)) {
                    Ok(room) => {
                        entry.take_room(room);
                        before_call(entry, this.context, call)
                    }
                    Err(why) => unrecorded(entry, this.context, call, why),
                },
                StateProjection::FirstRoom { reserving, call } => match ready!(reserving.poll(cx)) {
                    Ok(room) => received(entry, room, this.context, call),
                    Err(why) => unrecorded(entry, this.context, call, why),
                },
                StateProjection::First { recording, call } => match ready!(recording.poll(cx)) {
                    Ok(_) => begin(entry, this.context, call),
                    Err(why) => unrecorded(entry, this.context, call, why),
                },
                StateProjection::Running { inner } => {
                    let context = &mut *this.context;
                    let answer = ready!(entry.watch(|| context.lend(|| inner.poll(cx))));
                    // What the inner future does when it goes belongs to the record still.
                    context.lend(|| this.state.set(State::Over));
                    ended(entry, End::of(answer))
                }
                StateProjection::LateRoom { reserving, end } => {
                    let room = ready!(reserving.poll(cx));
                    late(entry, room, end.take())
                }
                StateProjection::Last { recording, answer, must_be_recorded } => {
                    let receipt = ready!(recording.poll(cx));
                    let kept_back = receipt.err().and_then(|why| entry.keeps_back(why, *must_be_recorded));
                    let Some(answer) = answer.take() else { return Poll::Pending };
                    *this.entry = None;
                    this.state.set(State::Over);
                    return Poll::Ready(match kept_back {
                        None => answer,
                        Some(why) => this.reject.reject(Refused::new(why)),
                    });
                }
                StateProjection::Answer { answer } => {
                    let Some(answer) = answer.take() else { return Poll::Pending };
                    *this.entry = None;
                    this.state.set(State::Over);
                    return Poll::Ready(answer);
                }
                StateProjection::Refused { why } => {
                    let Some(cause) = why.take() else { return Poll::Pending };
                    // Where there is room for the last record though not for the first, it says so.
                    drop(entry.close(Verdict::unrecordable(), None));
                    *this.entry = None;
                    this.state.set(State::Over);
                    let why = Unrecorded { cause, was_handled: false };
                    return Poll::Ready(this.reject.reject(Refused::new(why)));
                }
                StateProjection::Over => return Poll::Pending, // polled again after it was ready
            };
            this.state.set(next);
        }
    }
}

impl<S, Req, R, J> fmt::Debug for ResponseFuture<S, Req, R, J>
where
    S: Service<Req>,
    R: Recorder,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("is_recorded", &self.entry.is_some()).finish_non_exhaustive()
    }
}
