use std::borrow::Cow;
use std::sync::Arc;

use super::bound::{self, kept};
use super::json;

/// What something was done to.
///
/// ```
/// use buttress_audit::Resource;
///
/// let booking = Resource::new("booking", "b-17").with_name("two nights in Graz");
/// assert_eq!((booking.kind(), booking.id()), ("booking", "b-17"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    kind: Cow<'static, str>,
    id: Box<str>,
    name: Option<Box<str>>,
}

impl Resource {
    /// A resource by its type and its ID among those of the type. Of each, 256 bytes are shown.
    pub fn new<'a>(kind: impl Into<Cow<'static, str>>, id: impl Into<Cow<'a, str>>) -> Self {
        let kind = match kind.into() {
            Cow::Borrowed(kind) => Cow::Borrowed(kind),
            Cow::Owned(kind) => Cow::Owned(kept(kind, bound::ID).into()),
        };
        Self { kind, id: kept(id, bound::ID), name: None }
    }

    /// With a name for people to read.
    #[must_use]
    pub fn with_name<'a>(self, name: impl Into<Cow<'a, str>>) -> Self {
        Self { name: Some(kept(name, bound::ID)), ..self }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Which of its kind it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What people call it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The program that writes records: its name, version and instance. Clones share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service(Arc<[u8]>);

impl Service {
    /// A program by its name.
    pub fn new(name: &str) -> Self {
        let mut object = b"{".to_vec();
        member(",\"name\":", name, &mut object);
        object.push(b'}');
        Self(object.into())
    }

    /// With its version.
    #[must_use]
    pub fn with_version(&self, version: &str) -> Self {
        self.with(",\"version\":", version)
    }

    /// With what tells it from others of its kind, such as the name of the machine.
    #[must_use]
    pub fn with_instance(&self, instance: &str) -> Self {
        self.with(",\"instance\":", instance)
    }

    fn with(&self, key: &str, value: &str) -> Self {
        let mut object = self.0.split_last().map_or(&[][..], |(_, members)| members).to_vec();
        member(key, value, &mut object);
        object.push(b'}');
        Self(object.into())
    }

    /// As a JSON object.
    pub(super) fn as_json(&self) -> &[u8] {
        &self.0
    }
}

fn member(key: &str, value: &str, object: &mut Vec<u8>) {
    json::name(key, object);
    json::string(bound::cut(value, bound::ID), object);
}
