//! A capped collection of things with unique names, made at most once per idempotency key.

use std::collections::HashMap;

/// Things of one kind an upstream holds at most.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// What a caller sends to make a repeated create harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) key: String,
    /// A hash of the request body: the key stands for this request and no other.
    pub(crate) body: u64,
}

/// What became of a create.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed<'a, T> {
    New(&'a T),
    /// The same key and body made it before.
    Replayed(&'a T),
    NameTaken,
    /// The key made something else before.
    KeyReused,
    Full,
}

/// The collection. Only creates that succeeded are remembered by key: a refused one had no effect to protect.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    capacity: usize,
    items: Vec<T>,
    by_name: HashMap<String, usize>,
    by_key: HashMap<String, (u64, usize)>,
}

impl<T> Shelf<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { capacity, items: Vec::new(), by_name: HashMap::new(), by_key: HashMap::new() }
    }

    /// Makes a thing with the number it is given, counted from 1. The key is judged first, then the name.
    pub(crate) fn place(
        &mut self,
        name: &str,
        claim: Option<Claim>,
        make: impl FnOnce(usize) -> T,
    ) -> Placed<'_, T> {
        match claim.as_ref().and_then(|claim| self.by_key.get(&claim.key).map(|made| (claim, *made))) {
            Some((claim, (body, index))) if claim.body == body => Placed::Replayed(&self.items[index]),
            Some(_) => Placed::KeyReused,
            None if self.by_name.contains_key(name) => Placed::NameTaken,
            None if self.items.len() >= self.capacity => Placed::Full,
            None => Placed::New(self.add(name, claim, make)),
        }
    }

    fn add(&mut self, name: &str, claim: Option<Claim>, make: impl FnOnce(usize) -> T) -> &T {
        let index = self.items.len();
        self.by_name.insert(name.to_owned(), index);
        if let Some(Claim { key, body }) = claim {
            self.by_key.insert(key, (body, index));
        }
        self.items.push(make(index + 1));
        &self.items[index]
    }

    pub(crate) fn named(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|index| &self.items[*index])
    }

    /// The thing that was made with this number.
    pub(crate) fn numbered(&self, number: usize) -> Option<&T> {
        self.items.get(number.checked_sub(1)?)
    }

    pub(crate) fn numbered_mut(&mut self, number: usize) -> Option<&mut T> {
        self.items.get_mut(number.checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(key: &str, body: u64) -> Claim {
        Claim { key: key.to_owned(), body }
    }

    #[test]
    fn the_key_is_judged_before_the_name_and_the_name_before_the_room() {
        let mut shelf = Shelf::with_capacity(2);
        assert_eq!(shelf.place("a", Some(claim("k", 1)), |n| n), Placed::New(&1));
        assert_eq!(shelf.place("a", Some(claim("k", 1)), |n| n), Placed::Replayed(&1));
        assert_eq!(shelf.place("b", Some(claim("k", 2)), |n| n), Placed::KeyReused);
        assert_eq!(shelf.place("a", Some(claim("other", 1)), |n| n), Placed::NameTaken);
        assert_eq!(shelf.place("b", None, |n| n), Placed::New(&2));
        assert_eq!(shelf.place("b", None, |n| n), Placed::NameTaken);
        assert_eq!(shelf.place("c", None, |n| n), Placed::Full);
        assert_eq!(shelf.place("a", Some(claim("k", 1)), |n| n), Placed::Replayed(&1));
    }

    #[test]
    fn a_refused_create_leaves_its_key_free() {
        let mut shelf = Shelf::with_capacity(2);
        shelf.place("a", None, |n| n);
        assert_eq!(shelf.place("a", Some(claim("k", 1)), |n| n), Placed::NameTaken);
        assert_eq!(shelf.place("b", Some(claim("k", 2)), |n| n), Placed::New(&2));
    }

    #[test]
    fn things_are_found_by_name_and_by_number() {
        let mut shelf = Shelf::with_capacity(2);
        shelf.place("a", None, |n| n * 10);
        assert_eq!((shelf.named("a"), shelf.numbered(1)), (Some(&10), Some(&10)));
        assert_eq!((shelf.named("b"), shelf.numbered(0), shelf.numbered(2)), (None, None, None));
    }
}
