use super::word::words;

words! {
    /// What a device runs.
    Platform {
        Windows = "windows",
        Macos = "macos",
    }
}

words! {
    /// A way to devices. The name is also that of its circuit breaker.
    Connector {
        Intune = "intune",
        Jamf = "jamf",
    }
}

impl Platform {
    /// The connector that reaches devices of this platform.
    pub(crate) const fn connector(self) -> Connector {
        match self {
            Self::Windows => Connector::Intune,
            Self::Macos => Connector::Jamf,
        }
    }
}
