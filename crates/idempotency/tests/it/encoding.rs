use std::sync::Arc;

use buttress_idempotency::{
    After, Checkpoint, Fingerprint, HeaderList, Malformed, OwnerToken, Record, State, StoredResponse,
    Timestamp,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::sample::{at, claim, in_flight, response};

fn headers() -> impl Strategy<Value = HeaderList> {
    vec((vec(any::<u8>(), 1..20), vec(any::<u8>(), 0..50)), 0..8).prop_map(|pairs| {
        let mut headers = HeaderList::builder();
        for (name, value) in &pairs {
            headers.push(name, value).unwrap();
        }
        let headers = headers.finish();
        let back: Vec<_> = headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(back, pairs, "in their order, byte for byte");
        headers
    })
}

fn stored() -> impl Strategy<Value = StoredResponse> {
    (100_u16..1_000, headers(), option::of(vec(any::<u8>(), 0..300))).prop_map(|(status, headers, body)| {
        match body {
            Some(body) => StoredResponse::new(status, headers, body.into()).unwrap(),
            None => StoredResponse::without_body(status, headers),
        }
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(at)
}

fn state() -> impl Strategy<Value = State> {
    let after = prop_oneof![Just(After::Nothing), Just(After::Release), Just(After::Abandonment)];
    prop_oneof![
        (time(), 1..=u32::MAX, after).prop_map(|(lease_until, lease_millis, after)| State::InFlight {
            lease_until,
            lease_millis,
            after
        }),
        Just(State::Stub),
        (time(), stored()).prop_map(|(at, response)| State::Completed { at, response: Arc::new(response) }),
    ]
}

prop_compose! {
    fn record()(
        fingerprint in any::<[u8; 32]>(),
        owner in any::<u128>(),
        epoch in 1..=i64::MAX.unsigned_abs(),
        attempt in 1..=u32::MAX,
        created_at in time(),
        expires_at in time(),
        checkpoint in option::of(vec(any::<u8>(), 0..=Checkpoint::MAX_BYTES)),
        state in state(),
    ) -> Record {
        let fingerprint = Fingerprint::from_bytes(fingerprint);
        let checkpoint = checkpoint.map(|content| Checkpoint::new(content).unwrap());
        let owner = OwnerToken::from_bits(owner);
        Record { fingerprint, owner, epoch, attempt, created_at, expires_at, checkpoint, state }
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(record in record()) {
        let bytes = record.encode();
        prop_assert_eq!(Record::decode(bytes.clone()).unwrap(), record);
    }

    #[test]
    fn a_part_of_a_record_is_refused_unless_it_ends_within_the_body(record in record(), cut in any::<prop::sample::Index>()) {
        let bytes = record.encode();
        let body = match &record.state {
            State::Completed { response, .. } => response.body().map_or(0, Bytes::len),
            _ => 0,
        };
        let cut = cut.index(bytes.len() - body);
        prop_assert!(Record::decode(bytes.slice(..cut)).is_err(), "{} of {}", cut, bytes.len());
    }

    #[test]
    fn bytes_after_a_record_are_refused_where_it_has_an_end(record in record(), more in 0_u8..) {
        let has_body = matches!(&record.state, State::Completed { response, .. } if response.body().is_some());
        let bytes: Vec<u8> = record.encode().iter().copied().chain([more]).collect();
        prop_assert_eq!(Record::decode(bytes.into()).is_err(), !has_body);
    }

    #[test]
    fn garbage_never_panics_and_what_is_accepted_is_written_the_same(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(record) = Record::decode(bytes.clone().into()) {
            prop_assert_eq!(&record.encode()[..], &bytes[..]);
        }
        if let Ok(response) = StoredResponse::decode(bytes.clone().into()) {
            prop_assert_eq!(&response.encode()[..], &bytes[..]);
        }
        if let Ok(headers) = HeaderList::from_bytes(bytes.into()) {
            prop_assert!(headers.iter().all(|(name, _)| !name.is_empty()));
        }
    }

    #[test]
    fn a_damaged_record_never_panics_and_has_one_spelling(
        record in record(), place in any::<prop::sample::Index>(), other in any::<u8>(),
    ) {
        let mut bytes = record.encode().to_vec();
        let place = place.index(bytes.len());
        bytes[place] = other;
        if let Ok(record) = Record::decode(bytes.clone().into()) {
            prop_assert_eq!(&record.encode()[..], &bytes[..]);
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_table() {
    let mut record = in_flight(&claim(0x0102, 7), at(0x1000));
    record.checkpoint = Some(Checkpoint::new(*b"hi").unwrap());
    let mut expected = vec![1, 1];
    expected.extend([7; 32]);
    expected.extend(0x0102_u128.to_be_bytes());
    expected.extend(0x1000_u64.to_be_bytes());
    expected.extend(1_u32.to_be_bytes());
    expected.extend(0x1000_u64.to_be_bytes());
    expected.extend((0x1000_u64 + 10_000).to_be_bytes());
    expected.extend([0, 3, b'h', b'i']);
    expected.extend((0x1000_u64 + 1_000).to_be_bytes());
    expected.extend(1_000_u32.to_be_bytes());
    expected.push(0);
    assert_eq!(record.encode(), expected);
    assert_eq!(response("ok").encode(), [1, 1, 0, 200, 0, 0, 0, 0, b'o', b'k'][..]);
    let mut headers = HeaderList::builder();
    headers.push(b"a", b"xy").unwrap();
    let response = StoredResponse::without_body(204, headers.finish());
    assert_eq!(response.encode(), [1, 0, 0, 204, 0, 0, 0, 7, 0, 1, 0, 2, b'a', b'x', b'y'][..]);
}

#[test]
fn each_part_that_is_wrong_is_named() {
    let good = in_flight(&claim(1, 1), at(1)).encode();
    let wrong = |place: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[place] = byte;
        Record::decode(bytes.into()).unwrap_err().part()
    };
    assert_eq!(wrong(0, 2), "version");
    assert_eq!(wrong(1, 0), "state");
    assert_eq!(wrong(1, 4), "state");
    assert_eq!(wrong(50, 0x80), "epoch");
    assert_eq!(wrong(good.len() - 1, 3), "attempt");
    let part = |bytes: &[u8]| Record::decode(Bytes::copy_from_slice(bytes)).unwrap_err();
    assert_eq!(part(b""), part(b"\x02"));
    assert_eq!(part(&good[..10]).part(), "fingerprint");
    assert_eq!(
        part(&[&good[..], b"!"].concat()).to_string(),
        "the end of an idempotency record cannot be read"
    );
}

#[test]
fn what_is_over_a_limit_is_refused_at_the_door_and_when_read() {
    assert!(Checkpoint::new(vec![0; Checkpoint::MAX_BYTES]).is_ok());
    let error = Checkpoint::new(vec![0; Checkpoint::MAX_BYTES + 1]).unwrap_err();
    assert_eq!((error.bytes(), error.limit()), (4_097, 4_096));
    assert_eq!(error.to_string(), "a checkpoint of 4097 bytes is more than a record holds (4096 bytes)");
    let body = vec![0; StoredResponse::MAX_BODY_BYTES + 1];
    assert!(StoredResponse::new(200, HeaderList::default(), body.clone().into()).is_err());
    let bytes: Vec<u8> = [1, 1, 0, 200, 0, 0, 0, 0].into_iter().chain(body).collect();
    assert_eq!(StoredResponse::decode(bytes.into()).unwrap_err().part(), "body");
    let mut headers = HeaderList::builder();
    assert!(headers.push(b"a", &vec![b'x'; HeaderList::MAX_BYTES]).is_err());
    assert!(headers.push(b"", b"x").is_err(), "no name");
    headers.push(b"a", &vec![b'x'; 40_000]).unwrap();
    assert!(headers.push(b"a", &vec![b'x'; 40_000]).is_err(), "both together");
    assert_eq!(headers.finish().iter().count(), 1, "nothing of what was refused is there");
    assert!(HeaderList::from_bytes(vec![1; HeaderList::MAX_BYTES + 1].into()).is_err());
    assert!(HeaderList::from_bytes(Bytes::from_static(&[0, 0, 0, 0])).is_err(), "a name that is empty");
    let _: Malformed = HeaderList::from_bytes(Bytes::from_static(&[0, 1, 0, 9, b'a'])).unwrap_err();
}

#[test]
fn a_body_is_taken_out_of_the_bytes_without_a_copy() {
    let bytes = response("a body that is not copied").encode();
    let decoded = StoredResponse::decode(bytes.clone()).unwrap();
    assert_eq!(decoded.body().unwrap().as_ptr(), bytes[8..].as_ptr());
}
