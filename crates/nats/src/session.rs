use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::context::{
    Context, ContextBuilder, GetStreamError, GetStreamErrorKind, RequestErrorKind,
};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectError, ConnectOptions, ServerAddr};
use buttress_audit::log::{ChainId, Head, Line, OwnedLine};
use buttress_audit::sink::Seen;
use tokio::time::timeout;

use crate::error::Complaint;
use crate::stream::{faults, wanted};
use crate::subject::subject;

/// How many messages may be on their way at once.
const WINDOW: usize = 256;

/// Where to connect, and to what.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) options: ConnectOptions,
    pub(crate) prefix: String,
    pub(crate) domain: Option<String>,
    pub(crate) replicas: usize,
    pub(crate) max_age: Duration,
    pub(crate) call_timeout: Duration,
}

/// A connection, and the stream of one log.
///
/// It is given up at the first failure: what is still on its way then is refused by the stream, or never sent.
pub(crate) struct Session {
    context: Context,
    stream: String,
    /// The words that the subjects of this log begin with.
    subjects: String,
    /// The sequence of the stream's last message.
    last: u64,
}

impl Session {
    /// Connects, and finds out what the stream of a log has.
    pub(crate) async fn open(settings: &Settings, chain: ChainId) -> Result<(Self, Seen), Complaint> {
        let limit = settings.call_timeout;
        let client = timeout(limit, connect(settings)).await.map_err(|_| Complaint::Late(limit))??;
        let context = context(client, settings);
        let (name, subjects) =
            (format!("{}-{chain}", settings.prefix), format!("{}.{chain}", settings.prefix));
        let stream = stream(&context, &name, &subjects, settings).await?;
        let seen = seen(&stream, &name, &subjects, chain).await?;
        let last = stream.cached_info().state.last_sequence;
        Ok((Self { context, stream: name, subjects, last }, seen))
    }

    /// Sends records, and waits until the stream has all of them.
    pub(crate) async fn send(&mut self, batch: &[OwnedLine]) -> Result<(), Complaint> {
        for window in batch.chunks(WINDOW) {
            self.send_window(window).await?;
        }
        Ok(())
    }

    async fn send_window(&mut self, window: &[OwnedLine]) -> Result<(), Complaint> {
        let mut answers = Vec::with_capacity(window.len());
        for (line, before) in window.iter().zip(self.last..) {
            let message = PublishMessage::build()
                .payload(line.bytes())
                .message_id(format!("{}-{}", line.chain(), line.seq()))
                .expected_stream(&self.stream)
                .expected_last_sequence(before);
            let sent = self.context.send_publish(subject(&self.subjects, line.event()), message).await;
            answers.push((line.seq(), sent.map_err(|cause| self.refused(line.seq(), cause))?));
        }
        for (seq, answer) in answers {
            let found = answer.await.map_err(|cause| self.refused(seq, cause))?.sequence;
            let expected = self.last + 1;
            if found != expected {
                let stream = self.stream.clone();
                return Err(Complaint::Place { stream, seq, found, expected });
            }
            self.last = expected;
        }
        Ok(())
    }

    fn refused(&self, seq: u64, cause: jetstream::context::PublishError) -> Complaint {
        Complaint::Publish { stream: self.stream.clone(), seq, cause }
    }
}

fn context(client: Client, settings: &Settings) -> Context {
    let builder = ContextBuilder::new().timeout(settings.call_timeout).max_ack_inflight(WINDOW);
    match &settings.domain {
        Some(domain) => builder.domain(domain).build(client),
        None => builder.build(client),
    }
}

#[cfg(feature = "tls")]
async fn connect(settings: &Settings) -> Result<Client, Complaint> {
    connected(settings.options.clone().connect(&settings.servers).await)
}

/// A client without TLS panics where a server asks for it, so it runs where that is an error.
#[cfg(not(feature = "tls"))]
async fn connect(settings: &Settings) -> Result<Client, Complaint> {
    let (options, servers) = (settings.options.clone(), settings.servers.clone());
    let mut task = tokio::task::JoinSet::new();
    task.spawn(async move { options.connect(&servers).await });
    match task.join_next().await {
        Some(Ok(client)) => connected(client),
        _ => Err(Complaint::Tls),
    }
}

fn connected(client: Result<Client, ConnectError>) -> Result<Client, Complaint> {
    client.map_err(Complaint::Connect)
}

/// The stream, made if it is not there and checked if it is.
async fn stream(
    context: &Context,
    name: &str,
    subjects: &str,
    settings: &Settings,
) -> Result<Stream, Complaint> {
    let wanted = wanted(name, &format!("{subjects}.>"), settings.replicas, settings.max_age);
    let failed = |cause| Complaint::Stream { stream: name.to_owned(), cause };
    let stream = match context.get_stream(name).await {
        Ok(stream) => stream,
        Err(error) if is_missing(&error) => {
            context.create_stream(wanted.clone()).await.map_err(|error| failed(error.into()))?
        }
        Err(error) if is_unanswered(&error) => return Err(Complaint::NoJetStream),
        Err(error) => return Err(failed(error.into())),
    };
    let faults = faults(&stream.cached_info().config, &wanted);
    if faults.is_empty() { Ok(stream) } else { Err(Complaint::Settings { stream: name.to_owned(), faults }) }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether nobody is there who would answer, or somebody says that JetStream is off.
fn is_unanswered(error: &GetStreamError) -> bool {
    let off = [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
    if let GetStreamErrorKind::JetStream(error) = error.kind() {
        return off.contains(&error.error_code());
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<jetstream::context::RequestError>());
    cause.is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
}

/// Up to where the stream has the log, by its last messages.
async fn seen(stream: &Stream, name: &str, subjects: &str, chain: ChainId) -> Result<Seen, Complaint> {
    let state = &stream.cached_info().state;
    if state.last_sequence == 0 {
        return Ok(Seen::UpTo(Head::START));
    }
    let failed = |error: RawMessageError| Complaint::Stream { stream: name.to_owned(), cause: error.into() };
    let last = match stream.get_last_raw_message_by_subject(&format!("{subjects}.>")).await {
        Ok(last) => last,
        // What it had has grown too old, so the cursor is all there is.
        Err(error) if is_none(&error) => return Ok(Seen::Unknown),
        Err(error) => return Err(failed(error)),
    };
    let foreign = |sequence| Complaint::Foreign { stream: name.to_owned(), sequence };
    let head = head(&last, chain).ok_or_else(|| foreign(last.sequence))?;
    // Somebody else's message in the middle of a window takes the place of a record, and those behind it fit again.
    for back in 1..WINDOW as u64 {
        let (Some(sequence), Some(seq)) = (last.sequence.checked_sub(back), head.seq.checked_sub(back))
        else {
            break;
        };
        if sequence < state.first_sequence {
            break;
        }
        match stream.get_raw_message(sequence).await {
            Ok(message) if self::head(&message, chain).is_some_and(|head| head.seq == seq) => {}
            Ok(_) => return Err(foreign(sequence)),
            Err(error) if is_none(&error) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(Seen::UpTo(head))
}

fn is_none(error: &RawMessageError) -> bool {
    error.kind() == RawMessageErrorKind::NoMessageFound
}

/// The head that a message makes, if it is a record of this log.
fn head(message: &StreamMessage, chain: ChainId) -> Option<Head> {
    let line = Line::parse(&message.payload).ok().filter(|line| line.chain == chain && line.is_whole())?;
    Some(line.head())
}
