use std::fmt;

/// Something that is known by its looks, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detector {
    /// `Bearer` and what follows it.
    Bearer,
    /// `Basic` and what follows it, if that is base64 of a name and a password.
    Basic,
    /// JSON web tokens, signed and encrypted.
    Jwt,
    /// Keys that begin with what their vendor puts before them: AWS, Google, GitHub, Stripe and others.
    VendorKeys,
    /// Private keys in PEM or PGP armour.
    PrivateKeys,
    /// User and password in a URL.
    UrlCredentials,
    /// `name=value`, `name: value`, `"name": value` and `<name>value</name>` in text, where the name is that of a
    /// secret.
    Assignments,
    /// Payment card numbers, by issuer, length and check digit.
    Cards,
    /// Social security numbers of the United States, with their dashes.
    Ssn,
    /// International bank account numbers, by country, length and check digits.
    Iban,
    /// E-mail addresses.
    Email,
    /// Telephone numbers. Off by default: many numbers look like one.
    Phone,
    /// Long mixtures of letters of both cases and digits. Off by default: many identifiers are such.
    Entropy,
}

impl Detector {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Bearer,
        Self::Basic,
        Self::Jwt,
        Self::VendorKeys,
        Self::PrivateKeys,
        Self::UrlCredentials,
        Self::Assignments,
        Self::Cards,
        Self::Ssn,
        Self::Iban,
        Self::Email,
        Self::Phone,
        Self::Entropy,
    ];
}

/// Some of the detectors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Detectors(u16);

impl Detectors {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn by_default() -> Self {
        let all = Detector::ALL.into_iter().fold(Self::NONE, Self::with);
        all.without(Detector::Phone).without(Detector::Entropy)
    }

    pub(crate) const fn with(self, detector: Detector) -> Self {
        Self(self.0 | 1 << detector as u16)
    }

    pub(crate) const fn without(self, detector: Detector) -> Self {
        Self(self.0 & !(1 << detector as u16))
    }

    pub(crate) const fn has(self, detector: Detector) -> bool {
        self.0 & (1 << detector as u16) != 0
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Detector::ALL.into_iter().filter(|detector| self.has(*detector))).finish()
    }
}
