//! What all creates have in common: a JSON body, an idempotency key, and four ways to be refused.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Upstream;
use crate::refusal::{Refusal, Why};
use crate::shelf::{Claim, Placed};

const KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;
const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=256;

pub(crate) fn json<T: DeserializeOwned>(upstream: Upstream, body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|why| upstream.bad_request(why.to_string()))
}

/// A name an upstream takes: 1 to 256 characters.
pub(crate) fn checked_name(upstream: Upstream, field: &'static str, name: &str) -> Result<(), Refusal> {
    if NAME_CHARS.contains(&name.chars().count()) {
        return Ok(());
    }
    Err(upstream.bad_request(format!("{field} must have 1 to 256 characters")).about(field))
}

/// The `Idempotency-Key` of a create with the body it stands for.
pub(crate) fn claim(upstream: Upstream, headers: &HeaderMap, body: &Bytes) -> Result<Option<Claim>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let Some(key) = key.to_str().ok().filter(|key| KEY_CHARS.contains(&key.len())) else {
        return Err(upstream.bad_request("idempotency-key must have 1 to 255 visible characters"));
    };
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Ok(Some(Claim { key: key.to_owned(), body: hasher.finish() }))
}

/// The answer to a create; `name` is the field that must be unique.
pub(crate) fn answer<T>(
    upstream: Upstream,
    name: &'static str,
    placed: &Placed<'_, T>,
    show: impl Fn(&T) -> Value,
) -> Result<Response, Refusal> {
    match placed {
        Placed::New(item) => Ok((StatusCode::CREATED, Json(show(item))).into_response()),
        Placed::Replayed(item) => {
            let replayed = [("idempotent-replayed", "true")];
            Ok((StatusCode::CREATED, replayed, Json(show(item))).into_response())
        }
        Placed::NameTaken => {
            Err(upstream.refusal(Why::Duplicate, format!("{name} is taken already")).about(name))
        }
        Placed::KeyReused => {
            Err(upstream.refusal(Why::KeyReused, "this idempotency key came with another body before"))
        }
        Placed::Full => Err(upstream.refusal(Why::Full, "no room for more of these")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelf::{MAX_ITEMS, Shelf};

    #[test]
    fn one_item_too_many_finds_no_room() {
        let mut shelf = Shelf::with_capacity(MAX_ITEMS);
        for n in 0..10_000 {
            assert!(matches!(shelf.place(&n.to_string(), None, |_| ()), Placed::New(())));
        }
        let placed = shelf.place("one more", None, |_| ());
        let refusal = answer(Upstream::Jamf, "name", &placed, |()| Value::Null).unwrap_err();
        assert_eq!(refusal.into_response().status(), StatusCode::INSUFFICIENT_STORAGE);
    }
}
