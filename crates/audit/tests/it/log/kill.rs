use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use buttress_core::Entropy;

use super::child;
use super::sample::{Found, open, records, records_of, segments};

const ROUNDS: u64 = 200;

/// What is known to be acknowledged: each event and the number its receipt has.
type Acknowledged = BTreeMap<u64, u64>;

#[test]
fn a_process_killed_two_hundred_times_loses_nothing_it_acknowledged_and_leaves_one_whole_chain() {
    let directory = tempfile::tempdir().unwrap();
    let entropy = Entropy::seeded(Entropy::system().draw());
    println!("{entropy:?}");
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        let before = segments(directory.path());
        let mut now = Acknowledged::new();
        run_and_kill(directory.path(), round, &entropy, &mut now);
        drop(open(&directory).unwrap());
        // The file that it went on in, and those that it began; all of them together at the end.
        let mut recent = segments(directory.path());
        recent.drain(..before.len().saturating_sub(1));
        check(&records_of(&recent), &now, round);
        acknowledged.extend(now);
    }
    check(&records(directory.path()), &acknowledged, ROUNDS);
    println!("{} acknowledged", acknowledged.len());
    assert!(acknowledged.len() > 5_000, "{}", acknowledged.len());
}

/// Lets a process record until a random moment, and notes what was acknowledged, as far as it said so.
fn run_and_kill(directory: &Path, round: u64, entropy: &Entropy, acknowledged: &mut Acknowledged) {
    let (mut child, said) = child::start(&mut child::command(directory, round));
    let (lines, heard) = std::sync::mpsc::channel();
    let listener =
        std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| drop(lines.send(line))));
    let mut hear = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["done", number, seq] => drop(acknowledged.insert(number.parse().unwrap(), seq.parse().unwrap())),
        ["opened"] => {}
        _ => panic!("{line}"),
    };
    // Every tenth while it still opens the directory; the others after so many answers and a bit.
    let (answers, bit) = (1 + entropy.draw() % 400, Duration::from_micros(entropy.draw() % 4_000));
    for _ in 0..if round % 10 == 9 { 0 } else { answers } {
        hear(&heard.recv_timeout(Duration::from_secs(60)).expect("it goes on"));
    }
    while let Ok(line) = heard.recv_timeout(bit) {
        hear(&line);
        if entropy.draw().is_multiple_of(16) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    listener.join().unwrap();
    for line in heard {
        hear(&line);
    }
}

fn check(found: &[Found], acknowledged: &Acknowledged, round: u64) {
    let numbered = found.iter().filter_map(|record| Some((record.number()?, record.seq)));
    let known: BTreeMap<u64, u64> = numbered.clone().collect();
    assert_eq!(known.len(), numbered.count(), "round {round}: something is there twice");
    for (number, seq) in acknowledged {
        assert_eq!(known.get(number), Some(seq), "round {round}: {number} was acknowledged as record {seq}");
    }
}
