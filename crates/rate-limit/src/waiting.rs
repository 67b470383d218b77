use std::task::{Context, Poll, ready};

use buttress_core::{Refused, Reject};
use tower_service::Service;

use crate::epoch::now;
use crate::policies::Docket;
use crate::service::refuse;
use crate::settling::After;
use crate::subject::Limits;
use crate::trial::Step;
use crate::{RateLimitLayer, Subject};

/// A request whose decision takes a while, with the inner service that is to be called.
///
/// Dropped, it gives back what was charged so far.
pub(crate) struct Waiting<S, Req, W: Subject, J> {
    docket: Box<Docket>,
    /// Until the request is handed over.
    held: Option<(S, Req)>,
    layer: RateLimitLayer<W, J>,
}

/// What a decision has led to.
pub(crate) enum Fate<F, A, W: Subject> {
    Runs(F, Option<After<W>>),
    Answered(Option<A>),
}

type FateOf<S, Req, W> =
    Fate<<S as Service<Req>>::Future, Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>, W>;

impl<S, Req, W: Subject, J> Waiting<S, Req, W, J> {
    pub(crate) fn new(docket: Box<Docket>, service: S, request: Req, layer: RateLimitLayer<W, J>) -> Self {
        Self { docket, held: Some((service, request)), layer }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<FateOf<S, Req, W>>
    where
        S: Service<Req>,
        W: Limits<Req, S::Response>,
        J: Reject<S::Response, S::Error>,
    {
        let refused = ready!(self.decided(cx));
        let held = self.held.take();
        let (policies, terms, trial) = (self.layer.in_force(), self.layer.terms(), &self.docket.trial);
        if let Some(why) = refused {
            let mark = policies.refused(terms, trial);
            return Poll::Ready(Fate::Answered(Some(refuse::<W, J, Req, _, _>(
                self.layer.reject(),
                why,
                mark,
            ))));
        }
        let Some((mut service, request)) = held else { return Poll::Pending };
        let after = policies.passed(terms, trial);
        Poll::Ready(Fate::Runs(service.call(request), after))
    }

    /// The refusal, if it comes to that.
    fn decided(&mut self, cx: &mut Context<'_>) -> Poll<Option<Refused>> {
        let policies = self.layer.in_force();
        let Docket { trial, fetches, pending } = &mut *self.docket;
        fetches.retain_mut(|(place, fetch)| match fetch.as_mut().poll(cx) {
            Poll::Ready(quota) => {
                policies.put_in_force(trial, *place, quota);
                false
            }
            Poll::Pending => true,
        });
        if !fetches.is_empty() {
            return Poll::Pending;
        }
        loop {
            if let Some(asked) = pending {
                let said = ready!(asked.as_mut().poll(cx));
                *pending = None;
                if let Some(refused) = trial.hear(policies, &said, now()) {
                    return Poll::Ready(Some(refused));
                }
            }
            match trial.go_on(policies, now()) {
                Step::Passed => return Poll::Ready(None),
                Step::Refused(refused) => return Poll::Ready(Some(refused)),
                Step::Later(later) => *pending = Some(later),
            }
        }
    }
}

impl<S, Req, W: Subject, J> Drop for Waiting<S, Req, W, J> {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.docket.trial.give_back(self.layer.in_force(), now());
        }
    }
}
