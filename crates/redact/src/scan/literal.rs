//! The fixed texts that secrets begin with or have in them, found all at once.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, Input, MatchKind};

use crate::class::Class;
use crate::detector::Detector;

/// What a fixed text may be part of.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    /// A token that begins with it.
    Token(Token),
    /// A token of one's own that begins with it.
    Own { kind: Box<str>, min: usize },
    /// A secret as a whole.
    Known,
    /// `eyJ`: the header of a JSON web token.
    Jwt,
    /// `-----BEGIN `
    Armour,
    /// `://`
    Scheme,
    /// The word `Bearer` after its first letter.
    Bearer,
    /// The word `Basic` after its first letter.
    Basic,
    /// The address of a webhook up to its secret part.
    Webhook(&'static str),
    /// The middle of an Azure client secret, four bytes into it.
    AzureClient,
    /// `%40`: an at sign.
    At,
}

/// The token of a vendor.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: &'static str,
    /// What follows the fixed text.
    pub(crate) class: Class,
    /// How many bytes of the class follow at least.
    pub(crate) min: usize,
    /// How many bytes of the class follow at most.
    pub(crate) max: usize,
}

const ANY: usize = usize::MAX;

/// Fixed text, kind, class of what follows, how many of it.
type TokenRow = (&'static str, &'static str, Class, usize, usize);

const TOKENS: &[TokenRow] = &[
    ("AKIA", "aws", Class::Alnum, 16, 16),
    ("ASIA", "aws", Class::Alnum, 16, 16),
    ("AIza", "google", Class::Base64Url, 35, 40),
    ("GOCSPX-", "google", Class::Base64Url, 20, ANY),
    ("ya29.", "google", Class::Name, 20, ANY),
    ("1//0", "google", Class::Base64Url, 30, ANY),
    ("ghp_", "github", Class::Alnum, 20, ANY),
    ("gho_", "github", Class::Alnum, 20, ANY),
    ("ghu_", "github", Class::Alnum, 20, ANY),
    ("ghs_", "github", Class::Alnum, 20, ANY),
    ("ghr_", "github", Class::Alnum, 20, ANY),
    ("github_pat_", "github", Class::Base64Url, 22, ANY),
    ("glpat-", "gitlab", Class::Name, 20, ANY),
    ("glrt-", "gitlab", Class::Name, 20, ANY),
    ("glptt-", "gitlab", Class::Hex, 40, ANY),
    ("xoxb-", "slack", Class::Base64Url, 10, ANY),
    ("xoxp-", "slack", Class::Base64Url, 10, ANY),
    ("xoxa-", "slack", Class::Base64Url, 10, ANY),
    ("xoxs-", "slack", Class::Base64Url, 10, ANY),
    ("xoxe-", "slack", Class::Base64Url, 10, ANY),
    ("xapp-", "slack", Class::Base64Url, 20, ANY),
    ("sk_live_", "stripe", Class::Alnum, 16, ANY),
    ("sk_test_", "stripe", Class::Alnum, 16, ANY),
    ("rk_live_", "stripe", Class::Alnum, 16, ANY),
    ("rk_test_", "stripe", Class::Alnum, 16, ANY),
    ("whsec_", "stripe", Class::Base64, 20, ANY),
    ("SG.", "sendgrid", Class::Name, 60, ANY),
    ("npm_", "npm", Class::Alnum, 36, ANY),
    ("pypi-AgE", "pypi", Class::Base64Url, 16, ANY),
    ("sk-", "ai", Class::Base64Url, 20, ANY),
    ("hf_", "huggingface", Class::Alnum, 30, ANY),
    ("dop_v1_", "digitalocean", Class::Hex, 64, 64),
    ("shpat_", "shopify", Class::Hex, 32, 32),
    ("shpss_", "shopify", Class::Hex, 32, 32),
    ("hvs.", "vault", Class::Base64Url, 20, ANY),
    ("dapi", "databricks", Class::Hex, 32, 32),
    ("glsa_", "grafana", Class::Base64Url, 32, ANY),
    ("AGE-SECRET-KEY-1", "age", Class::Alnum, 58, 58),
];

/// The first hexadecimal digit stands in the fixed text, because `SK` alone begins too many words.
const TWILIO: &str = "0123456789abcdef";

/// Every fixed text that some detector of the set asks for, with what it is.
pub(crate) fn literals(wanted: impl Fn(Detector) -> bool) -> Vec<(Vec<u8>, Literal)> {
    let mut all: Vec<(Detector, String, Literal)> = Vec::new();
    for (text, kind, class, min, max) in TOKENS {
        let token = Token { kind, class: *class, min: *min, max: *max };
        all.push((Detector::VendorKeys, (*text).to_owned(), Literal::Token(token)));
    }
    for digit in TWILIO.chars() {
        let token = Token { kind: "twilio", class: Class::Hex, min: 31, max: 31 };
        all.push((Detector::VendorKeys, format!("SK{digit}"), Literal::Token(token)));
    }
    all.extend(
        SHAPES.iter().map(|(detector, text, literal)| (*detector, (*text).to_owned(), literal.clone())),
    );
    let wanted = all.into_iter().filter(|(detector, ..)| wanted(*detector));
    wanted.map(|(_, text, literal)| (text.into_bytes(), literal)).collect()
}

const SHAPES: &[(Detector, &str, Literal)] = &[
    (Detector::VendorKeys, "8Q~", Literal::AzureClient),
    (Detector::VendorKeys, "hooks.slack.com/services/", Literal::Webhook("slack")),
    (Detector::Jwt, "eyJ", Literal::Jwt),
    (Detector::PrivateKeys, "-----BEGIN ", Literal::Armour),
    (Detector::UrlCredentials, "://", Literal::Scheme),
    (Detector::Bearer, "earer", Literal::Bearer),
    (Detector::Bearer, "EARER", Literal::Bearer),
    (Detector::Basic, "asic ", Literal::Basic),
    (Detector::Basic, "ASIC ", Literal::Basic),
    (Detector::Email, "%40", Literal::At),
];

/// Finds the fixed texts in one pass.
#[derive(Clone, Debug)]
pub(crate) struct Literals {
    automaton: Option<AhoCorasick>,
    what: Vec<Literal>,
}

impl Literals {
    /// Finds nothing.
    pub(crate) fn none() -> Self {
        Self { automaton: None, what: Vec::new() }
    }

    /// Builds the search, unless there are too many texts for one.
    pub(crate) fn new(rows: Vec<(Vec<u8>, Literal)>) -> Option<Self> {
        if rows.is_empty() {
            return Some(Self::none());
        }
        let (texts, what): (Vec<Vec<u8>>, Vec<Literal>) = rows.into_iter().unzip();
        // Without leftmost-first semantics the vectorised search is not used.
        let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostFirst).build(texts).ok()?;
        Some(Self { automaton: Some(automaton), what })
    }

    /// The first fixed text from a place on, and its number.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
        let input = Input::new(text).range(from.min(text.len())..);
        let found = self.automaton.as_ref()?.find(input)?;
        Some((found.range(), found.pattern().as_usize()))
    }

    pub(crate) fn what(&self, pattern: usize) -> &Literal {
        &self.what[pattern]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fixed_texts_fit_the_vectorised_search() {
        // More than 64 and every search falls back to a walk through the automaton, four times slower.
        assert!(literals(|_| true).len() <= 64, "{}", literals(|_| true).len());
        assert!(literals(|_| true).iter().all(|(text, _)| text.len() >= 3));
    }
}
