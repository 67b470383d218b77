//! How keys are told apart, and what is shown of them.

use std::collections::HashSet;

use buttress_rate_limit::{HashKey, KeyHash};

const SECRET: &[u8] = b"0123456789abcdef";

fn hash(key: &HashKey, policy: &str, parts: &[&str]) -> KeyHash {
    let mut hasher = key.scope(policy);
    for part in parts {
        hasher.part(part.as_bytes());
    }
    hasher.finish()
}

#[test]
fn parts_and_policies_cannot_run_into_one_another() {
    let key = HashKey::random();
    let keys: [(&str, &[&str]); 9] = [
        ("p", &["a", "bc"]),
        ("p", &["ab", "c"]),
        ("p", &["abc"]),
        ("p", &["", "abc"]),
        ("p", &["abc", ""]),
        ("p", &[]),
        ("pa", &["bc"]),
        ("q", &["abc"]),
        ("", &["p", "abc"]),
    ];
    let hashes: HashSet<KeyHash> = keys.iter().map(|(policy, parts)| hash(&key, policy, parts)).collect();
    assert_eq!(hashes.len(), keys.len());
}

#[test]
fn parts_of_any_length_and_zeros_at_the_end_are_told_apart() {
    let key = HashKey::random();
    let zeros: Vec<String> = (0..40).map(|length| "\0".repeat(length)).collect();
    let alone = zeros.iter().map(|part| hash(&key, "p", &[part.as_str()]));
    let pairs = zeros.iter().flat_map(|one| zeros.iter().map(move |two| (one, two)));
    let hashes: HashSet<KeyHash> =
        alone.chain(pairs.map(|(one, two)| hash(&key, "p", &[one.as_str(), two.as_str()]))).collect();
    assert_eq!(hashes.len(), 40 + 40 * 40);
}

#[test]
fn processes_with_one_secret_mean_the_same_key_and_others_do_not() {
    let (one, other) = (HashKey::from_secret(SECRET).unwrap(), HashKey::from_secret(SECRET).unwrap());
    let different = HashKey::from_secret(b"0123456789abcdeg").unwrap();
    assert_eq!(hash(&one, "p", &["a"]), hash(&other, "p", &["a"]));
    assert_ne!(hash(&one, "p", &["a"]), hash(&different, "p", &["a"]));
    assert_ne!(hash(&HashKey::random(), "p", &["a"]), hash(&HashKey::random(), "p", &["a"]));
}

#[test]
fn the_hash_under_a_secret_is_the_same_in_every_release() {
    let key = HashKey::from_secret(SECRET).unwrap();
    assert_eq!(
        format!("{:032x}", hash(&key, "per-address", &["192.0.2.1"]).to_bits()),
        "95a6790a076f223bb63de184bffa5aab"
    );
}

#[test]
fn a_short_secret_is_refused() {
    assert_eq!(
        HashKey::from_secret(&SECRET[..15]).unwrap_err().to_string(),
        "rate limit: hash_secret is 15 bytes, allowed: 16 bytes or more"
    );
}

#[test]
fn debug_output_shows_no_secret_and_only_a_prefix_of_a_hash() {
    let key = HashKey::from_secret(SECRET).unwrap();
    assert_eq!(format!("{key:?}"), "HashKey { .. }");
    assert_eq!(format!("{:?}", key.scope("p")), "KeyHasher { .. }");
    assert_eq!(format!("{:?}", KeyHash::from_bits(0x0123_4567 << 96)), "KeyHash(0123..)");
}
