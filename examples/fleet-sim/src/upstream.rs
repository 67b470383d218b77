use std::fmt;
use std::str::FromStr;

/// One of the two simulated upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// Speaks like Microsoft Graph's device management: Windows devices, apps and assignments.
    Intune,
    /// Speaks like the Jamf Pro API: Macs, packages and policies.
    Jamf,
}

impl Upstream {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Intune, Self::Jamf];

    /// The name in paths, `intune` or `jamf`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intune => "intune",
            Self::Jamf => "jamf",
        }
    }

    /// The upstream a request path belongs to; control routes belong to none.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        path.split('/').nth(1)?.parse().ok()
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Upstream {
    type Err = UnknownUpstream;

    fn from_str(name: &str) -> Result<Self, UnknownUpstream> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or(UnknownUpstream)
    }
}

/// The name is neither `intune` nor `jamf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownUpstream;

impl fmt::Display for UnknownUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown upstream, known are intune and jamf")
    }
}

impl std::error::Error for UnknownUpstream {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_path_segment_names_the_upstream() {
        let cases = [
            ("/intune", Some(Upstream::Intune)),
            ("/jamf/api/v1/packages", Some(Upstream::Jamf)),
            ("/faults/intune", None),
            ("/intunes/v1.0", None),
            ("/", None),
            ("*", None),
        ];
        for (path, upstream) in cases {
            assert_eq!(Upstream::of_path(path), upstream, "{path}");
        }
    }
}
