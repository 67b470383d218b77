use std::mem::{ManuallyDrop, needs_drop};

/// Holds a value, and keeps its drop out of the drop of whatever holds this.
///
/// The future of a call is dropped by generated code, which grows with every way in which a call can end. Most calls
/// never waited for a retry, and this lets them pay one comparison.
pub(crate) struct Apart<T>(Option<ManuallyDrop<T>>);

impl<T> Apart<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self(Some(ManuallyDrop::new(value)))
    }

    #[inline]
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    #[inline]
    pub(crate) fn get(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Drops the value now, if there still is one.
    #[cold]
    #[inline(never)]
    pub(crate) fn end(&mut self) {
        drop(self.0.take().map(ManuallyDrop::into_inner));
    }
}

impl<T> Drop for Apart<T> {
    #[inline]
    fn drop(&mut self) {
        if needs_drop::<T>() && self.0.is_some() {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_value_is_dropped_exactly_once() {
        let value = Rc::new(());
        let mut ended = Apart::new(Rc::clone(&value));
        let left = Apart::new(Rc::clone(&value));
        assert_eq!(Rc::strong_count(&value), 3);
        ended.end();
        assert!(ended.get().is_none());
        assert_eq!(Rc::strong_count(&value), 2);
        drop((ended, left));
        assert_eq!(Rc::strong_count(&value), 1);
    }
}
