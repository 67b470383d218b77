use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;
use std::thread;

use buttress_testkit::{AllocationReport, allocations_during, allocations_of};

#[test]
fn nothing_allocated_counts_as_nothing() {
    let (sum, report) = allocations_during(|| black_box(1_u64) + black_box(2));
    assert_eq!((sum, report), (3, AllocationReport::default()));
}

#[test]
fn allocations_are_counted_exactly_and_what_is_kept_is_told() {
    let (_kept, report) = allocations_during(|| {
        drop(black_box(Box::new([0_u8; 100])));
        black_box(Box::new([0_u8; 28]))
    });
    assert_eq!(report, AllocationReport { count: 2, bytes: 128, kept: 1 });
}

#[test]
fn other_threads_do_not_disturb_the_count() {
    let busy = thread::spawn(|| {
        for _ in 0..10_000 {
            drop(black_box(Box::new(1_u8)));
        }
    });
    let ((), report) = allocations_during(|| {
        for _ in 0..10_000 {
            black_box(());
        }
    });
    busy.join().unwrap();
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn of_a_future_only_its_own_polls_are_counted() {
    let other = tokio::task::LocalSet::new();
    other.spawn_local(async { black_box(Box::new([0_u8; 1_000])) });
    let counted = other.run_until(allocations_of(async {
        let kept = black_box(Box::new([0_u8; 10]));
        one_pending_poll().await;
        drop(black_box(Box::new([0_u8; 20])));
        kept
    }));
    let (kept, report) = counted.await;
    assert_eq!(report, AllocationReport { count: 2, bytes: 10 + 20, kept: 1 });
    assert_eq!(kept.len(), 10);
}

async fn one_pending_poll() {
    let mut polled = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
