use std::sync::Arc;

#[cfg(feature = "audit")]
use buttress_audit::{AuditBuilder, AuditLayer, Bodies, Heads};
use buttress_core::{ConfigError, ModeSwitch, Observer};
use buttress_idempotency::{IdempotencyBuilder, IdempotencyLayer, Store};
use tower_layer::Identity;

/// The builder of a layer that a stack has or has not; its type says which. Nobody else implements it, because nobody
/// else can name it.
pub trait Part: Sized {
    /// What is built.
    type Layer;

    /// With the mode of the whole stack.
    #[must_use]
    fn moded(self, mode: &ModeSwitch) -> Self;

    /// With the observer of the whole stack.
    #[must_use]
    fn observed(self, observer: &Arc<dyn Observer>) -> Self;

    /// The layer, or all that is wrong with its settings.
    fn build(self) -> Result<Self::Layer, ConfigError>;
}

/// Not asked for.
impl Part for Identity {
    type Layer = Self;

    fn moded(self, _: &ModeSwitch) -> Self {
        self
    }

    fn observed(self, _: &Arc<dyn Observer>) -> Self {
        self
    }

    fn build(self) -> Result<Self, ConfigError> {
        Ok(self)
    }
}

impl<T: Store, J> Part for IdempotencyBuilder<T, J> {
    type Layer = IdempotencyLayer<T, J>;

    fn moded(self, mode: &ModeSwitch) -> Self {
        self.mode(mode.clone())
    }

    fn observed(self, observer: &Arc<dyn Observer>) -> Self {
        self.observer(Arc::clone(observer))
    }

    fn build(self) -> Result<Self::Layer, ConfigError> {
        self.build()
    }
}

#[cfg(feature = "audit")]
macro_rules! audit_part {
    ($tap:ty) => {
        impl<R, J> Part for AuditBuilder<R, J, $tap> {
            type Layer = AuditLayer<R, J, $tap>;

            fn moded(self, mode: &ModeSwitch) -> Self {
                self.mode(mode.clone())
            }

            fn observed(self, observer: &Arc<dyn Observer>) -> Self {
                self.observer(Arc::clone(observer))
            }

            fn build(self) -> Result<Self::Layer, ConfigError> {
                self.build()
            }
        }
    };
}

#[cfg(feature = "audit")]
audit_part!(Heads);
#[cfg(feature = "audit")]
audit_part!(Bodies);
