use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use buttress_audit::log::ChainId;
use buttress_audit::sink::FeederHandle;
use buttress_audit::testing::{self, Place, Written};
use buttress_nats::{NatsSink, NatsSinkBuilder};
use buttress_testkit::nats::NatsServer;

pub(crate) fn builder(server: &NatsServer) -> NatsSinkBuilder {
    NatsSink::builder(server.url()).call_timeout(Duration::from_secs(20))
}

/// The streams of a server.
pub(crate) struct Streams {
    url: String,
    sink: NatsSinkBuilder,
}

impl Streams {
    pub(crate) fn of(server: &NatsServer) -> Self {
        Self { url: server.url(), sink: builder(server) }
    }

    /// With sinks that give up a call early, for servers that are stopped; the others answer well before.
    pub(crate) fn given_up_early(server: &NatsServer) -> Self {
        Self { url: server.url(), sink: builder(server).call_timeout(Duration::from_millis(500)) }
    }

    /// The messages of a stream, by their sequences: subject, ID and body.
    pub(crate) async fn messages(&self, name: &str) -> Vec<(String, String, String)> {
        let stream = jetstream::new(async_nats::connect(&self.url).await.unwrap()).get_stream(name).await;
        let stream = stream.unwrap();
        let state = &stream.cached_info().state;
        let mut messages = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            messages.push(message(&stream, sequence).await);
        }
        messages
    }
}

impl Place for Streams {
    type Sink = NatsSink;
    const TELLS: bool = true;

    fn sink(&self, name: &str) -> NatsSink {
        self.sink.clone().name(name).build().unwrap()
    }

    async fn lines(&self, chain: ChainId) -> Vec<String> {
        self.messages(&stream_of(chain)).await.into_iter().map(|(_, _, body)| body).collect()
    }
}

fn stream_of(chain: ChainId) -> String {
    format!("audit-{chain}")
}

/// The name of the stream of a log.
pub(crate) fn stream(written: &Written) -> String {
    stream_of(written.log.chain())
}

pub(crate) async fn feed(sink: NatsSinkBuilder, written: &Written) -> FeederHandle {
    testing::feed(sink.build().unwrap(), written).await
}

/// Hands everything on that is in the log.
pub(crate) async fn feed_all(server: &NatsServer, written: &Written) {
    testing::feed_all(builder(server).build().unwrap(), written).await;
}

pub(crate) async fn context(server: &NatsServer) -> Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

async fn message(stream: &Stream, sequence: u64) -> (String, String, String) {
    let message = stream.get_raw_message(sequence).await.unwrap();
    let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
    (message.subject.to_string(), id, String::from_utf8(message.payload.to_vec()).unwrap())
}

/// The bodies of a stream.
pub(crate) async fn bodies(server: &NatsServer, written: &Written) -> Vec<String> {
    Streams::of(server).lines(written.log.chain()).await
}
