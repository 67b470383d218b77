use std::fmt;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError};

use crate::detector::{Detector, Detectors};
use crate::doubt::Suspicion;
use crate::json::MOST_DEPTH;
use crate::mask::{HIDDEN, is_kind};
use crate::name::{Anchor, Folded, Names, Rule, Treatment};
use crate::redactor::Redactor;
use crate::rules::Rules;
use crate::scan::{Literal, Literals, literals};

/// The longest input that is looked at, unless set, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// The deepest JSON that is looked into, unless set.
const MAX_DEPTH: usize = 64;

const BYTES: std::ops::RangeInclusive<usize> = 64..=1 << 30;
const MIN_NAME: usize = 3;
const MIN_SECRET: usize = 6;
const MAX_SECRET: usize = 4096;
const MAX_OWN: usize = 10_000;

/// Builds a [`Redactor`]; begun by [`Redactor::builder`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct RedactorBuilder {
    detectors: Detectors,
    hidden: Vec<(Anchor, String)>,
    shown: Vec<String>,
    secrets: Vec<Vec<u8>>,
    tokens: Vec<OwnToken>,
    max_bytes: usize,
    max_depth: usize,
}

#[derive(Clone)]
struct OwnToken {
    kind: String,
    prefix: String,
    min: usize,
}

impl RedactorBuilder {
    pub(crate) fn new() -> Self {
        Self {
            detectors: Detectors::by_default(),
            hidden: Vec::new(),
            shown: Vec::new(),
            secrets: Vec::new(),
            tokens: Vec::new(),
            max_bytes: MAX_BYTES,
            max_depth: MAX_DEPTH,
        }
    }

    /// Hides the values of one more name, in any case and with any separators.
    pub fn hide_name(self, name: impl Into<String>) -> Self {
        self.hide(Anchor::Whole, name)
    }

    /// Hides the values of all names that end with this word.
    pub fn hide_names_ending(self, word: impl Into<String>) -> Self {
        self.hide(Anchor::Word, word)
    }

    /// Hides the values of all names with these letters in them, unless the last word says that they are only about
    /// it, as in `password_policy`.
    pub fn hide_names_with(self, letters: impl Into<String>) -> Self {
        self.hide(Anchor::Anywhere, letters)
    }

    fn hide(mut self, anchor: Anchor, name: impl Into<String>) -> Self {
        self.hidden.push((anchor, name.into()));
        self
    }

    /// Lets the values of a name be seen that would be hidden. What is found in them by its looks still goes.
    pub fn show_name(mut self, name: impl Into<String>) -> Self {
        self.shown.push(name.into());
        self
    }

    /// Looks for something more.
    pub fn detect(mut self, detector: Detector) -> Self {
        self.detectors = self.detectors.with(detector);
        self
    }

    /// Looks for something less.
    pub fn ignore(mut self, detector: Detector) -> Self {
        self.detectors = self.detectors.without(detector);
        self
    }

    /// Hides a secret that is known, wherever it stands: 6 to 4096 bytes.
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Hides tokens of one's own make: a prefix of at least 3 bytes, and at least `min` letters, digits, `_` or `-`.
    ///
    /// The kind is what the mask says: 1 to 32 lower-case letters, digits and `_`.
    pub fn token(mut self, kind: impl Into<String>, prefix: impl Into<String>, min: usize) -> Self {
        self.tokens.push(OwnToken { kind: kind.into(), prefix: prefix.into(), min });
        self
    }

    /// The longest input that is looked at: 64 bytes to 1 GiB, by default 8 MiB. A mask stands for a longer one.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The deepest JSON that is looked into: 1 to 256, by default 64. A mask stands for what is deeper.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }

    /// The redactor.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range. Secrets are not named in the error.
    ///
    /// ```
    /// use buttress_redact::Redactor;
    ///
    /// let error = Redactor::builder().max_depth(0).hide_name("_").build().expect_err("both are wrong");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "redact: name is \"_\", allowed: 3 ASCII letters or more; redact: max_depth is 0, allowed: 1 to 256",
    /// );
    /// ```
    pub fn build(self) -> Result<Redactor, ConfigError> {
        let mut checks = Checks::of("redact");
        self.check_names(&mut checks);
        self.check_own(&mut checks);
        checks.require(
            BYTES.contains(&self.max_bytes),
            "max_bytes",
            self.max_bytes,
            "64 to 1073741824 bytes",
        );
        let depth = 1..=MOST_DEPTH;
        checks.require(depth.contains(&self.max_depth), "max_depth", self.max_depth, "1 to 256");
        let own = Literals::new(self.own());
        checks.require(own.is_some(), "secrets", "too many at once", "fewer or shorter ones");
        let rules = own.and_then(|own| self.rules(own));
        checks.finish_with(rules.map(|rules| Redactor { rules: Arc::new(rules) }))
    }

    /// What there is without settings of one's own, which cannot be wrong.
    pub(crate) fn known() -> Redactor {
        let builder = Self::new();
        let own = Literals::none();
        let rules = builder.rules(own).unwrap_or_else(Rules::hide_all);
        Redactor { rules: Arc::new(rules) }
    }

    fn rules(&self, own: Literals) -> Option<Rules> {
        let known = Literals::new(literals(|detector| self.detectors.has(detector)))?;
        let Self { detectors, max_bytes, max_depth, .. } = *self;
        let names = self.names();
        let suspicion = Suspicion::new(&names, detectors);
        Some(Rules { names, detectors, known, own, suspicion, max_bytes, max_depth })
    }

    fn names(&self) -> Names {
        let mut names = Names::known();
        for (anchor, name) in &self.hidden {
            let letters = Folded::of(name.as_bytes()).letters().into();
            names.hide(Rule { anchor: *anchor, letters, treatment: Treatment::Hide });
        }
        for name in &self.shown {
            names.allow(Folded::of(name.as_bytes()).letters());
        }
        names
    }

    fn own(&self) -> Vec<(Vec<u8>, Literal)> {
        let secrets = self.secrets.iter().map(|secret| (secret.clone(), Literal::Known));
        let tokens = self.tokens.iter().map(|OwnToken { kind, prefix, min }| {
            (prefix.clone().into_bytes(), Literal::Own { kind: kind.as_str().into(), min: *min })
        });
        secrets.chain(tokens).collect()
    }

    fn check_names(&self, checks: &mut Checks) {
        let hidden = self.hidden.iter().map(|(_, name)| name);
        for name in hidden.chain(&self.shown) {
            let letters = Folded::of(name.as_bytes()).letters().len();
            checks.require(letters >= MIN_NAME, "name", format_args!("{name:?}"), "3 ASCII letters or more");
        }
    }

    fn check_own(&self, checks: &mut Checks) {
        let own = self.secrets.len() + self.tokens.len();
        checks.require(own <= MAX_OWN, "secrets and tokens", own, "10000 at most");
        for secret in &self.secrets {
            let fits = (MIN_SECRET..=MAX_SECRET).contains(&secret.len());
            checks.require(fits, "secret", format_args!("{} bytes", secret.len()), "6 to 4096 bytes");
            // Or the mask would be masked, again and again.
            let apart = !HIDDEN.as_bytes().windows(secret.len().max(1)).any(|part| part == &secret[..]);
            checks.require(apart, "secret", "a part of the mask", "anything else");
        }
        for OwnToken { kind, prefix, min } in &self.tokens {
            checks.require(is_kind(kind.as_bytes()), "token kind", format_args!("{kind:?}"), KIND);
            let fits = prefix.len() >= MIN_NAME
                && prefix.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*');
            checks.require(
                fits,
                "token prefix",
                format_args!("{prefix:?}"),
                "3 ASCII signs or more, no asterisk",
            );
            checks.require((4..=MAX_SECRET).contains(min), "token min", min, "4 to 4096");
        }
    }
}

const KIND: &str = "1 to 32 lower-case letters, digits and `_`";

impl fmt::Debug for RedactorBuilder {
    /// Without the secrets it was told about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactorBuilder")
            .field("detectors", &self.detectors)
            .field("hidden", &self.hidden)
            .field("shown", &self.shown)
            .field("secrets", &self.secrets.len())
            .field("max_bytes", &self.max_bytes)
            .field("max_depth", &self.max_depth)
            .finish_non_exhaustive()
    }
}
