//! What a layer adds to the time of a request, over sockets: a server that has it beside one that has not.

mod client;
mod outbound;
mod server;

use std::time::Duration;

use self::client::{CONNECTIONS, Connection};
use self::server::{Around, Server};
use super::load::{self, count};
use crate::Failure;
use crate::experiment::{Experiment, Pace, Row};
use crate::time::median;

pub(crate) use self::outbound::OUTBOUND;
pub(crate) use self::server::serve;

pub(crate) const ADDED: Experiment = Experiment {
    name: "added-time",
    what: "a POST to a handler that does nothing; the bare server as it is, the others over it",
    heads: &[
        "answers/s",
        "% of the bare server's",
        "median, µs",
        "p99, µs",
        "p99.9, µs",
        "processor time of the server for each answer, µs",
    ],
    rows: &[
        Row { name: "bare server", run: bare },
        Row { name: "the same once more, for the noise", run: |pace| over_bare(pace, Around::Nothing) },
        Row { name: "log line as JSON", run: |pace| over_bare(pace, Around::LogLine) },
        Row { name: "audit, written", run: |pace| over_bare(pace, Around::AuditWritten) },
        Row { name: "audit, synced", run: |pace| over_bare(pace, Around::AuditSynced) },
        Row { name: "the whole inbound stack", run: |pace| over_bare(pace, Around::Everything) },
    ],
    floors: &[],
    missing: load::LOAD.missing,
};

const ROUNDS: usize = 5;
/// How many requests come in a second when they come by the clock.
const RATE: u32 = 4_000;

/// What was seen of one server in one round.
#[derive(Clone, Copy)]
struct Turn {
    /// When every connection asks all the time.
    per_second: f64,
    /// Processor time for each of those answers, in microseconds.
    spent: f64,
    /// The median, p99 and p99.9 when requests come by the clock, in microseconds.
    waits: [f64; 3],
}

fn bare(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let mut bare = Load::on(Around::Nothing)?;
    let turns = (0..ROUNDS).map(|_| bare.turn(pace)).collect::<Result<Vec<_>, _>>()?;
    bare.end()?;
    let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
    Ok(vec![
        of(|turn| turn.per_second),
        None,
        of(|turn| turn.waits[0]),
        of(|turn| turn.waits[1]),
        of(|turn| turn.waits[2]),
        of(|turn| turn.spent),
    ])
}

/// What a server takes more than a bare one that has its turn in the same round.
fn over_bare(pace: Pace, around: Around) -> Result<Vec<Option<f64>>, Failure> {
    let (mut bare, mut own) = (Load::on(Around::Nothing)?, Load::on(around)?);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        // Neither always finds the machine as the other has left it.
        let (is_first, first) = (round % 2 == 0, if round % 2 == 0 { &mut bare } else { &mut own });
        let begun = first.turn(pace)?;
        let ended = if is_first { &mut own } else { &mut bare }.turn(pace)?;
        rounds.push(if is_first { (begun, ended) } else { (ended, begun) });
    }
    bare.end()?;
    own.end()?;
    let of = |figure: fn(&Turn, &Turn) -> f64| median(rounds.iter().map(|(bare, own)| figure(bare, own)));
    Ok(vec![
        of(|_, own| own.per_second),
        of(|bare, own| own.per_second * 100.0 / bare.per_second),
        of(|bare, own| own.waits[0] - bare.waits[0]),
        of(|bare, own| own.waits[1] - bare.waits[1]),
        of(|bare, own| own.waits[2] - bare.waits[2]),
        of(|bare, own| own.spent - bare.spent),
    ])
}

/// A server, and the connections on which it is asked.
struct Load {
    server: Server,
    connections: Vec<Connection>,
    answers: u64,
}

impl Load {
    fn on(around: Around) -> Result<Self, Failure> {
        let server = Server::start(around)?;
        let connections =
            (0..CONNECTIONS).map(|_| Connection::open(&server.address)).collect::<Result<_, _>>()?;
        Ok(Self { server, connections, answers: 0 })
    }

    fn turn(&mut self, pace: Pace) -> Result<Turn, Failure> {
        let for_millis = |millis| Duration::from_millis(pace.of(millis));
        self.answers += client::ask_on(&mut self.connections, for_millis(50))?.0;
        let before = self.server.processor_time()?;
        let (answers, time) = client::ask_on(&mut self.connections, for_millis(350))?;
        let spent = self.server.processor_time()? - before;
        let mut waits = client::ask_by_the_clock(&mut self.connections, RATE, for_millis(500))?;
        self.answers += answers + u64::try_from(waits.len())?;
        waits.sort_unstable();
        Ok(Turn {
            per_second: count(answers) / time.as_secs_f64(),
            spent: spent * 1e6 / count(answers),
            waits: [500, 990, 999].map(|per_mille| quantile(&waits, per_mille).as_secs_f64() * 1e6),
        })
    }

    /// Fails if something of the answers was not recorded.
    fn end(self) -> Result<(), Failure> {
        drop(self.connections);
        self.server.end(self.answers)
    }
}

/// The least time that so many of a thousand do not exceed.
fn quantile(sorted: &[Duration], per_mille: usize) -> Duration {
    let place = (sorted.len() * per_mille).div_ceil(1_000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_time_that_was_seen() {
        let waits: Vec<_> = (1..=2_000).map(Duration::from_micros).collect();
        let seen = [500, 990, 999].map(|per_mille| quantile(&waits, per_mille).as_micros());
        assert_eq!(seen, [1_000, 1_980, 1_998]);
        assert_eq!(quantile(&waits[..1], 999), waits[0]);
        assert_eq!(quantile(&[], 500), Duration::ZERO);
    }
}
