use buttress_idempotency::{Claim, Claimed, Invalidated, RecordId, Step, Stepped, StoreError, Ticket};
use tokio::sync::oneshot::Sender;

/// Where an answer goes.
pub(crate) type Reply<A> = Sender<Result<A, StoreError>>;

/// What somebody asks the writer.
#[derive(Debug)]
pub(crate) enum Request {
    Claim(Claim, Reply<Claimed>),
    Step(Ticket, Step, Reply<Stepped>),
    Invalidate(RecordId, Reply<Invalidated>),
    Clear(Reply<u64>),
    Sweep(Reply<u64>),
    Check(Reply<()>),
}

/// What the writer answers.
#[derive(Debug)]
pub(crate) enum Answer {
    Claimed(Result<Claimed, StoreError>, Reply<Claimed>),
    Stepped(Result<Stepped, StoreError>, Reply<Stepped>),
    Invalidated(Result<Invalidated, StoreError>, Reply<Invalidated>),
    Counted(Result<u64, StoreError>, Reply<u64>),
}

impl Request {
    /// Asks in vain.
    pub(crate) fn fail(self, error: &StoreError) {
        match self {
            Self::Claim(_, reply) => give(reply, Err(error.clone())),
            Self::Step(_, _, reply) => give(reply, Err(error.clone())),
            Self::Invalidate(_, reply) => give(reply, Err(error.clone())),
            Self::Clear(reply) | Self::Sweep(reply) => give(reply, Err(error.clone())),
            Self::Check(reply) => give(reply, Err(error.clone())),
        }
    }
}

impl Answer {
    pub(crate) fn give(self) {
        match self {
            Self::Claimed(answer, reply) => give(reply, answer),
            Self::Stepped(answer, reply) => give(reply, answer),
            Self::Invalidated(answer, reply) => give(reply, answer),
            Self::Counted(answer, reply) => give(reply, answer),
        }
    }

    /// Says that it may not have happened after all.
    pub(crate) fn fail(self, error: &StoreError) {
        match self {
            Self::Claimed(_, reply) => give(reply, Err(error.clone())),
            Self::Stepped(_, reply) => give(reply, Err(error.clone())),
            Self::Invalidated(_, reply) => give(reply, Err(error.clone())),
            Self::Counted(_, reply) => give(reply, Err(error.clone())),
        }
    }
}

/// Whoever asked may have left; that is his business.
pub(crate) fn give<A>(reply: Reply<A>, answer: Result<A, StoreError>) {
    drop(reply.send(answer));
}
