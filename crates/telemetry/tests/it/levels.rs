//! What reaches the log, and how that is changed while it runs.

use std::time::Duration;

use crate::sink::{LONG, Seen, Sink, alone, builder, is_alone};

fn say() {
    tracing::debug!("quiet");
    tracing::info!("loud");
}

fn heard(seen: &Seen) -> usize {
    say();
    seen.lines().len()
}

#[test]
fn the_filter_is_changed_while_it_runs_and_a_bad_one_changes_nothing() {
    let seen = Seen::by(builder().filter("info"));
    assert_eq!((heard(&seen), seen.guard.filter()), (1, "info".to_owned()));
    seen.guard.set_filter("warn,it::levels=debug").unwrap();
    assert_eq!(heard(&seen), 3);
    let error = seen.guard.set_filter("info,it=deafening").unwrap_err();
    assert_eq!(error.directive(), "it=deafening");
    assert!(error.to_string().contains("it=deafening"), "{error}");
    assert_eq!((heard(&seen), seen.guard.filter()), (5, "warn,it::levels=debug".to_owned()));
    seen.guard.set_filter("off").unwrap();
    assert_eq!(heard(&seen), 5);
}

#[test]
fn a_filter_for_a_while_returns_by_itself_to_the_former_one() {
    let seen = Seen::by(builder().filter("info"));
    seen.guard.set_filter_for("debug", LONG).unwrap();
    assert!(seen.guard.is_temporary());
    assert_eq!(heard(&seen), 2);
    // The second is over at once; what was in force before the first comes back.
    seen.guard.set_filter_for("trace", Duration::ZERO).unwrap();
    while seen.guard.is_temporary() {
        std::thread::yield_now();
    }
    assert_eq!((seen.guard.filter(), heard(&seen)), ("info".to_owned(), 3));
    assert!(seen.guard.set_filter_for("a=b=c", LONG).is_err());
    assert!(!seen.guard.is_temporary());
}

#[test]
fn libraries_that_print_headers_are_quiet_unless_they_are_named() {
    let seen = Seen::by(builder().filter("trace"));
    tracing::trace!(target: "hyper::proto::h1::io", authorization = "Bearer abc", "parsed headers");
    tracing::debug!(target: "h2::codec", "frame");
    tracing::info!(target: "hyper", "listening");
    seen.guard.set_filter("trace,h2=debug").unwrap();
    tracing::debug!(target: "h2::codec", "frame");
    assert_eq!(seen.lines().len(), 2);
}

#[test]
fn a_filter_of_one_layer_leaves_the_others_alone() {
    use tracing_subscriber::layer::{Layer, SubscriberExt};

    let sinks = [(); 2].map(|()| Sink::default());
    let [few, all] = [("warn", 0), ("trace", 1)].map(|(filter, place): (&str, usize)| {
        builder().filter(filter).to_writer(sinks[place].clone()).build().unwrap()
    });
    let subscriber = tracing_subscriber::registry()
        .with(few.layer.with_filter(few.filter))
        .with(all.layer.with_filter(all.filter));
    tracing::subscriber::with_default(subscriber, || {
        say();
        few.guard.set_filter("debug").unwrap();
        say();
    });
    drop((few.guard, all.guard));
    let lines = sinks.map(|sink| sink.bytes().split(|byte| *byte == b'\n').count() - 1);
    assert_eq!(lines, [2, 4]);
}

#[test]
fn a_thread_without_a_subscriber_changes_the_filter_of_the_only_one_there_is() {
    if is_alone() {
        let seen = Seen::by(builder().filter("info"));
        assert_eq!(heard(&seen), 1);
        let handle = seen.guard.handle();
        std::thread::spawn(move || handle.set_filter("debug").unwrap()).join().unwrap();
        assert_eq!(heard(&seen), 3);
        return;
    }
    // In a process of its own: beside other subscribers, tracing asks all of them and not that of the thread.
    alone("levels::a_thread_without_a_subscriber_changes_the_filter_of_the_only_one_there_is");
}
