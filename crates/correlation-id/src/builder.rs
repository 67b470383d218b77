use std::sync::Arc;

use buttress_core::{Checks, ConfigError, Observer};
use http::HeaderName;
use tracing::Level;

use crate::accept::Accept;
use crate::header::{checked, default_header};
use crate::layer::{CorrelationIdLayer, Screen, Settings};
use crate::mint::Mint;

/// How many aliases a layer looks for; each absent one costs every request a look-up.
const MAX_ALIASES: usize = 8;

/// What becomes of the trace ID in a valid `traceparent`. The header itself is never altered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceId {
    /// It stays out of the correlation ID. The default.
    #[default]
    Ignore,
    /// It becomes the correlation ID of a request that offers none.
    Adopt,
}

/// Settings of a [`CorrelationIdLayer`]; the crate's front page lists them.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CorrelationIdBuilder {
    header: Option<String>,
    aliases: Vec<String>,
    trace_id: TraceId,
    accept: Accept,
    screen: Option<Screen>,
    mint: Mint,
    span_level: Option<Level>,
    observer: Option<crate::layer::Listener>,
}

impl Default for CorrelationIdBuilder {
    fn default() -> Self {
        Self {
            header: None,
            aliases: vec!["x-request-id".to_owned()],
            trace_id: TraceId::default(),
            accept: Accept::default(),
            screen: None,
            mint: Mint::default(),
            span_level: Some(Level::INFO),
            observer: None,
        }
    }
}

impl CorrelationIdBuilder {
    /// The header that is read first, and that every response bears. Default `x-correlation-id`.
    pub fn header(self, name: impl Into<String>) -> Self {
        Self { header: Some(name.into()), ..self }
    }

    /// Headers to read where the first is absent, in this order; at most 8. Default `x-request-id`.
    pub fn aliases<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Self { aliases: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// What becomes of the trace ID in a valid `traceparent`. Default [`TraceId::Ignore`].
    pub fn trace_id(self, trace_id: TraceId) -> Self {
        Self { trace_id, ..self }
    }

    /// Whose IDs are used. Default [`Accept::Any`].
    pub fn accept(self, accept: Accept) -> Self {
        Self { accept, ..self }
    }

    /// Rejects offered IDs for which the closure says that they look like a secret: the characters of an ID also
    /// spell card numbers and access keys, and an ID goes into every log line. Default: none is looked at.
    ///
    /// It runs on the request's path, on at most 128 bytes, and must not block.
    pub fn screen(self, is_sensitive: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { screen: Some(Screen(Arc::new(is_sensitive))), ..self }
    }

    /// How new IDs are made. Default [`Mint::V4`].
    pub fn mint(self, mint: Mint) -> Self {
        Self { mint, ..self }
    }

    /// The level of the request's tracing span. Default [`Level::INFO`].
    pub fn span_level(self, level: Level) -> Self {
        Self { span_level: Some(level), ..self }
    }

    /// Opens no span, where another layer opens one with the ID.
    pub fn without_span(self) -> Self {
        Self { span_level: None, ..self }
    }

    /// Hears of every rejected ID: verdict [`Passed`](buttress_core::Verdict::Passed), the
    /// [reason](crate::Reason::as_str) as code.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(crate::layer::Listener(Arc::new(observer))), ..self }
    }

    /// Checks the settings and makes the layer.
    ///
    /// # Errors
    ///
    /// One error with every name that is not a header name, that has another meaning, or that stands twice.
    pub fn build(self) -> Result<CorrelationIdLayer, ConfigError> {
        let mut checks = Checks::of("correlation-id");
        let header = match &self.header {
            Some(name) => checked(&mut checks, "header".to_owned(), name),
            None => Some(default_header()),
        };
        let aliases = checked_aliases(&mut checks, header.as_ref(), &self.aliases);
        checks.finish()?;
        Ok(CorrelationIdLayer::from_settings(Settings {
            header: header.unwrap_or_else(default_header),
            aliases,
            trace_id: self.trace_id,
            accept: self.accept,
            screen: self.screen,
            mint: self.mint,
            span_level: self.span_level,
            observer: self.observer,
        }))
    }
}

fn checked_aliases(checks: &mut Checks, header: Option<&HeaderName>, names: &[String]) -> Box<[HeaderName]> {
    let few = names.len() <= MAX_ALIASES;
    checks.require(few, "aliases", format_args!("{} names", names.len()), "at most 8 names");
    let mut aliases: Vec<HeaderName> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let field = format!("aliases[{place}]");
        let Some(alias) = checked(checks, field.clone(), name) else { continue };
        let is_new = Some(&alias) != header && !aliases.contains(&alias);
        checks.require(is_new, field, format_args!("{name:?}"), "a name that is not in use yet");
        aliases.push(alias);
    }
    aliases.into()
}
