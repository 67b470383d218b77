use std::time::Duration;

use super::bench::{Bench, failed, responded};
use super::subject::{Inner, Reply};
use super::{MarkedError, PeekMark, Subject, Suite, Wire};
use crate::Log;

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    pub(super) async fn request_unchanged(&self) -> Result<(), String> {
        let (respond, seen) = (self.responder(), Log::new());
        let inner = Inner::<W>::with(move |_, _| Reply::<W>::Ok(respond(1)));
        let inner = inner.noting(&seen, PeekMark::peek_mark);
        let mut bench = Bench::new(self, inner);
        for mark in [60, 61] {
            responded(bench.call(mark).await?, 1).await?;
            if seen.last() != Some(Some(mark)) {
                return Err(format!(
                    "of the request with mark {mark} the inner service saw {:?}",
                    seen.all()
                ));
            }
        }
        bench.close()
    }

    pub(super) async fn response_unchanged(&self) -> Result<(), String> {
        let respond = self.responder();
        let mut bench = self.bench(move |call| match call {
            0 => Reply::<W>::Ok(respond(70)),
            1 => Reply::<W>::Yields(2, Ok(respond(71))),
            _ => Reply::<W>::After(Duration::from_millis(5), Ok(respond(72))),
        });
        for mark in [70, 71, 72] {
            responded(bench.call(mark).await?, mark).await?;
        }
        bench.close()
    }

    pub(super) async fn inner_error_unchanged(&self) -> Result<(), String> {
        for polls in [0, 2] {
            // The same error for every attempt, so that a layer that tries again ends with it too.
            let reply = move |_| {
                W::Error::marked(80).map_or(Reply::<W>::Hang, |error| Reply::<W>::Yields(polls, Err(error)))
            };
            let mut bench = self.bench(reply);
            failed(bench.call(81).await?, 80)?;
            bench.close()?;
        }
        Ok(())
    }
}
