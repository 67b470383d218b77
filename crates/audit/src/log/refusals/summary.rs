use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::system::timestamp;
use crate::event::RefusedFor;

/// Clients that a record names with their numbers; the others are one number.
pub(super) const MOST_NAMED: usize = 50;

/// Refusals that have no record of their own, as one record will tell of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Summary {
    why: RefusedFor,
    pub(super) count: u64,
    /// Those beside them that have a record of their own.
    pub(super) recorded: u64,
    pub(super) first: SystemTime,
    pub(super) last: SystemTime,
    pub(super) named: BTreeMap<IpAddr, u64>,
}

impl Summary {
    /// Of one that is counted now.
    pub(super) const fn of(why: RefusedFor, at: SystemTime) -> Self {
        Self { why, count: 0, recorded: 0, first: at, last: at, named: BTreeMap::new() }
    }

    pub(in super::super) const fn why(&self) -> RefusedFor {
        self.why
    }

    pub(super) fn count(&mut self, at: SystemTime) {
        self.count += 1;
        self.span(at, at);
    }

    /// Names those of whom there were most.
    pub(super) fn name(&mut self, clients: impl Iterator<Item = (IpAddr, u64)>) {
        let mut counted: Vec<_> = clients.filter(|(_, count)| *count > 0).collect();
        counted.sort_unstable_by_key(|(client, count)| (Reverse(*count), *client));
        for (client, count) in counted {
            self.name_one(client, count);
        }
    }

    fn name_one(&mut self, client: IpAddr, count: u64) {
        if self.named.len() < MOST_NAMED || self.named.contains_key(&client) {
            *self.named.entry(client).or_default() += count;
        }
    }

    /// Adds what came before or after.
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.recorded += other.recorded;
        self.span(other.first, other.last);
        other.named.into_iter().for_each(|(client, count)| self.name_one(client, count));
    }

    fn span(&mut self, first: SystemTime, last: SystemTime) {
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }

    pub(in super::super) fn details(&self) -> Value {
        let of_named: u64 = self.named.values().sum();
        json!({
            "count": self.count,
            "recorded": self.recorded,
            "first": timestamp(self.first),
            "last": timestamp(self.last),
            "by_address": self.named,
            "by_others": self.count - of_named,
        })
    }
}
