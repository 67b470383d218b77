//! Calls under a token: fetched when there is none, and replaced once when the upstream does not take it any more.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use buttress::reqwest::ApiRequest;
use buttress::retry::Retryable;
use buttress::{ApiClient, ApiError};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::credentials::{ClientCredentials, UserCredentials};
use super::token::{Issued, TokenCache};

/// One way to a token: where it is issued, and for whom.
#[derive(Clone, Debug)]
pub(super) enum Grant {
    Client { endpoint: &'static str, client: ClientCredentials },
    User { endpoint: &'static str, user: UserCredentials },
}

/// An API and the token under which it is called.
#[derive(Debug)]
pub(super) struct Session {
    api: ApiClient,
    grant: Grant,
    fallback: Option<Grant>,
    tokens: TokenCache,
}

impl Session {
    /// The fallback is asked for a token only if the upstream refuses the first grant.
    pub(super) fn new(api: ApiClient, grant: Grant, fallback: Option<Grant>) -> Self {
        Self { api, grant, fallback, tokens: TokenCache::default() }
    }

    /// Makes a call and reads the answer. A token that was revoked costs one more call, and no failure.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        request: impl Fn(&ApiClient) -> ApiRequest,
    ) -> Result<T, ApiError> {
        let token = self.token().await?;
        match request(&self.api).bearer_auth(&token).fetch().await {
            Err(error) if error.is_unauthorized() => {
                self.tokens.forget(&token).await;
                let token = self.token().await?;
                request(&self.api).bearer_auth(&token).fetch().await
            }
            result => result,
        }
    }

    async fn token(&self) -> Result<Arc<str>, ApiError> {
        // Boxed, because it is large and hardly ever needed.
        self.tokens.get(Box::pin(self.issue())).await
    }

    async fn issue(&self) -> Result<Issued, ApiError> {
        match (self.ask(&self.grant).await, &self.fallback) {
            (Err(error), Some(fallback)) if is_refused(&error) => {
                tracing::warn!(service = error.service(), "credentials refused, the others are tried");
                self.ask(fallback).await
            }
            (result, _) => result,
        }
    }

    async fn ask(&self, grant: &Grant) -> Result<Issued, ApiError> {
        match grant {
            Grant::Client { endpoint, client } => {
                let secret = client.secret.expose();
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", &client.id),
                    ("client_secret", secret),
                ];
                let request = self.post(endpoint).with(|request| request.with(|request| request.form(&form)));
                request.fetch::<ClientToken>().await.map(Issued::from)
            }
            Grant::User { endpoint, user } => {
                let request = self.post(endpoint).basic_auth(&user.name, Some(user.password.expose()));
                request.fetch::<UserToken>().await.map(Issued::from)
            }
        }
    }

    /// Begins to ask for a token, which does no harm when it is done twice.
    fn post(&self, endpoint: &str) -> ApiRequest {
        repeatable(self.api.post(endpoint))
    }
}

/// Lets a request be sent again although its method alone would forbid it.
pub(super) fn repeatable(request: ApiRequest) -> ApiRequest {
    request.with(|request| request.extension(Retryable::Yes))
}

/// Whether the upstream does not take these credentials, or takes none of their kind.
fn is_refused(error: &ApiError) -> bool {
    matches!(
        error.status(),
        Some(
            StatusCode::BAD_REQUEST
                | StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
        )
    )
}

#[derive(Deserialize)]
struct ClientToken {
    access_token: String,
    expires_in: u64,
}

impl From<ClientToken> for Issued {
    fn from(issued: ClientToken) -> Self {
        Self { token: issued.access_token.into(), lifetime: Duration::from_secs(issued.expires_in) }
    }
}

#[derive(Deserialize)]
struct UserToken {
    token: String,
    expires: Timestamp,
}

impl From<UserToken> for Issued {
    fn from(issued: UserToken) -> Self {
        let lifetime = issued.expires.duration_since(Timestamp::now());
        // A time in the past is no lifetime at all.
        Self { token: issued.token.into(), lifetime: lifetime.try_into().unwrap_or_default() }
    }
}
