use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;

use crate::terms::Terms;
use crate::{Completion, HeaderList, Refusal, ReplyBody, StoredResponse};

/// The answer of an operation that is done.
pub(crate) fn answer<B: Body>(done: &Completion, terms: &Terms) -> Result<Response<ReplyBody<B>>, Refusal> {
    let kept = &done.response;
    let Some(body) = kept.body() else {
        return Err(Refusal::NotRetained { status: kept.status() });
    };
    let mut response = Response::new(ReplyBody::from(body.clone()));
    *response.status_mut() = StatusCode::from_u16(kept.status()).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in headers_of(kept.headers()) {
        headers.append(name, value);
    }
    terms.marks.replay(headers, done);
    Ok(response)
}

/// Says on a refusal where the result is, if that was kept and its body was not.
pub(crate) fn point_to(kept: &StoredResponse, headers: &mut HeaderMap) {
    let says_where = [header::LOCATION, header::ETAG];
    headers.extend(headers_of(kept.headers()).filter(|(name, _)| says_where.contains(name)));
}

fn headers_of(list: &HeaderList) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    list.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_maybe_shared(value).ok()?))
    })
}
