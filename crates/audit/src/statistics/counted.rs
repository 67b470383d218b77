use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Statistics;
use crate::event::{Class, Event};
use crate::record::{NotRecorded, Receipt, Recorder, Reservation};

/// A recorder that counts what is recorded through it; made by [`Statistics::count_in`].
#[derive(Clone, Debug)]
pub struct Counted<R> {
    recorder: R,
    statistics: Statistics,
}

impl<R> Counted<R> {
    pub(super) fn new(recorder: R, statistics: Statistics) -> Self {
        Self { recorder, statistics }
    }

    /// The recorder that it wraps.
    pub fn get_ref(&self) -> &R {
        &self.recorder
    }

    /// What was counted.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

impl<R: Recorder> Recorder for Counted<R> {
    type Reservation = CountedReservation<R::Reservation>;
    type Reserving = CountedReserving<R::Reserving>;

    fn reserve(&self, class: Class) -> Self::Reserving {
        CountedReserving { reserving: self.recorder.reserve(class), statistics: self.statistics.clone() }
    }

    fn fails_closed(&self, class: Class) -> bool {
        self.recorder.fails_closed(class)
    }
}

pin_project! {
    /// The wait for room in a [`Counted`] recorder.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CountedReserving<F> {
        #[pin]
        reserving: F,
        statistics: Statistics,
    }
}

impl<F, A> Future for CountedReserving<F>
where
    F: Future<Output = Result<A, NotRecorded>>,
{
    type Output = Result<CountedReservation<A>, NotRecorded>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reserved = ready!(this.reserving.poll(cx));
        if reserved.is_err() {
            this.statistics.count_unrecorded();
        }
        Poll::Ready(reserved.map(|room| CountedReservation { room, statistics: this.statistics.clone() }))
    }
}

/// Room for one event in a [`Counted`] recorder.
#[derive(Debug)]
pub struct CountedReservation<A> {
    room: A,
    statistics: Statistics,
}

impl<A: Reservation> Reservation for CountedReservation<A> {
    type Recording = CountedRecording<A::Recording>;

    fn record(self, event: Event) -> Self::Recording {
        let Self { room, statistics } = self;
        statistics.count(&event);
        CountedRecording { recording: room.record(event), statistics }
    }
}

pin_project! {
    /// The wait for the receipt of a [`Counted`] recorder.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CountedRecording<F> {
        #[pin]
        recording: F,
        statistics: Statistics,
    }
}

impl<F> Future for CountedRecording<F>
where
    F: Future<Output = Result<Receipt, NotRecorded>>,
{
    type Output = Result<Receipt, NotRecorded>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let receipt = ready!(this.recording.poll(cx));
        if receipt.is_err() {
            this.statistics.count_unrecorded();
        }
        Poll::Ready(receipt)
    }
}
