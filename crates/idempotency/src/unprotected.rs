use std::sync::Arc;

use buttress_core::Verdict;
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::ask::Exception;
use crate::desk::Desk;
use crate::run::Answer;
use crate::seats::Told;
use crate::work::Caught;
use crate::{Refusal, ReplyBody, Store};

const STATUS: HeaderName = HeaderName::from_static("idempotency-status");

/// Runs a handler that no record protects, because the store did not decide and the layer goes on without it.
///
/// Like any other run it goes on to its end, and nobody in this process runs the same meanwhile.
pub(crate) async fn see_through<S, T, B, RB>(
    desk: Arc<Desk<T>>,
    exception: Exception<T>,
    mut service: S,
    request: Request<B>,
    reply: oneshot::Sender<Answer<RB, S::Error>>,
) where
    S: Service<Request<B>, Response = Response<RB>>,
    T: Store,
    RB: Body,
{
    let Exception { error, seat, place, mut ghost } = exception;
    if let Some(ghost) = &mut ghost {
        ghost.runs();
    }
    desk.tell(Verdict::Changed, "unprotected");
    let handling = async { tokio::time::timeout(desk.terms.longest, service.call(request)).await };
    let answer = match Caught::new(handling).await {
        Some(Ok(answer)) => Ok(answer.map(|response| marked(response.map(ReplyBody::passing)))),
        Some(Err(_)) => Err(Refusal::Overdue),
        None => Err(Refusal::Panicked),
    };
    // Those who have joined would run it once more.
    if let Some(seat) = seat {
        seat.tell(Told::Failed(error));
    }
    // Nobody waits if the client has left.
    let _ = reply.send(answer);
    drop((ghost, place));
}

fn marked<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(STATUS, HeaderValue::from_static("unprotected"));
    response
}
