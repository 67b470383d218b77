//! What a client's throughput becomes with the outbound stack and with others, over sockets.

use std::pin::Pin;
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::BoxError;
use bytes::Bytes;
use http::{StatusCode, Uri};
use reqwest::Url;
use reqwest_middleware::ClientBuilder;
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use tower::{ServiceExt, service_fn};

use super::server::{Around, Server};
use crate::Failure;
use crate::budget::Floor;
use crate::cases::load::{self, count, processor_time};
use crate::cases::stack::peer_outbound;
use crate::cases::stores::runtime;
use crate::experiment::{Experiment, Pace, Row};
use crate::time::median;

const OURS: &str = "buttress, the whole outbound stack";
const SHARE: &str = "% of bare reqwest's";

pub(crate) const OUTBOUND: Experiment = Experiment {
    name: "outbound-load",
    what: "a GET over kept connections, 16 at once; processor time of reqwest as it is, of the others over it",
    heads: &["requests/s", SHARE, "processor time of the client for each request, µs"],
    rows: &[
        Row { name: "reqwest", run: bare },
        Row { name: "the same once more, for the noise", run: |pace| beside_bare(pace, reqwest) },
        Row { name: OURS, run: |pace| beside_bare(pace, buttress) },
        Row { name: "reqwest-middleware with reqwest-retry", run: |pace| beside_bare(pace, middleware) },
        Row {
            name: "tower-resilience: time limit, retry, breaker, time limit",
            run: |pace| beside_bare(pace, tower_resilience),
        },
    ],
    floors: &[Floor { row: OURS, head: SHARE, least: 94 }],
    missing: load::LOAD.missing,
};

/// Requests that are under way at once.
const CALLERS: usize = 16;
const ROUNDS: usize = 7;

/// Asks once, and answers with the status.
type Ask = Arc<dyn Fn() -> Asking + Send + Sync>;
type Asking = Pin<Box<dyn Future<Output = Result<StatusCode, BoxError>> + Send>>;

/// What was seen of one client in one round.
struct Turn {
    per_second: f64,
    /// Processor time for each request, in microseconds.
    spent: f64,
}

fn bare(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let turns = on_server(async |url| {
        let (bare, mut turns) = (reqwest(url)?, Vec::new());
        for _ in 0..ROUNDS {
            turns.push(turn(&bare, pace).await?);
        }
        Ok(turns)
    })?;
    let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
    Ok(vec![of(|turn| turn.per_second), None, of(|turn| turn.spent)])
}

/// A client beside bare reqwest, which has its turn in the same round.
fn beside_bare(pace: Pace, own: fn(Url) -> Result<Ask, Failure>) -> Result<Vec<Option<f64>>, Failure> {
    let rounds = on_server(async |url| {
        let (bare, own, mut rounds) = (reqwest(url.clone())?, own(url)?, Vec::new());
        for round in 0..ROUNDS {
            // Neither always finds the machine as the other has left it.
            let is_first = round % 2 == 0;
            let (first, second) = if is_first { (&bare, &own) } else { (&own, &bare) };
            let (begun, ended) = (turn(first, pace).await?, turn(second, pace).await?);
            rounds.push(if is_first { (begun, ended) } else { (ended, begun) });
        }
        Ok(rounds)
    })?;
    let of = |figure: fn(&Turn, &Turn) -> f64| median(rounds.iter().map(|(bare, own)| figure(bare, own)));
    Ok(vec![
        of(|_, own| own.per_second),
        of(|bare, own| own.per_second * 100.0 / bare.per_second),
        of(|bare, own| own.spent - bare.spent),
    ])
}

/// Works against a server that does nothing, in a process of its own.
fn on_server<T>(work: impl AsyncFnOnce(Url) -> Result<T, Failure>) -> Result<T, Failure> {
    let (server, runtime) = (Server::start(Around::Nothing)?, runtime()?);
    let url = Url::parse(&format!("http://{}/", server.address))?;
    let done = runtime.block_on(work(url))?;
    // The connections end with it, and the server waits for that.
    drop(runtime);
    server.end(0)?;
    Ok(done)
}

async fn turn(ask: &Ask, pace: Pace) -> Result<Turn, Failure> {
    ask_at_once(ask, Duration::from_millis(pace.of(100))).await?;
    let before = processor_time(process::id())?;
    let (answers, time) = ask_at_once(ask, Duration::from_millis(pace.of(1_000))).await?;
    let spent = processor_time(process::id())? - before;
    Ok(Turn { per_second: count(answers) / time.as_secs_f64(), spent: spent * 1e6 / count(answers) })
}

/// Each caller asks as soon as it has its answer; how many answers there were, and the time they took.
async fn ask_at_once(ask: &Ask, time: Duration) -> Result<(u64, Duration), Failure> {
    let began = Instant::now();
    let call = || tokio::spawn(ask_until(Arc::clone(ask), began + time));
    let callers: Vec<_> = (0..CALLERS).map(|_| call()).collect();
    let mut answers = 0;
    for caller in callers {
        match caller.await? {
            Ok(own) => answers += own,
            Err(why) => return Err(why),
        }
    }
    Ok((answers, began.elapsed()))
}

async fn ask_until(ask: Ask, end: Instant) -> Result<u64, BoxError> {
    let mut answers = 0;
    while Instant::now() < end {
        match ask().await? {
            StatusCode::NO_CONTENT => answers += 1,
            other => return Err(format!("an answer with the status {other}").into()),
        }
    }
    Ok(answers)
}

fn asking<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Ask
where
    F: Future<Output = Result<StatusCode, BoxError>> + Send + 'static,
{
    Arc::new(move || Box::pin(ask()))
}

fn reqwest(url: Url) -> Result<Ask, Failure> {
    let client = reqwest::Client::builder().build()?;
    Ok(asking(move || {
        let call = client.get(url.clone()).send();
        async { Ok(call.await?.status()) }
    }))
}

fn buttress(url: Url) -> Result<Ask, Failure> {
    let client = buttress::client("bench").build()?;
    Ok(asking(move || {
        let call = client.get(url.clone()).send();
        async { Ok(call.await?.status()) }
    }))
}

fn middleware(url: Url) -> Result<Ask, Failure> {
    let policy = ExponentialBackoff::builder().build_with_max_retries(2);
    let retry = RetryTransientMiddleware::new_with_policy(policy);
    let client = ClientBuilder::new(reqwest::Client::builder().build()?).with(retry).build();
    Ok(asking(move || {
        let call = client.get(url.clone()).send();
        async { Ok(call.await?.status()) }
    }))
}

fn tower_resilience(url: Url) -> Result<Ask, Failure> {
    let (client, uri) = (reqwest::Client::builder().build()?, url.as_str().parse::<Uri>()?);
    let stack = peer_outbound(service_fn(move |request: http::Request<Bytes>| {
        let client = client.clone();
        async move { Ok::<_, BoxError>(client.execute(request.try_into()?).await?) }
    }));
    Ok(asking(move || {
        let (stack, request) = (stack.clone(), http::Request::get(uri.clone()).body(Bytes::new()));
        async { Ok(stack.oneshot(request?).await.map_err(Into::into)?.status()) }
    }))
}
