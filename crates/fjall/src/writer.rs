use std::collections::VecDeque;
use std::time::Duration;

use buttress_idempotency::{StoreError, StoreErrorKind};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::error::Broken;
use crate::folder::Folder;
use crate::ledger::{Clearing, Ledger, Refused};
use crate::reclaim::Reclaim;
use crate::request::{self, Answer, Request};
use crate::round::Round;
use crate::tables::Failure;

/// How many requests are decided in one round at most, and wait in line at most.
pub(crate) const MOST_REQUESTS: usize = 1_024;

/// How many expired records leave for each request that is served: more than one, so that leaving keeps up.
const LEAVE_PER_REQUEST: u64 = 4;

/// How many expired records leave in a round in which nobody asks for anything.
const LEAVE_WHILE_IDLE: u64 = 1_024;

/// How long it sleeps at most while nobody asks for anything.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Serves everybody, in rounds: takes what has come, decides it, writes it at once, and then answers.
pub(crate) struct Writer {
    // Declared in the order in which they must end: the lock is released last.
    reclaim: Reclaim,
    ledger: Ledger,
    clock: Clock,
    clearings: VecDeque<Clearing>,
    broken: Option<Broken>,
    _folder: Folder,
}

impl Writer {
    pub(crate) fn new(folder: Folder, ledger: Ledger, clock: Clock) -> Self {
        let (reclaim, clearings) = (Reclaim::default(), VecDeque::new());
        Self { reclaim, ledger, clock, clearings, broken: None, _folder: folder }
    }

    /// Serves until nobody can ask any more, and then finishes what is left.
    pub(crate) fn run(mut self, runtime: &Runtime, mut requests: Receiver<Request>) {
        let mut arrived = Vec::with_capacity(MOST_REQUESTS);
        loop {
            let wait = self.sleep();
            let receiving = async { timeout(wait, requests.recv_many(&mut arrived, MOST_REQUESTS)).await };
            if let Ok(0) = runtime.block_on(receiving) {
                break;
            }
            self.serve(&mut arrived);
        }
        // What time it is, and renewals that were not asked to last.
        let mut last = self.begin();
        last.syncs = true;
        self.finish(last);
    }

    /// For how long nothing needs to be done unless somebody asks.
    fn sleep(&mut self) -> Duration {
        if self.broken.is_some() {
            return LONGEST_SLEEP;
        }
        if !self.clearings.is_empty() {
            return Duration::ZERO;
        }
        let now = self.clock.now();
        self.ledger.next_due().since(now).min(LONGEST_SLEEP)
    }

    fn serve(&mut self, arrived: &mut Vec<Request>) {
        let leave =
            if arrived.is_empty() { LEAVE_WHILE_IDLE } else { LEAVE_PER_REQUEST * arrived.len() as u64 };
        let mut round = self.begin();
        for request in arrived.drain(..) {
            if round.is_large() {
                self.finish(round);
                round = self.begin();
            }
            self.take(&mut round, request);
        }
        self.tidy(&mut round, leave);
        self.finish(round);
        if self.broken.is_none() {
            self.reclaim.look(&mut self.ledger);
        }
    }

    fn begin(&mut self) -> Round {
        Round::at(self.clock.now())
    }

    fn take(&mut self, round: &mut Round, request: Request) {
        if let Some(broken) = &self.broken {
            return request.fail(&broken.as_error(StoreErrorKind::Unfit));
        }
        let ledger = &mut self.ledger;
        match request {
            // Nobody waits for it any more: a lease would be held by nobody.
            Request::Claim(_, reply) if reply.is_closed() => {}
            Request::Claim(claim, reply) => {
                let claimed = ledger.claim(round, &claim);
                let claimed = self.judge(claimed);
                round.answer(claim.id, claimed, |claimed| Answer::Claimed(claimed, reply));
            }
            Request::Step(ticket, step, reply) => {
                let stepped = ledger.step(round, &ticket, &step);
                let stepped = self.judge(stepped);
                round.answer(ticket.id, stepped, |stepped| Answer::Stepped(stepped, reply));
            }
            Request::Invalidate(id, reply) => {
                let invalidated = ledger.invalidate(round, id);
                round.answer(id, invalidated, |invalidated| Answer::Invalidated(invalidated, reply));
            }
            Request::Check(reply) => request::give(reply, Ok(())),
            Request::Clear(reply) => self.clearings.push_back(Clearing::new(reply)),
            Request::Sweep(reply) => match ledger.prune(round, u64::MAX) {
                Ok(gone) => round.answers.push(Answer::Counted(Ok(gone), reply)),
                Err(failure) => Answer::Counted(Err(self.fail(failure)), reply).give(),
            },
        }
    }

    /// What needs to be done without being asked for, or not at once.
    fn tidy(&mut self, round: &mut Round, leave: u64) {
        if self.broken.is_some() {
            return;
        }
        if let Err(failure) = self.ledger.prune(round, leave) {
            self.fail(failure);
        }
        let Some(mut clearing) = self.clearings.pop_front() else { return };
        match self.ledger.clear(round, &mut clearing) {
            Ok(false) => self.clearings.push_front(clearing),
            Ok(true) => round.answers.push(clearing.answer()),
            Err(failure) => Answer::Counted(Err(self.fail(failure)), clearing.reply).give(),
        }
    }

    /// Writes what a round has changed, and gives its answers.
    fn finish(&mut self, round: Round) {
        let how = round.mode();
        let Round { now, changes, answers, syncs, .. } = round;
        let needs_writing = syncs || !changes.is_empty();
        if self.broken.is_none()
            && needs_writing
            && let Err(error) = self.ledger.tables.commit(&changes, now, how)
        {
            self.fail(error.into());
        }
        if let Some(broken) = &self.broken {
            let error = broken.as_error(StoreErrorKind::Unreachable);
            return answers.into_iter().for_each(|answer| answer.fail(&error));
        }
        self.ledger.budget.publish();
        answers.into_iter().for_each(Answer::give);
    }

    fn judge<A>(&mut self, decided: Result<A, Refused>) -> Result<A, StoreError> {
        decided.map_err(|refused| match refused {
            Refused::Request(error) => error,
            Refused::Database(failure) => self.fail(failure),
        })
    }

    /// Nothing is written or acknowledged from now on: what the disk holds is not known any more.
    fn fail(&mut self, failure: Failure) -> StoreError {
        let broken = Broken::new(failure);
        let error = broken.as_error(StoreErrorKind::Unfit);
        for clearing in self.clearings.drain(..) {
            Answer::Counted(Err(error.clone()), clearing.reply).give();
        }
        self.broken.get_or_insert(broken);
        error
    }
}
