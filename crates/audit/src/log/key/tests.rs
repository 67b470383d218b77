use std::fs;

use super::*;

/// From the documentation of Go's `note` package.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETERS_SIGNATURE: &str =
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

#[test]
fn a_signature_of_another_program_is_true() {
    let key: VerifyingKey = PETER.parse().unwrap();
    let signature = STANDARD.decode(PETERS_SIGNATURE).unwrap();
    let (id, signature) = signature.split_first_chunk::<4>().unwrap();
    let signature = signature.try_into().unwrap();
    assert_eq!((key.to_string().as_str(), key.name(), key.id()), (PETER, "PeterNeumann", *id));
    assert!(key.is_true(PETERS_TEXT, &signature));
    assert!(!key.is_true(&PETERS_TEXT.replace('k', "c"), &signature));
}

#[test]
fn a_key_survives_its_file_and_signs_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    let made = SigningKey::load_or_create(&path).unwrap();
    let loaded = SigningKey::load_or_create(&path).unwrap();
    assert_eq!(loaded.verifying_key(), made.verifying_key());
    assert_eq!(loaded.path(), Some(path.as_path()));
    assert_eq!(loaded.sign("text"), made.sign("text"));
    assert!(made.verifying_key().is_true("text", &made.sign("text")));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left behind");
    let public: VerifyingKey = made.verifying_key().to_string().parse().unwrap();
    assert_eq!(&public, made.verifying_key());
}

#[cfg(unix)]
#[test]
fn a_key_is_for_its_owner_and_one_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    SigningKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    for (mode, is_let_in) in [(0o600, true), (0o440, true), (0o644, false), (0o660, false), (0o601, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let loaded = SigningKey::load(&path);
        assert_eq!(loaded.is_ok(), is_let_in, "{mode:o}");
        if let Err(refused) = loaded {
            assert!(refused.to_string().contains(&format!("{mode:04o}")), "{refused}");
        }
    }
}

#[test]
fn a_file_with_something_else_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    let key = SigningKey::load_or_create(&path).unwrap();
    let other_id = key.to_text().replacen(&Id(key.public.id).to_string(), "00000000", 1);
    for text in ["", "hello", &key.verifying_key().to_string(), &other_id] {
        fs::write(&path, text).unwrap();
        let refused = SigningKey::load_or_create(&path).unwrap_err();
        assert!(matches!(refused, KeyError::Malformed { .. }), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn public_keys_stand_one_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pub");
    fs::write(&path, format!("# of last year\n{PETER}\n\n{PETER}\n")).unwrap();
    assert_eq!(VerifyingKey::load_all(&path).unwrap().len(), 2);
    for wrong in ["# nothing\n".to_owned(), format!("{PETER}\nhello\n")] {
        fs::write(&path, wrong).unwrap();
        assert!(matches!(VerifyingKey::load_all(&path), Err(KeyError::Malformed { .. })));
    }
}

#[test]
fn only_the_public_form_is_a_public_key() {
    let secret = SigningKey::generate("a").unwrap().to_text();
    let point_of_small_order = format!("a+{}+{}", "00000000", coded(&[0; 32]));
    for wrong in [&secret, "", "++", "a+c74f20a3+AAAA", &PETER.replace("c74f", "C74F"), &point_of_small_order]
    {
        assert_eq!(wrong.parse::<VerifyingKey>(), Err(NotAKey), "{wrong}");
    }
}

#[test]
fn a_name_that_would_break_the_form_is_refused() {
    for name in ["", "a b", "a+b", "a\n"] {
        assert!(matches!(SigningKey::generate(name), Err(KeyError::Name { .. })), "{name:?}");
    }
    assert!(!format!("{:?}", SigningKey::generate("a").unwrap()).contains("secret"));
}
