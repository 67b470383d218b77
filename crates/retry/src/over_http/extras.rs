use buttress_core::{CorrelationId, Deadline};
use http::Extensions;

/// The extensions of a request, kept for another attempt.
///
/// A clone of them takes two allocations, and one more for each. Nearly always they are what the layers outside have
/// put there, which is known and small.
#[derive(Debug)]
pub(crate) enum Extras {
    Known { id: Option<CorrelationId>, deadline: Option<Deadline> },
    Any(Extensions),
}

impl Extras {
    #[inline]
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let (id, deadline) = (extensions.get::<CorrelationId>(), extensions.get::<Deadline>());
        if usize::from(id.is_some()) + usize::from(deadline.is_some()) == extensions.len() {
            return Self::Known { id: id.cloned(), deadline: deadline.copied() };
        }
        Self::Any(extensions.clone())
    }

    pub(crate) fn unpack(&self) -> Extensions {
        match self {
            Self::Known { id, deadline } => {
                let mut extensions = Extensions::new();
                id.clone().map(|id| extensions.insert(id));
                deadline.map(|deadline| extensions.insert(deadline));
                extensions
            }
            Self::Any(extensions) => extensions.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_extensions_come_back_whether_they_are_known_or_not() {
        let id = CorrelationId::new("order-17").expect("a valid ID");
        let deadline = Deadline::at(tokio::time::Instant::now().into_std());
        for (has_id, has_deadline, has_other) in
            (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0))
        {
            let mut extensions = Extensions::new();
            has_id.then(|| extensions.insert(id.clone()));
            has_deadline.then(|| extensions.insert(deadline));
            has_other.then(|| extensions.insert("another"));
            let extras = Extras::of(&extensions);
            assert_eq!(matches!(extras, Extras::Any(_)), has_other, "a clone is made only where it must be");
            let back = extras.unpack();
            assert_eq!(back.len(), extensions.len());
            assert_eq!(back.get(), has_id.then_some(&id));
            assert_eq!(back.get(), has_deadline.then_some(&deadline));
            assert_eq!(back.get(), has_other.then_some(&"another"));
        }
    }
}
