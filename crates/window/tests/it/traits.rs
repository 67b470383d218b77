use std::fmt::Debug;

use buttress_window::{CountWindow, Sample, ShardedTimeCounter, Ticks, TimeWindow, Totals};

#[test]
fn every_public_type_crosses_threads_and_shows_itself() {
    fn is<T: Send + Sync + Unpin + Debug + 'static>() {}
    is::<CountWindow>();
    is::<Sample>();
    is::<ShardedTimeCounter>();
    is::<Ticks>();
    is::<TimeWindow>();
    is::<Totals>();
}
