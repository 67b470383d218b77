//! From one wait to the next.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use buttress_core::{Context, Principal};
use http::Response;
use tower_service::Service;

use super::entry::{Closing, Entry};
use super::future::{Call, End, State, StateProjection};
use super::judge::Verdict;
use super::patience::Patient;
use crate::record::{NotRecorded, Recorder, Reservation};

pub(super) type StateOf<S, Req, R> =
    State<S, Req, R, <S as Service<Req>>::Response, <S as Service<Req>>::Error>;

/// A call of which nothing is recorded.
pub(super) fn poll_plain<S, Req, R>(
    mut state: Pin<&mut StateOf<S, Req, R>>,
    context: &mut Context,
    cx: &mut task::Context<'_>,
) -> Poll<Result<S::Response, S::Error>>
where
    S: Service<Req>,
    R: Recorder,
{
    let StateProjection::Running { inner } = state.as_mut().project() else { return Poll::Pending };
    let answer = ready!(context.lend(|| inner.poll(cx)));
    context.lend(|| state.set(State::Over));
    Poll::Ready(answer)
}

/// There is room for the last record; where a first is asked for, it comes before the call.
pub(super) fn before_call<S, Req, R>(
    entry: &mut Entry<R>,
    context: &mut Context,
    call: &mut Option<Call<S, Req>>,
) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    if !entry.wants_received() {
        return begin(entry, context, call);
    }
    let reserving = entry.shared().recorder.reserve(entry.class());
    State::FirstRoom { reserving, call: call.take() }
}

/// There is room for the first record.
pub(super) fn received<S, Req, R>(
    entry: &mut Entry<R>,
    room: R::Reservation,
    context: &mut Context,
    call: &mut Option<Call<S, Req>>,
) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    match entry.received() {
        Some(event) => {
            let recording = Patient::new(room.record(event), entry.shared().receipt_time);
            State::First { recording, call: call.take() }
        }
        None => begin(entry, context, call),
    }
}

/// A record that should be there before the call could not be made.
pub(super) fn unrecorded<S, Req, R>(
    entry: &mut Entry<R>,
    context: &mut Context,
    call: &mut Option<Call<S, Req>>,
    why: NotRecorded,
) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    if entry.is_refused_for(&why) { State::Refused { why: Some(why) } } else { begin(entry, context, call) }
}

pub(super) fn begin<S, Req, R>(
    entry: &mut Entry<R>,
    context: &mut Context,
    call: &mut Option<Call<S, Req>>,
) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    let Some(call) = call.take() else { return State::Over };
    let (mut inner, request) = *call;
    State::Running { inner: entry.watch(|| context.lend(|| inner.call(request))) }
}

/// The inner service has answered.
pub(super) fn ended<S, Req, R>(entry: &mut Entry<R>, end: End<S::Response, S::Error>) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    if !entry.needs_late_room() {
        return last(entry, end);
    }
    let reserving = entry.shared().recorder.reserve(entry.class());
    State::LateRoom { reserving, end: Some(end) }
}

/// The inner service has answered, and there is room for what the handler had to say, or there is none.
pub(super) fn late<S, Req, R>(
    entry: &mut Entry<R>,
    room: Result<R::Reservation, NotRecorded>,
    end: Option<End<S::Response, S::Error>>,
) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    let Some(end) = end else { return State::Over };
    match room {
        Ok(room) => entry.take_room(room),
        Err(_) => entry.is_lost(),
    }
    last(entry, end)
}

pub(super) fn last<S, Req, R>(entry: &mut Entry<R>, end: End<S::Response, S::Error>) -> StateOf<S, Req, R>
where
    S: Service<Req>,
    R: Recorder,
{
    let answer = Some(end.answer);
    match entry.close(end.verdict, end.actor) {
        Some(Closing { recording, must_be_recorded }) => {
            let recording = Patient::new(recording, entry.shared().receipt_time);
            State::Last { recording, answer, must_be_recorded }
        }
        None => State::Answer { answer },
    }
}

impl<ResB, E: 'static> End<Response<ResB>, E> {
    pub(super) fn of(answer: Result<Response<ResB>, E>) -> Self {
        let verdict = match &answer {
            Ok(response) => Verdict::of_response(response),
            Err(error) => Verdict::of_error(error),
        };
        let actor =
            answer.as_ref().ok().and_then(|response| response.extensions().get::<Principal>().cloned());
        Self { answer, verdict, actor }
    }
}
