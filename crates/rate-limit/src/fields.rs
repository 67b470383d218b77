//! What responses say about limits.

mod line;
mod member;
mod stamp;
mod text;

use std::time::SystemTime;

use arrayvec::ArrayVec;
use buttress_core::WallClock;
use http::HeaderValue;

use self::line::Line;
pub(crate) use self::member::PolicyField;
pub(crate) use self::stamp::Stamp;
use self::stamp::{Legacy, Standard};
use self::text::Text;
use crate::MAX_POLICIES;
use crate::told::Told;

/// What responses say about a layer's limits.
///
/// | field | when |
/// |---|---|
/// | `RateLimit-Policy: "per-address";q=100;w=60` | on every response, unless [`none`](Self::none) |
/// | `RateLimit: "per-address";r=99;t=1` | the same |
/// | `X-RateLimit-Limit`, `-Remaining`, `-Reset` | [`with_legacy`](Self::with_legacy) |
///
/// The first two are as in draft-ietf-httpapi-ratelimit-headers-10: `q` units in `w` whole seconds (10 in 100 ms are
/// written as 100 in 1 s), `buttress-burst` if more or fewer than `q` may be spent at once; `r` units left; `t` seconds
/// until there is one more, or on a refusal until the request would be admitted, rounded up. There is no `t` if nothing
/// was spent, and on a refusal none for policies that would have admitted the request, so it never lies beyond
/// `Retry-After`. A redirect with nothing left carries no `RateLimit`, so that clients follow it.
///
/// They are added to what the service behind says, and never say who is counted. Policies that only observe, or do not
/// apply, are not in them.
#[derive(Clone, Debug)]
pub struct Fields {
    standard: Members,
    legacy: Option<WallClock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Members {
    All,
    Tightest,
    None,
}

impl Fields {
    /// `RateLimit-Policy` and `RateLimit` with every policy that applied. What servers start with.
    pub const fn all() -> Self {
        Self { standard: Members::All, legacy: None }
    }

    /// The same, but `RateLimit` names only the policy that has the smallest share left, or keeps the caller waiting
    /// for longest.
    pub const fn tightest() -> Self {
        Self { standard: Members::Tightest, legacy: None }
    }

    /// Nothing. What clients start with, where the responses are those of somebody else.
    pub const fn none() -> Self {
        Self { standard: Members::None, legacy: None }
    }

    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` as well, of the tightest policy: its burst, what is left of it,
    /// and the Unix time in seconds at which there is all of it again.
    ///
    /// Left out where the service behind has set one of them, since a second value would be ambiguous.
    #[must_use]
    pub fn with_legacy(self) -> Self {
        Self { legacy: Some(self.legacy.unwrap_or_default()), ..self }
    }

    /// The calendar that `X-RateLimit-Reset` is told by, and turns those fields on. Default: the system's.
    #[must_use]
    pub fn with_legacy_by(self, wall: WallClock) -> Self {
        Self { legacy: Some(wall), ..self }
    }

    pub(crate) fn say_anything(&self) -> bool {
        self.standard != Members::None || self.legacy.is_some()
    }

    pub(crate) fn stamp(&self, told: &Told<'_>) -> Option<Stamp> {
        let standard = match self.standard {
            Members::All => Standard::of(told, Line::each(told)),
            Members::Tightest => Standard::of(told, Line::tightest(told).into_iter()),
            Members::None => None,
        };
        let legacy =
            self.legacy.as_ref().and_then(|wall| Some(Legacy::of(&Line::tightest(told)?, wall.now())));
        (standard.is_some() || legacy.is_some()).then_some(Stamp { standard, legacy })
    }
}

impl Standard {
    /// Nothing if no policy is enforced.
    fn of<'a>(told: &Told<'a>, shown: impl Iterator<Item = Line<'a>>) -> Option<Self> {
        let mut limit = Text::new();
        for line in shown {
            member::write_limit(&mut limit, &line, told.refused);
        }
        let limit = limit.value()?;
        let (mut number, mut all_own, mut exhausted) = (0, true, false);
        for line in Line::each(told) {
            number += 1;
            all_own &= line.is_own(told);
            exhausted |= line.position.remaining == 0;
        }
        Some(Self { limit, policy: policy_value(told, all_own.then_some(number))?, exhausted })
    }
}

/// The policies that applied: usually all of them with their own quotas, which was written when those were set.
///
/// `own` is how many they are, if each has its own quota.
fn policy_value(told: &Told<'_>, own: Option<usize>) -> Option<HeaderValue> {
    let terms = told.terms;
    match own {
        Some(number) if number == terms.of.len() => terms.field.of_all(),
        Some(1) => terms.field.of_one(Line::each(told).next()?.policy),
        _ => {
            let mut text = Text::new();
            for line in Line::each(told) {
                member::write_policy(&mut text, line.name, *line.quota);
            }
            text.value()
        }
    }
}

impl Legacy {
    fn of(line: &Line<'_>, now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            limit: line.quota.burst_units(),
            remaining: line.position.remaining,
            reset: text::whole_seconds(since.saturating_add(line.position.full)),
        }
    }
}

/// One for each policy.
type PerPolicy<T> = ArrayVec<T, MAX_POLICIES>;
