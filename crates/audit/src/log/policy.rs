use std::time::Duration;

use buttress_core::Checks;

use super::room::Rank;
use crate::{Category, Class, Durability};

/// What is promised for the events of a class, and what happens when that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What a record has survived when its receipt arrives.
    pub durability: Durability,
    /// What becomes of an event for which there is no room, or no working disk.
    pub when_full: WhenFull,
}

/// What becomes of an event that cannot be recorded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused at once, so that the request can be refused before it is handled.
    FailRequest,
    /// It waits for room so long, and not beyond the deadline of its request.
    Block {
        /// How long. 1 ms to 1 minute.
        limit: Duration,
        /// What becomes of it then.
        then: Then,
    },
    /// It is lost, and a record in the log says so.
    Shed,
}

/// What becomes of an event that has waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// It is refused, so that its request can be.
    FailRequest,
    /// It is lost, and a record in the log says so.
    Shed,
}

impl Policy {
    /// A promise and what happens when it cannot be kept.
    pub const fn new(durability: Durability, when_full: WhenFull) -> Self {
        Self { durability, when_full }
    }

    /// What is done for a family of actions unless you say otherwise.
    ///
    /// | family | durability | when there is no room |
    /// |---|---|---|
    /// | auth, admin, financial, security | synced | refused |
    /// | config | written | refused |
    /// | data that is changed, deployment, connector, ingestion | written | waits 250 ms, then refused |
    /// | data that is read, access | written | waits 50 ms, then lost |
    /// | system | written | lost |
    pub const fn default_for(class: Class) -> Self {
        match class.category() {
            Category::Auth | Category::Admin | Category::Financial | Category::Security => {
                Self::new(Durability::Synced, WhenFull::FailRequest)
            }
            Category::Data if class.is_read() => {
                Self::new(Durability::Written, WhenFull::block(50, Then::Shed))
            }
            Category::Config => Self::new(Durability::Written, WhenFull::FailRequest),
            Category::Data | Category::Deployment | Category::Connector | Category::Ingestion => {
                Self::new(Durability::Written, WhenFull::block(250, Then::FailRequest))
            }
            Category::Access => Self::new(Durability::Written, WhenFull::block(50, Then::Shed)),
            Category::System => Self::new(Durability::Written, WhenFull::Shed),
        }
    }
}

impl WhenFull {
    const fn block(millis: u64, then: Then) -> Self {
        Self::Block { limit: Duration::from_millis(millis), then }
    }

    /// Whose place such an event has.
    pub(super) const fn rank(self) -> Rank {
        match self {
            Self::FailRequest => Rank::Strict,
            Self::Block { then: Then::FailRequest, .. } => Rank::Patient,
            Self::Block { then: Then::Shed, .. } | Self::Shed => Rank::Sheddable,
        }
    }

    /// Whether such an event may be lost in the end.
    pub(super) const fn sheds(self) -> bool {
        matches!(self, Self::Shed | Self::Block { then: Then::Shed, .. })
    }
}

/// The policy of each class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policies {
    reads: Table,
    writes: Table,
}

type Table = [Policy; Category::ALL.len()];

impl Default for Policies {
    fn default() -> Self {
        let of =
            |class: fn(Category) -> Class| Category::ALL.map(|family| Policy::default_for(class(family)));
        Self { reads: of(Class::read), writes: of(Class::write) }
    }
}

impl Policies {
    pub(super) const fn of(&self, class: Class) -> Policy {
        let table = if class.is_read() { &self.reads } else { &self.writes };
        table[class.category() as usize]
    }

    pub(super) const fn set(&mut self, class: Class, policy: Policy) {
        let table = if class.is_read() { &mut self.reads } else { &mut self.writes };
        table[class.category() as usize] = policy;
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
        for class in Category::ALL.into_iter().flat_map(|family| [Class::read(family), Class::write(family)])
        {
            if let WhenFull::Block { limit, .. } = self.of(class).when_full {
                let does = if class.is_read() { "read" } else { "write" };
                let field = format!("policy({} {does}) limit", class.category().as_str());
                checks.require(RANGE.contains(&limit), field, format_args!("{limit:?}"), "1 ms to 60 s");
            }
        }
    }
}
