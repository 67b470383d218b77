use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_http::refused_in;
use bytes::{Buf, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{Response, response};
use http_body::Body;

use crate::reply::bytes_of;
use crate::terms::Terms;
use crate::within::within;
use crate::{After, Ending, Refusal, ReplyBody, Step, StoredResponse, kept};

/// Reads the body of a request, which must come in time and within bounds before anything is claimed.
pub(crate) async fn request<B: Body>(body: B, limit: u64, time: Duration) -> Result<Bytes, Refusal> {
    let too_large = Refusal::BodyTooLarge { limit };
    if body.size_hint().lower() > limit {
        return Err(too_large);
    }
    let mut body = pin!(body);
    let reading = async {
        let mut read = Bytes::new();
        while let Some(frame) = next(|cx| body.as_mut().poll_frame(cx)).await {
            let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
            if (read.len() as u64).saturating_add(data.remaining() as u64) > limit {
                return Err(too_large.clone());
            }
            read = joined(read, data);
        }
        Ok(read)
    };
    within(time, reading).await.unwrap_or(Err(Refusal::BodySlow))
}

/// The next frame. A body that always has one must give way now and then, or no timer would strike.
async fn next<F>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<Option<F>>) -> Option<F> {
    tokio::task::consume_budget().await;
    poll_fn(|cx| poll(cx)).await
}

/// Without a copy if there is only one piece.
fn joined(read: Bytes, mut data: impl Buf) -> Bytes {
    let piece = data.copy_to_bytes(data.remaining());
    if read.is_empty() || piece.is_empty() {
        return if read.is_empty() { piece } else { read };
    }
    let mut all = BytesMut::from(read);
    all.extend_from_slice(&piece);
    all.freeze()
}

/// What to answer, and what to keep of it.
pub(crate) struct Captured<B: Body> {
    pub(crate) response: Response<ReplyBody<B>>,
    pub(crate) step: Step,
}

/// Takes in a response, as far as it is kept.
pub(crate) async fn response<B>(response: Response<B>, terms: &Terms, after: After) -> Captured<B>
where
    B: Body<Data: Buf>,
{
    let step = match ending(&response, terms, after) {
        Ending::Keep if may_be_kept(&response, terms) => {
            let (head, body) = response.into_parts();
            return keep(head, boxed(body), terms).await;
        }
        Ending::Keep | Ending::KeepStatus => return tombstone(response.map(ReplyBody::passing), terms),
        Ending::Release => Step::Release { retain: terms.retain },
        Ending::Abandon => Step::Abandon,
    };
    Captured { response: response.map(ReplyBody::passing), step }
}

/// The handler's own word wins; a layer inside that gave up on a handler does not know how far it came, and whoever says
/// nothing of an earlier run has not undone it.
fn ending<B>(response: &Response<B>, terms: &Terms, after: After) -> Ending {
    if let Some(said) = response.extensions().get::<Ending>() {
        return *said;
    }
    let ending = match refused_in(response) {
        Some(refused) if refused.reached_inner() => Ending::Abandon,
        Some(_) => Ending::Release,
        None => (terms.ending)(response.status()),
    };
    if ending == Ending::Release && after == After::Abandonment { Ending::Abandon } else { ending }
}

#[expect(clippy::disallowed_methods, reason = "one that turns out too large is moved on after it was polled")]
fn boxed<B>(body: B) -> Pin<Box<B>> {
    Box::pin(body)
}

async fn keep<B>(head: response::Parts, mut body: Pin<Box<B>>, terms: &Terms) -> Captured<B>
where
    B: Body<Data: Buf>,
{
    let (mut read, mut trailers) = (Bytes::new(), None);
    while let Some(frame) = next(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = match frame {
            Ok(frame) => bytes_of(frame),
            Err(error) => {
                let response = Response::from_parts(head, ReplyBody::broken(read, error));
                return Captured { response, step: Step::Abandon };
            }
        };
        match frame.into_data() {
            Ok(data) => read = joined(read, data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if read.len() as u64 > terms.response_limit {
            return tombstone(Response::from_parts(head, ReplyBody::begun(read, body)), terms);
        }
    }
    // Half of an answer would be a wrong one: records have no trailers.
    let kept = if trailers.is_none() { stored(&head, &read, terms) } else { None };
    let response = Response::from_parts(head, ReplyBody::whole(read, trailers));
    match kept {
        Some(kept) => {
            let step = Step::Complete { response: Arc::new(kept), retain: terms.retain };
            Captured { response, step }
        }
        None => tombstone(response, terms),
    }
}

fn stored(head: &response::Parts, body: &[u8], terms: &Terms) -> Option<StoredResponse> {
    let headers = head.extensions.get().unwrap_or(&terms.kept).of(head.status, &head.headers)?;
    // A copy: what came may be a part of something larger, which a store would hold unawares.
    StoredResponse::new(head.status.as_u16(), headers, Bytes::copy_from_slice(body)).ok()
}

fn tombstone<B: Body>(response: Response<ReplyBody<B>>, terms: &Terms) -> Captured<B> {
    let headers = kept::without_body(response.headers());
    let stub = StoredResponse::without_body(response.status().as_u16(), headers);
    Captured { response, step: Step::Complete { response: Arc::new(stub), retain: terms.retain } }
}

fn may_be_kept<B: Body>(response: &Response<B>, terms: &Terms) -> bool {
    !is_endless(response) && response.body().size_hint().lower() <= terms.response_limit
}

fn is_endless<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_events = content_type
        .get(..b"text/event-stream".len())
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
    is_events || response.status().is_informational()
}
