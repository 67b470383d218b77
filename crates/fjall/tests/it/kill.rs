use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use buttress_core::Entropy;
use buttress_fjall::FjallStore;
use buttress_idempotency::testing::response;
use buttress_idempotency::{After, Claimed, Owned, Step, Stepped, Store};

use crate::child::{self, body, numbered};
use crate::sample::{HOUR, completion, other};

const ROUNDS: u32 = 100;

/// What is known to be completed: round and number, with its bytes and its attempt.
type Completed = BTreeMap<(u32, u32), (Vec<u8>, u32)>;

#[test]
fn a_process_killed_a_hundred_times_loses_nothing_it_acknowledged_and_leaves_one_takeover_each() {
    let folder = tempfile::tempdir().unwrap();
    let (seed, mut completed, mut taken_over) = (Entropy::system().draw(), Completed::new(), 0);
    let entropy = Entropy::seeded(seed);
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for round in 0..ROUNDS {
        let (owned, done) = run_and_kill(folder.path(), round, &entropy);
        runtime.block_on(async {
            let store = FjallStore::open(&folder).unwrap();
            for number in &done {
                completed.insert((round, *number), (body(round, *number), 1));
            }
            for number in owned.iter().filter(|number| !done.contains(number)) {
                taken_over += u32::from(take_over(&store, round, *number, &mut completed).await);
            }
            let recent = completed.iter().rev().take(150);
            check(&store, recent).await;
        });
    }
    runtime.block_on(async { check(&FjallStore::open(&folder).unwrap(), completed.iter()).await });
    assert!(
        completed.len() > 500 && taken_over > 50,
        "{} completed, {taken_over} taken over",
        completed.len()
    );
}

/// Lets a process work until a random moment, and says what it owned and what it completed, as far as it said so.
fn run_and_kill(folder: &Path, round: u32, entropy: &Entropy) -> (Vec<u32>, Vec<u32>) {
    let (mut child, said) = child::start(&mut child::command(folder, round));
    let (lines, heard) = std::sync::mpsc::channel();
    let listener =
        std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| drop(lines.send(line))));
    let (mut owned, mut done) = (Vec::new(), Vec::new());
    let mut hear = |line: &str| {
        let number = |text: &str| text.parse::<u32>().unwrap();
        match line.strip_prefix("> ").and_then(|line| line.split_once(' ')) {
            Some(("owned", text)) => owned.push(number(text)),
            Some(("done", text)) => done.push(number(text)),
            Some(_) => panic!("{line}"),
            None => {}
        }
    };
    // Every tenth while it still opens the folder; the others after so many answers and a bit.
    let (answers, bit) = (entropy.draw() % 60, Duration::from_micros(entropy.draw() % 8_000));
    let answers = if round % 10 == 9 { 0 } else { answers + 1 };
    for _ in 0..answers {
        hear(&heard.recv_timeout(Duration::from_secs(60)).expect("it goes on"));
    }
    while let Ok(line) = heard.recv_timeout(bit) {
        hear(&line);
        if entropy.draw().is_multiple_of(8) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    listener.join().unwrap();
    for line in heard {
        hear(&line);
    }
    (owned, done)
}

/// What was owned and not said to be done is done all the same, or one of two takes it over, as the second attempt.
async fn take_over(store: &FjallStore, round: u32, number: u32, completed: &mut Completed) -> bool {
    let claim = numbered(round, number);
    let (one, two) = (other(&claim), other(&claim));
    let owned = match tokio::join!(store.claim(&one), store.claim(&two)) {
        (Ok(Claimed::Completed(first)), Ok(Claimed::Completed(second))) => {
            assert_eq!(
                (&first, &first.response, first.attempt),
                (&second, &response(body(round, number)), 1)
            );
            completed.insert((round, number), (body(round, number), 1));
            return false;
        }
        (Ok(Claimed::Owned(owned)), Ok(Claimed::InFlight { .. }))
        | (Ok(Claimed::InFlight { .. }), Ok(Claimed::Owned(owned))) => owned,
        other => panic!("not one takeover of {round}/{number}: {other:?}"),
    };
    assert_eq!((owned.attempt, owned.after), (2, After::Abandonment), "{round}/{number}");
    finish(store, &owned, number).await;
    completed.insert((round, number), (again(number), 2));
    true
}

fn again(number: u32) -> Vec<u8> {
    format!("again {number}").into_bytes()
}

async fn finish(store: &FjallStore, owned: &Owned, number: u32) {
    let step = Step::Complete { response: response(again(number)), retain: 24 * HOUR };
    assert_eq!(store.step(&owned.ticket, &step).await.unwrap(), Stepped::Done);
}

async fn check(store: &FjallStore, completed: impl Iterator<Item = (&(u32, u32), &(Vec<u8>, u32))>) {
    for ((round, number), (body, attempt)) in completed {
        let kept = completion(store, &numbered(*round, *number)).await;
        assert_eq!((&kept.response, kept.attempt), (&response(body.clone()), *attempt), "{round}/{number}");
    }
}
