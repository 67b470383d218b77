use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use super::{Bound, Summary};
use crate::event::RefusedFor;

/// Clients that are told apart in one window; those who come later count as one.
pub(super) const MOST_CLIENTS: usize = 1_024;

/// The refusals of one kind.
#[derive(Debug)]
pub(super) struct Window {
    why: RefusedFor,
    /// None until there is something in it.
    ends: Option<Instant>,
    recorded: u64,
    clients: HashMap<IpAddr, Client>,
    /// Those who found no room among the clients.
    others: Client,
    counted: Option<Summary>,
    /// What windows left to be told that have ended.
    untold: Option<Summary>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Client {
    recorded: u32,
    counted: u64,
}

impl Window {
    pub(super) fn of(why: RefusedFor) -> Self {
        Self {
            why,
            ends: None,
            recorded: 0,
            clients: HashMap::new(),
            others: Client::default(),
            counted: None,
            untold: None,
        }
    }

    pub(super) const fn ends(&self) -> Option<Instant> {
        self.ends
    }

    pub(super) fn admit(&mut self, from: Option<IpAddr>, bound: Bound, now: Instant, at: SystemTime) -> bool {
        self.end_if_due(now);
        self.ends.get_or_insert(now + bound.window);
        let has_room = self.recorded < u64::from(bound.of_all);
        // Where nobody knows addresses, there is nobody to be told apart.
        let client = from.map(|client| self.client(client));
        let is_admitted = has_room && client.as_ref().is_none_or(|client| client.recorded < bound.of_one);
        if let Some(client) = client {
            client.recorded += u32::from(is_admitted);
            client.counted += u64::from(!is_admitted);
        }
        self.recorded += u64::from(is_admitted);
        if !is_admitted {
            self.counted.get_or_insert_with(|| Summary::of(self.why, at)).count(at);
        }
        is_admitted
    }

    fn client(&mut self, addr: IpAddr) -> &mut Client {
        if self.clients.len() >= MOST_CLIENTS && !self.clients.contains_key(&addr) {
            return &mut self.others;
        }
        self.clients.entry(addr).or_default()
    }

    /// What is to be told, if the window has ended or an earlier one left something.
    pub(super) fn take_ended(&mut self, now: Instant) -> Option<Summary> {
        self.end_if_due(now);
        self.untold.take()
    }

    /// What is to be told, though the window has not ended.
    pub(super) fn take(&mut self) -> Option<Summary> {
        self.end();
        self.untold.take()
    }

    pub(super) fn put_back(&mut self, summary: Summary) {
        match &mut self.untold {
            Some(untold) => untold.add(summary),
            None => self.untold = Some(summary),
        }
    }

    fn end_if_due(&mut self, now: Instant) {
        if self.ends.is_some_and(|end| end <= now) {
            self.end();
        }
    }

    fn end(&mut self) {
        let untold = self.untold.take();
        let ended = std::mem::replace(self, Self { untold, ..Self::of(self.why) });
        let Some(mut summary) = ended.counted else { return };
        summary.recorded = ended.recorded;
        summary.name(ended.clients.into_iter().map(|(client, seen)| (client, seen.counted)));
        self.put_back(summary);
    }
}
