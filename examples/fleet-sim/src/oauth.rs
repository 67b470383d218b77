//! Tokens: how they are issued, how long they are good, and the routes that want one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::header::CACHE_CONTROL};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::clock::rfc3339;
use crate::refusal::{Refusal, Why};
use crate::station::Station;

/// The client id both upstreams accept.
pub const CLIENT_ID: &str = "control-plane";
/// The client secret that goes with [`CLIENT_ID`].
pub const CLIENT_SECRET: &str = "simulated-secret";
/// The user the Jamf-like upstream accepts for basic authentication.
pub const USERNAME: &str = "control-plane";
/// The password that goes with [`USERNAME`].
pub const PASSWORD: &str = "simulated-password";

/// `USERNAME:PASSWORD` in base64: comparing beats decoding when only one pair is right.
const BASIC_CREDENTIALS: &str = "Y29udHJvbC1wbGFuZTpzaW11bGF0ZWQtcGFzc3dvcmQ=";
const MAX_TOKENS: usize = 1_000;

/// The tokens of one upstream, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: VecDeque<Token>,
}

#[derive(Debug)]
struct Token {
    value: String,
    expires: Instant,
}

impl Tokens {
    /// A token past the limit pushes out the oldest one.
    pub(crate) fn issue(&mut self, now: Instant, lifetime: Duration) -> String {
        self.issued.retain(|token| now < token.expires);
        if self.issued.len() == MAX_TOKENS {
            self.issued.pop_front();
        }
        let value = Uuid::new_v4().simple().to_string();
        self.issued.push_back(Token { value: value.clone(), expires: now + lifetime });
        value
    }

    /// A token is good until the instant it expires, and not in that instant.
    pub(crate) fn accepts(&self, value: &str, now: Instant) -> bool {
        self.issued.iter().any(|token| token.value == value && now < token.expires)
    }

    pub(crate) fn revoke_all(&mut self) {
        self.issued.clear();
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Station {
    fn issue_token(&self) -> (String, u64) {
        let lifetime_s = self.settings().token_lifetime_s;
        (self.tokens.lock().issue(now(), Duration::from_secs(lifetime_s)), lifetime_s)
    }
}

/// Lets only requests with a good token through.
pub(crate) async fn require_token(
    State(station): State<Arc<Station>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let good = credentials(request.headers(), "bearer")
        .is_some_and(|token| station.tokens.lock().accepts(token, now()));
    if !good {
        return Err(station.upstream.refusal(Why::Unauthorized, "the access token is missing or expired"));
    }
    Ok(next.run(request).await)
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(credentials.trim())
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// The client credentials grant, RFC 6749 section 4.4.
pub(crate) async fn client_credentials(
    State(station): State<Arc<Station>>,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    let TokenRequest { grant_type, client_id, client_secret } = match form {
        Ok(Form(request)) => request,
        Err(why) => return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", &why.body_text()),
    };
    if let Err((code, about)) = checked_grant(grant_type.as_deref()) {
        return oauth_error(StatusCode::BAD_REQUEST, code, about);
    }
    if (client_id.as_deref(), client_secret.as_deref()) != (Some(CLIENT_ID), Some(CLIENT_SECRET)) {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "unknown client or wrong secret");
    }
    let (token, lifetime_s) = station.issue_token();
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime_s });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn checked_grant(grant_type: Option<&str>) -> Result<(), (&'static str, &'static str)> {
    match grant_type {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(("unsupported_grant_type", "only client_credentials is supported")),
        None => Err(("invalid_request", "grant_type is missing")),
    }
}

fn oauth_error(status: StatusCode, code: &str, about: &str) -> Response {
    (status, Json(json!({ "error": code, "error_description": about }))).into_response()
}

/// A bearer token for a user and password.
pub(crate) async fn basic(
    State(station): State<Arc<Station>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if credentials(&headers, "basic") != Some(BASIC_CREDENTIALS) {
        return Err(station.upstream.refusal(Why::Unauthorized, "unknown user or wrong password"));
    }
    let (token, lifetime_s) = station.issue_token();
    let expires = rfc3339(SystemTime::now() + Duration::from_secs(lifetime_s));
    Ok(([(CACHE_CONTROL, "no-store")], Json(json!({ "token": token, "expires": expires }))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_token_is_refused_from_the_instant_it_expires() {
        let (mut tokens, start) = (Tokens::default(), now());
        let token = tokens.issue(start, HOUR);
        assert!(tokens.accepts(&token, start + HOUR.saturating_sub(Duration::from_nanos(1))));
        assert!(!tokens.accepts(&token, start + HOUR));
        assert!(!tokens.accepts("unknown", start));
    }

    #[test]
    fn one_token_too_many_pushes_out_the_oldest() {
        let (mut tokens, start) = (Tokens::default(), now());
        let first = tokens.issue(start, HOUR);
        let second = tokens.issue(start, HOUR);
        for _ in 2..=MAX_TOKENS {
            tokens.issue(start, HOUR);
        }
        assert!(!tokens.accepts(&first, start));
        assert!(tokens.accepts(&second, start));
        assert_eq!(tokens.issued.len(), MAX_TOKENS);
    }

    #[test]
    fn revoking_ends_every_token() {
        let (mut tokens, start) = (Tokens::default(), now());
        let token = tokens.issue(start, HOUR);
        tokens.revoke_all();
        assert!(!tokens.accepts(&token, start));
    }
}
