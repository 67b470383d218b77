use std::sync::Arc;
use std::time::Duration;

use buttress_backoff::Backoff;
use buttress_core::Deadline;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::desk::Desk;
use crate::ghost::{self, Ghost, Sent};
use crate::lease::{Held, Lease};
use crate::places::Place;
use crate::seats::{News, Question, Seat, Told, Waiting};
use crate::within::within;
use crate::{Claim, Claimed, EndpointStats, Event, Owned, OwnerToken, Store, StoreError};

/// What a request hears when it asks to run.
pub(crate) enum Heard<T: Store> {
    /// It runs.
    Granted(Grant<T>),
    /// It runs although the store did not decide.
    Unprotected(Box<Exception<T>>),
    /// It does not.
    Told(Told),
}

/// What a run holds.
pub(crate) struct Grant<T> {
    pub(crate) lease: Arc<Lease<T>>,
    pub(crate) place: Option<Place>,
}

/// What a run without a record holds.
pub(crate) struct Exception<T: Store> {
    pub(crate) error: StoreError,
    pub(crate) seat: Option<Seat>,
    pub(crate) place: Option<Place>,
    pub(crate) ghost: Option<Box<Ghost<T>>>,
}

/// A request that asks to run, and what it waits for a run of the same request that somebody else has begun.
///
/// Dropped, it leaves nothing behind.
pub(crate) struct Asker<'a, T> {
    desk: &'a Arc<Desk<T>>,
    stats: &'a EndpointStats,
    claim: Claim,
    place: Option<Place>,
    seat: Option<Seat>,
    deadline: Option<Deadline>,
    until: Option<Instant>,
    /// Few wait, and the others should not carry the size of that.
    waiting: Option<Box<Waiting>>,
    is_alone: bool,
}

impl<'a, T: Store> Asker<'a, T> {
    pub(crate) fn new(
        desk: &'a Arc<Desk<T>>,
        stats: &'a EndpointStats,
        claim: Claim,
        place: Place,
        deadline: Option<Deadline>,
    ) -> Self {
        Self {
            desk,
            stats,
            claim,
            place: Some(place),
            seat: None,
            deadline,
            until: None,
            waiting: None,
            is_alone: false,
        }
    }

    const fn question(&self) -> Question {
        Question { id: self.claim.id, fingerprint: self.claim.fingerprint }
    }

    /// Asks the store, or joins whoever asks it or runs the same already.
    pub(crate) async fn ask(&mut self) -> Heard<T> {
        loop {
            match self.take_seat() {
                Ok(()) => return self.lead().await,
                Err(news) => {
                    if let Some(told) = self.join(news).await {
                        return Heard::Told(told);
                    }
                }
            }
        }
    }

    /// Whoever asks alone needs none.
    fn take_seat(&mut self) -> Result<(), watch::Receiver<News>> {
        if !self.is_alone {
            self.seat = Some(self.desk.seats.take(self.question())?);
        }
        Ok(())
    }

    /// From now on it runs, here or elsewhere.
    fn tell_that_it_runs(&self) {
        self.seat.iter().for_each(Seat::runs);
    }

    fn granted(&mut self, owned: Owned, asked_at: Instant) -> Heard<T> {
        self.tell_that_it_runs();
        let held = Held { claim: self.claim.clone(), owned, asked_at, seat: self.seat.take() };
        let lease = Arc::new(Lease::new(Arc::clone(self.desk), held));
        Heard::Granted(Grant { lease, place: self.place.take() })
    }

    fn unprotected(&mut self, error: StoreError, ghost: Option<Box<Ghost<T>>>) -> Heard<T> {
        self.tell_that_it_runs();
        let (seat, place) = (self.seat.take(), self.place.take());
        Heard::Unprotected(Box::new(Exception { error, seat, place, ghost }))
    }

    /// Asks the store for all who join; again and again while another process runs it and the request can wait.
    async fn lead(&mut self) -> Heard<T> {
        let mut pauses = Backoff::default().delays();
        let told = loop {
            let asked_at = Instant::now();
            let Sent { answer, ghost } = ghost::send(self.desk, &mut self.place, &self.claim).await;
            match answer {
                Ok(Claimed::Owned(owned)) => return self.granted(owned, asked_at),
                Err(error) if self.desk.may_continue(&error) => return self.unprotected(error, ghost),
                Ok(Claimed::InFlight { .. }) if self.can_wait() => self.tell_that_it_runs(),
                Ok(Claimed::InFlight { .. }) => break Told::InFlight,
                Ok(Claimed::Mismatch) => break Told::Mismatch,
                Ok(Claimed::Abandoned { .. }) => break Told::Unknown,
                Ok(Claimed::Completed(done)) => break Told::Done(done),
                Err(error) => break Told::Failed(error),
            }
            let entropy = &self.desk.terms.entropy;
            let pause = pauses.next(entropy.draw()).min(self.left());
            sleep(pause).await;
            self.claim.owner = OwnerToken::draw(entropy);
        };
        if let Some(seat) = self.seat.take() {
            seat.leave(&told);
        }
        Heard::Told(told)
    }

    /// What whoever has the seat says; `None` if it is worth trying for the seat, or asking alone.
    async fn join(&mut self, mut news: watch::Receiver<News>) -> Option<Told> {
        // Longer than he may ask. He may not be polled, and nobody depends on that.
        let longest = self.desk.terms.store_time * 3;
        let first = within(longest, first_word(&mut news)).await;
        self.is_alone = first.is_err();
        let said = first.ok()??;
        let told = match said {
            News::Told(told) => told,
            _ if !self.can_wait() => return Some(Told::InFlight),
            _ => match timeout(self.left(), last_word(&mut news)).await {
                Ok(told) => told?,
                Err(_) => return Some(Told::InFlight),
            },
        };
        // Whoever had the seat could wait no longer. This one may.
        let goes_on = matches!(told, Told::InFlight) && self.can_wait();
        (!goes_on).then_some(told)
    }

    /// Whether there is time left to wait, and a place among those who do.
    fn can_wait(&mut self) -> bool {
        if self.left().is_zero() {
            return false;
        }
        if self.waiting.is_none() {
            self.waiting = self.desk.seats.wait(self.question()).map(Box::new);
            if self.waiting.is_some() {
                self.stats.count(Event::Waited);
            }
        }
        self.waiting.is_some()
    }

    /// The time left to wait, which begins with the first look at it.
    fn left(&mut self) -> Duration {
        let wait = self.desk.terms.wait;
        if wait.is_zero() {
            return wait;
        }
        let now = Instant::now();
        let until = *self.until.get_or_insert_with(|| {
            let bound = Deadline::after(now.into_std(), wait);
            self.deadline.map_or(bound, |deadline| deadline.earlier(bound)).instant().into()
        });
        until.saturating_duration_since(now)
    }
}

/// `None` if the seat was left without one.
async fn first_word(news: &mut watch::Receiver<News>) -> Option<News> {
    Some(news.wait_for(|news| !matches!(news, News::Asking)).await.ok()?.clone())
}

/// `None` if the seat was left without one.
async fn last_word(news: &mut watch::Receiver<News>) -> Option<Told> {
    match &*news.wait_for(|news| matches!(news, News::Told(_))).await.ok()? {
        News::Told(told) => Some(told.clone()),
        _ => None,
    }
}
