//! Breakers by name.

use buttress_circuit_breaker::{
    Breaker, BreakerConfig, BreakerRegistry, CircuitBreakerLayer, RegistryError, ServiceProfile, State,
};

use crate::{fail, two_failures};

#[test]
fn a_name_means_one_breaker_wherever_it_is_asked_for() {
    let breakers = BreakerRegistry::default();
    let one = breakers.get_or_create("jamf", ServiceProfile::ExecutionPlane).unwrap();
    let again = breakers.clone().get_or_create("jamf", BreakerConfig::new()).unwrap();
    fail(&one, 5);
    assert_eq!(again.state(), State::Open);
    assert_eq!(breakers.len(), 1);
}

#[test]
fn an_unknown_name_is_an_error_and_creates_nothing() {
    let breakers = BreakerRegistry::default();
    let error = breakers.reset("jamff").unwrap_err();
    assert_eq!(error.to_string(), "no circuit breaker is named \"jamff\"");
    assert!(breakers.get("jamff").is_none() && breakers.require("jamff").is_err());
    assert!(breakers.is_empty());
}

#[test]
fn a_registry_that_is_full_says_so() {
    let breakers = BreakerRegistry::new(2);
    for name in ["a", "b", "a"] {
        breakers.get_or_create(name, BreakerConfig::new()).unwrap();
    }
    let error = breakers.get_or_create("c", BreakerConfig::new()).unwrap_err();
    assert_eq!(error, RegistryError::Full { capacity: 2 });
    breakers.remove("a").unwrap();
    assert!(breakers.get_or_create("c", BreakerConfig::new()).is_ok());
}

#[test]
fn bad_settings_are_told_and_a_taken_name_is_not_replaced() {
    let breakers = BreakerRegistry::default();
    let error = breakers.get_or_create("a", BreakerConfig::new().half_open_permits(0)).unwrap_err();
    assert!(matches!(&error, RegistryError::Config(problems) if problems.problems().len() == 1));
    assert!(std::error::Error::source(&error).is_some());
    let layer = CircuitBreakerLayer::plain("a").config(two_failures()).build().unwrap();
    breakers.register(layer.breaker()).unwrap();
    let other = Breaker::new("a", &BreakerConfig::new()).unwrap();
    assert!(matches!(breakers.register(&other), Err(RegistryError::Taken { .. })));
    fail(&breakers.get("a").unwrap(), 2);
    assert_eq!(layer.breaker().state(), State::Open, "the layer's own");
}

#[test]
fn snapshots_are_sorted_and_health_is_one_question() {
    let breakers = BreakerRegistry::default();
    for name in ["jamf", "entra_id", "intune"] {
        breakers.get_or_create(name, two_failures()).unwrap();
    }
    assert!(breakers.all_healthy());
    fail(&breakers.get("intune").unwrap(), 2);
    breakers.get("jamf").unwrap().disable();
    let seen: Vec<_> =
        breakers.snapshots().iter().map(|seen| (seen.name().to_owned(), seen.state())).collect();
    let expected = [("entra_id", State::Closed), ("intune", State::Open), ("jamf", State::Disabled)];
    assert_eq!(seen, expected.map(|(name, state)| (name.to_owned(), state)));
    assert!(!breakers.all_healthy());
    breakers.reset("intune").unwrap();
    assert!(breakers.all_healthy(), "a disabled breaker stops nothing");
}
