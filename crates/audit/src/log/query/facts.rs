use std::borrow::Cow;

use serde::Deserialize;

/// What queries ask for, of an event.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts<'a> {
    #[serde(borrow)]
    pub(super) ts: Text<'a>,
    #[serde(borrow)]
    pub(super) category: Text<'a>,
    #[serde(borrow)]
    pub(super) action: Text<'a>,
    #[serde(borrow)]
    pub(super) outcome: Text<'a>,
    #[serde(borrow)]
    pub(super) severity: Text<'a>,
    #[serde(borrow)]
    pub(super) correlation_id: Text<'a>,
    #[serde(borrow)]
    pub(super) actor: Named<'a>,
    #[serde(borrow)]
    pub(super) resource: Named<'a>,
}

/// Somebody or something.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
}

/// A text that is not copied unless it has escapes. In a type of its own, for only so it is borrowed.
#[derive(Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
