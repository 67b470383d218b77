use std::sync::Arc;

use buttress_core::Verdict;
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::ask::Exception;
use crate::desk::Desk;
use crate::run::Answer;
use crate::seats::Told;
use crate::within::{Late, within};
use crate::work::{Call, Caught};
use crate::{Refusal, ReplyBody, Store};

const STATUS: HeaderName = HeaderName::from_static("idempotency-status");

/// Runs a handler that no record protects, because the store did not decide and the layer goes on without it.
///
/// Like any other run it goes on to its end, and nobody in this process runs the same meanwhile.
pub(crate) async fn see_through<S, T, B, RB>(
    desk: Arc<Desk<T>>,
    exception: Box<Exception<T>>,
    service: S,
    request: Request<B>,
) -> Answer<RB, S::Error>
where
    S: Service<Request<B>, Response = Response<RB>>,
    T: Store,
    RB: Body,
{
    let Exception { error, seat, place, mut ghost } = *exception;
    if let Some(ghost) = &mut ghost {
        ghost.runs();
    }
    desk.tell(Verdict::Changed, "unprotected");
    let handling = within(desk.terms.longest, Call::new(service, request));
    let answer = match Caught::new(handling).await {
        Some(Ok(answer)) => Ok(answer.map(|response| marked(response.map(ReplyBody::passing)))),
        Some(Err(Late)) => Err(Refusal::Overdue),
        None => Err(Refusal::Panicked),
    };
    // Those who have joined would run it once more.
    if let Some(seat) = seat {
        seat.tell(Told::Failed(error));
    }
    drop((ghost, place));
    answer
}

fn marked<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(STATUS, HeaderValue::from_static("unprotected"));
    response
}
