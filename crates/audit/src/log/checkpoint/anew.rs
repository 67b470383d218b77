use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

/// The action of the record that tells of it.
pub(crate) const MADE_ANEW: &str = "AUDIT_SIGNING_CHANGED";

/// Something that proves what a log holds, and that did not know of it when the log was opened.
///
/// It may be the first, or a change on purpose; or what there was before is gone, and with it what it would have shown.
/// Of the records that were there already it proves only that they have not changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MadeAnew {
    /// What it is.
    pub what: Proof,
    /// How many records the log had already.
    pub records: u64,
}

/// What proves what a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// The key that signs it: it did not sign the last checkpoint, or any.
    Key,
    /// The signed checkpoints in its directory: there was none.
    Checkpoints,
    /// The anchor of this name: it knew of no record.
    Anchor(Arc<str>),
}

impl Proof {
    /// What it is, as one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Checkpoints => "checkpoints",
            Self::Anchor(_) => "anchor",
        }
    }

    /// What the anchor is called, if it is one.
    pub fn anchor(&self) -> Option<&str> {
        match self {
            Self::Anchor(name) => Some(name),
            Self::Key | Self::Checkpoints => None,
        }
    }

    fn named(what: &str, anchor: Option<&str>) -> Option<Self> {
        Some(match what {
            "key" => Self::Key,
            "checkpoints" => Self::Checkpoints,
            "anchor" => Self::Anchor(anchor?.into()),
            _ => return None,
        })
    }
}

impl MadeAnew {
    pub(crate) fn details(&self) -> Value {
        json!({ "what": self.what.as_str(), "anchor": self.what.anchor(), "records": self.records })
    }

    /// What an event says, if it is about this.
    pub(crate) fn told_by(event: &[u8]) -> Option<Self> {
        memchr::memmem::find(event, MADE_ANEW.as_bytes())?;
        let told: Told = serde_json::from_slice(event).ok()?;
        let Details { what, anchor, records } = told.details;
        let what = Proof::named(&what, anchor.as_deref())?;
        (told.action == MADE_ANEW).then_some(Self { what, records })
    }
}

#[derive(Deserialize)]
struct Told {
    action: String,
    details: Details,
}

#[derive(Deserialize)]
struct Details {
    what: String,
    anchor: Option<String>,
    records: u64,
}

impl fmt::Display for MadeAnew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records;
        match &self.what {
            Proof::Key => write!(f, "the signing key was new to a log of {records} records"),
            Proof::Checkpoints => write!(f, "there was no checkpoint of a log of {records} records"),
            Proof::Anchor(name) => write!(f, "the anchor {name} knew nothing of a log of {records} records"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_what_was_made_anew() {
        for what in [Proof::Key, Proof::Checkpoints, Proof::Anchor("file /a".into())] {
            let made = MadeAnew { what, records: 7 };
            let event = json!({ "action": MADE_ANEW, "details": made.details() }).to_string();
            assert_eq!(MadeAnew::told_by(event.as_bytes()), Some(made));
        }
        let others = [
            json!({ "action": "UPDATE", "details": { "what": "key", "records": 7, "text": MADE_ANEW } }),
            json!({ "action": MADE_ANEW, "details": { "what": "clock", "records": 7 } }),
            json!({ "action": MADE_ANEW }),
        ];
        for event in others {
            assert_eq!(MadeAnew::told_by(event.to_string().as_bytes()), None, "{event}");
        }
    }
}
