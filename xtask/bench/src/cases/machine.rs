//! What the machine charges for what the layers are made of.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::drive::operation;
use crate::subject::{Case, Shared, Subject};

pub(crate) const MACHINE: Case = Case {
    name: "machine",
    what: "one step of what every layer is made of",
    bare: Subject::bare("nothing", || operation(|| |_| _ = black_box(7))),
    rows: &[
        Subject::yardstick("a look at the clock", || operation(|| |_| _ = black_box(Instant::now()))),
        Subject::yardstick("an atomic add, a counter for each thread", || {
            add(|shared| Arc::new((**shared).clone()))
        }),
        Subject::yardstick("an atomic add, one counter for all", || add(Arc::clone)),
        Subject::yardstick("a reference taken and given back, one count for all", || {
            let shared = Arc::new(Counter::default());
            operation(move || {
                let shared = Arc::clone(&shared);
                move |_| drop(black_box(Arc::clone(&shared)))
            })
        }),
        Subject::yardstick("64 bytes from the allocator, and back", || {
            operation(|| |_| drop(black_box(Box::new([0_u64; 8]))))
        }),
    ],
};

/// A counter on a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

fn add(counter: fn(&Arc<Counter>) -> Arc<Counter>) -> Shared {
    let shared = Arc::new(Counter::default());
    operation(move || {
        let counter = counter(&shared);
        move |_| _ = black_box(counter.0.fetch_add(1, Ordering::Relaxed))
    })
}
