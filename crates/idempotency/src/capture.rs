use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use buttress_http::refused_in;
use bytes::{Buf, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

use crate::reply::bytes_of;
use crate::terms::Terms;
use crate::{Ending, Refusal, ReplyBody, Step, StoredResponse, replay};

/// Reads the body of a request, which must come in time and within bounds before anything is claimed.
pub(crate) async fn request<B: Body>(body: B, limit: u64, time: Duration) -> Result<Bytes, Refusal> {
    let too_large = Refusal::BodyTooLarge { limit };
    if body.size_hint().lower() > limit {
        return Err(too_large);
    }
    let mut body = pin!(body);
    let reading = async {
        let mut read = Bytes::new();
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
            if (read.len() as u64).saturating_add(data.remaining() as u64) > limit {
                return Err(too_large.clone());
            }
            read = joined(read, data);
        }
        Ok(read)
    };
    tokio::time::timeout(time, reading).await.unwrap_or(Err(Refusal::BodySlow))
}

/// Without a copy if there is only one piece.
fn joined(read: Bytes, mut data: impl Buf) -> Bytes {
    let piece = data.copy_to_bytes(data.remaining());
    if read.is_empty() {
        return piece;
    }
    let mut all = BytesMut::from(read);
    all.extend_from_slice(&piece);
    all.freeze()
}

/// What to answer, and what to keep of it.
pub(crate) async fn response<B>(response: Response<B>, terms: &Terms) -> (Response<ReplyBody<B>>, Step)
where
    B: Body<Data: Buf>,
{
    let retain = terms.retain;
    match ending(&response, terms) {
        Ending::Keep => keep(response, terms).await,
        Ending::KeepStatus => tombstone(response.map(ReplyBody::passing), terms),
        Ending::Release => (response.map(ReplyBody::passing), Step::Release { retain }),
        Ending::Abandon => (response.map(ReplyBody::passing), Step::Abandon),
    }
}

/// The handler's own word wins; a layer inside that gave up on a handler does not know how far it came.
fn ending<B>(response: &Response<B>, terms: &Terms) -> Ending {
    if let Some(said) = response.extensions().get::<Ending>() {
        return *said;
    }
    match refused_in(response) {
        Some(refused) if refused.reached_inner() => Ending::Abandon,
        Some(_) => Ending::Release,
        None => (terms.ending)(response.status()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a body that turns out too large is moved on after it was polled"
)]
async fn keep<B>(response: Response<B>, terms: &Terms) -> (Response<ReplyBody<B>>, Step)
where
    B: Body<Data: Buf>,
{
    if is_endless(&response) || response.body().size_hint().lower() > terms.response_limit {
        return tombstone(response.map(ReplyBody::passing), terms);
    }
    let (head, body) = response.into_parts();
    let mut body = Box::pin(body);
    let (mut chunks, mut bytes, mut trailers) = (VecDeque::new(), 0, None);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = match frame {
            Ok(frame) => bytes_of(frame),
            Err(error) => {
                return (Response::from_parts(head, ReplyBody::broken(chunks, error)), Step::Abandon);
            }
        };
        match frame.into_data() {
            Ok(data) => {
                bytes += data.len() as u64;
                chunks.push_back(data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if bytes > terms.response_limit {
            return tombstone(Response::from_parts(head, ReplyBody::begun(chunks, body)), terms);
        }
    }
    let kept = stored(head.status, &head.headers, &mut chunks, terms);
    let response = Response::from_parts(head, ReplyBody::whole(chunks, trailers));
    match kept {
        Some(kept) => (response, Step::Complete { response: Arc::new(kept), retain: terms.retain }),
        None => tombstone(response, terms),
    }
}

fn stored(
    status: StatusCode,
    headers: &HeaderMap,
    chunks: &mut VecDeque<Bytes>,
    terms: &Terms,
) -> Option<StoredResponse> {
    if chunks.len() > 1 {
        let whole: BytesMut = chunks.drain(..).flatten().collect();
        chunks.push_back(whole.freeze());
    }
    let body = chunks.front().cloned().unwrap_or_default();
    StoredResponse::new(status.as_u16(), replay::kept(headers, &terms.dropped)?, body).ok()
}

fn tombstone<B: Body>(response: Response<ReplyBody<B>>, terms: &Terms) -> (Response<ReplyBody<B>>, Step) {
    let headers = replay::kept_without_body(response.headers());
    let stub = StoredResponse::without_body(response.status().as_u16(), headers);
    (response, Step::Complete { response: Arc::new(stub), retain: terms.retain })
}

fn is_endless<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_events = content_type
        .get(..b"text/event-stream".len())
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
    is_events || response.status().is_informational()
}
