//! Many threads at once; what every interleaving of a few does, the loom tests say.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::{for_calls, gauge};

#[test]
fn never_more_than_the_limit_run_and_nothing_is_left() {
    let bulkhead = for_calls(3).build().unwrap();
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let Ok(permit) = bulkhead.try_acquire() else { continue };
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert!(most.into_inner() <= 3);
    assert_eq!(gauge(&bulkhead), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_task_of_a_crowd_gets_its_turn_while_the_limit_moves() {
    let bulkhead = for_calls(2).queue(1_000).max_wait(crate::SECOND * 3_600).build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let bulkhead = bulkhead.clone();
        tasks.spawn(async move {
            for turn in 0..20 {
                let permit = bulkhead.acquire().await.unwrap();
                if (number + turn) % 7 == 0 {
                    bulkhead.set_max_concurrent(1 + turn % 5).unwrap();
                }
                if turn % 3 == 0 {
                    drop(bulkhead.enqueue());
                }
                tokio::task::yield_now().await;
                drop(permit);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(gauge(&bulkhead), (0, 0));
}
