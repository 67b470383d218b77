//! Enums that are words on the wire.

use std::fmt::Display;

/// A value out of a short list, each with one word.
pub(crate) trait Word: Copy + Display + 'static {
    /// Every value, in the order in which people think of them.
    const ALL: &'static [Self];

    fn as_str(self) -> &'static str;

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == word)
    }

    /// The words, for people who sent another one.
    fn allowed() -> String {
        let words: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
        format!("one of {}", words.join(", "))
    }
}

/// Declares an enum of words with everything that follows from the words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name {
            $($(#[$note])* $variant,)+
        }

        impl $crate::domain::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::domain::Word::as_str(*self))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::domain::Word::as_str(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                let allowed = <Self as $crate::domain::Word>::allowed;
                let unknown = || serde::de::Error::invalid_value(serde::de::Unexpected::Str(&word), &&*allowed());
                $crate::domain::Word::from_word(&word).ok_or_else(unknown)
            }
        }
    };
}

pub(crate) use words;
