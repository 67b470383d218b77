use buttress_idempotency::{Event, Stats};

#[test]
fn an_event_is_counted_under_its_own_name_and_place() {
    for (place, event) in Event::ALL.into_iter().enumerate() {
        let stats = Stats::default();
        stats.endpoint("POST /orders").count(event);
        let totals = stats.totals();
        let seen = Event::ALL.map(|other| totals[other]);
        let expected: Vec<u64> = (0..Event::ALL.len()).map(|other| u64::from(other == place)).collect();
        assert_eq!(seen[..], expected, "{}", event.name());
    }
    let mut names = Event::ALL.map(Event::name).to_vec();
    names.dedup();
    assert_eq!(names.len(), Event::ALL.len());
}

#[test]
fn totals_are_the_sum_of_the_endpoints() {
    let stats = Stats::default();
    let (orders, refunds) = (stats.endpoint("POST /orders"), stats.endpoint("POST /refunds"));
    orders.count(Event::Started);
    orders.count(Event::Replayed);
    refunds.clone().count(Event::Recovered);
    stats.endpoint("POST /refunds").count(Event::Replayed);
    let totals = stats.totals();
    assert_eq!((totals[Event::Replayed], totals.in_flight()), (2, 2));
    assert!((totals.replay_rate() - 0.5).abs() < f64::EPSILON);
    let names: Vec<_> =
        stats.endpoints().into_iter().map(|(name, counts)| (name, counts[Event::Replayed])).collect();
    assert_eq!(names, [("POST /orders".into(), 1), ("POST /refunds".into(), 1)]);
}

#[test]
fn every_way_to_end_takes_a_run_out_of_flight() {
    use Event::{Abandoned, Completed, Fenced, Recovered, Released, Started, Tombstoned};
    for begun in [Started, Recovered] {
        for ended in [Completed, Tombstoned, Released, Abandoned, Fenced] {
            let orders = Stats::default().endpoint("POST /orders");
            orders.count(begun);
            assert_eq!(orders.counts().in_flight(), 1);
            orders.count(ended);
            assert_eq!(orders.counts().in_flight(), 0, "{ended:?}");
        }
    }
}

#[test]
fn a_rate_of_nothing_is_nothing() {
    assert!(Stats::default().totals().replay_rate().abs() < f64::EPSILON);
}

#[test]
fn more_endpoints_than_there_is_room_for_are_counted_together() {
    let stats = Stats::default();
    for number in 0..2 * Stats::MAX_ENDPOINTS {
        stats.endpoint(&format!("POST /{number}")).count(Event::Started);
    }
    let endpoints = stats.endpoints();
    assert!(endpoints.len() <= Stats::MAX_ENDPOINTS + 1, "{}", endpoints.len());
    let others = endpoints.iter().find(|(name, _)| **name == *Stats::OTHERS).unwrap();
    assert_eq!(others.1[Event::Started], Stats::MAX_ENDPOINTS as u64);
    assert_eq!(stats.totals()[Event::Started], 2 * Stats::MAX_ENDPOINTS as u64, "nothing is lost");
}
