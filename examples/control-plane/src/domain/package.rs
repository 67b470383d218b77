use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{BlastRadius, Evidence, Platform, RiskFactors, Score, Sha256Digest};

/// The version of the weights and of the evidence's form; a change of either is a new one.
const RISK_MODEL: &str = "v1.0";

/// The name of a package. Its characters need no quoting in the filters of any upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PackageName(String);

impl PackageName {
    pub(crate) const ALLOWED: &str =
        "1 to 100 ASCII letters, digits, spaces and any of ._+-(), no space at either end";

    pub(crate) fn new(name: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b" ._+-()".contains(&byte);
        let fits = (1..=100).contains(&name.len()) && name.bytes().all(known) && name.trim() == name;
        fits.then(|| Self(name.to_owned()))
    }
}

/// The version of a package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Version(String);

impl Version {
    pub(crate) const ALLOWED: &str = "1 to 50 ASCII letters, digits and any of ._+-";

    pub(crate) fn new(version: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        let fits = (1..=50).contains(&version.len()) && version.bytes().all(known);
        fits.then(|| Self(version.to_owned()))
    }
}

/// A package as its author describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) name: PackageName,
    pub(crate) version: Version,
    pub(crate) platforms: BTreeSet<Platform>,
    pub(crate) artifact_sha256: Sha256Digest,
    pub(crate) privileged_tooling: bool,
    pub(crate) blast_radius: BlastRadius,
    pub(crate) risk_factors: RiskFactors,
}

/// A package that was taken in. Nothing of it changes afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: Uuid,
    pub(crate) draft: Draft,
    pub(crate) risk_score: Score,
    pub(crate) evidence: Evidence,
    pub(crate) created_at: Timestamp,
}

impl Package {
    pub(crate) fn new(id: Uuid, draft: Draft, created_at: Timestamp) -> Self {
        let risk_score = draft.risk_factors.score();
        let evidence = Evidence::seal(&document(id, &draft, risk_score, created_at));
        Self { id, draft, risk_score, evidence, created_at }
    }

    /// Name and version in one, as the upstreams know the package. A version has no space, so no two packages
    /// share a title.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.draft.name, self.draft.version)
    }
}

fn document(id: Uuid, draft: &Draft, score: Score, created_at: Timestamp) -> Value {
    let factors: Map<_, _> = draft
        .risk_factors
        .iter()
        .map(|(factor, share)| (factor.to_string(), share.to_string().into()))
        .collect();
    json!({
        "package_id": id,
        "name": draft.name,
        "version": draft.version,
        "platforms": draft.platforms,
        "artifact_sha256": draft.artifact_sha256,
        "privileged_tooling": draft.privileged_tooling,
        "blast_radius": draft.blast_radius,
        "risk": { "model": RISK_MODEL, "factors": factors, "score": score.to_string() },
        "created_at": created_at,
    })
}

macro_rules! text {
    ($($name:ident)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).ok_or_else(|| de::Error::custom(Self::ALLOWED))
            }
        }
    )+};
}

text! { PackageName Version }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_need_no_quoting() {
        for good in ["Mail Client", "7-Zip (x64)", "a", "C++_Redist.2022"] {
            assert!(PackageName::new(good).is_some(), "{good}");
        }
        for bad in ["", " Mail", "Mail ", "O'Reader", "Mail\"", "Mail\n", "Über", "a/b", &"x".repeat(101)] {
            assert!(PackageName::new(bad).is_none(), "{bad:?}");
        }
        assert!(Version::new("4.2.0-rc.1+build").is_some());
        assert!(Version::new("4 2").is_none());
    }

    #[test]
    fn the_evidence_holds_what_the_gates_decide_by_and_no_number() {
        let draft = Draft {
            name: PackageName::new("Mail Client").expect("a name"),
            version: Version::new("4.2.0").expect("a version"),
            platforms: BTreeSet::from([Platform::Macos, Platform::Windows]),
            artifact_sha256: Sha256Digest::of(b"artifact"),
            privileged_tooling: false,
            blast_radius: BlastRadius::Isolated,
            risk_factors: RiskFactors::default(),
        };
        let package = Package::new(Uuid::nil(), draft, Timestamp::UNIX_EPOCH);
        let sealed: Value = serde_json::from_str(package.evidence.canonical()).expect("JSON");
        assert_eq!(sealed["risk"]["score"], "0.0000");
        assert_eq!(sealed["risk"]["factors"]["privilege_impact"], "0.0000");
        assert_eq!(sealed["platforms"], json!(["windows", "macos"]));
        assert_eq!(sealed["created_at"], "1970-01-01T00:00:00Z");
        assert_eq!(sealed["artifact_sha256"], Sha256Digest::of(b"artifact").to_string());
        assert_eq!(package.title(), "Mail Client 4.2.0");
    }
}
