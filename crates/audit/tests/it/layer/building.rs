//! Settings that cannot be used.

use buttress_audit::{Action, AuditBuilder, Level, Rule};
use http::Method;

use super::recorded;

fn problem(rules: impl IntoIterator<Item = Rule>) -> String {
    let (_, layer) = recorded();
    let layer = rules.into_iter().fold(layer, AuditBuilder::rule);
    layer.build().map(|_| ()).unwrap_err().to_string()
}

#[test]
fn what_must_be_in_the_log_cannot_be_kept_out_of_it() {
    for action in [Action::LOGIN, Action::ADMIN, Action::CONFIG_UPDATED, Action::SECURITY_ALERT] {
        let problem = problem([Rule::path("/x").action(action).level(Level::None)]);
        assert!(problem.starts_with("audit: rules[0].level is none, allowed: "), "{problem}");
    }
    let (_, layer) = recorded();
    let layer = layer.level(Level::None).rule(Rule::path("/x").action(Action::LOGIN));
    assert!(layer.build().is_err(), "nor by the level of all");
}

#[test]
fn a_rule_that_records_nothing_cannot_stand_before_one_that_must_record() {
    let silent = || Rule::path("/api").level(Level::None);
    let admin = || Rule::path("/api/admin").action(Action::ADMIN).method(Method::POST);
    let text = problem([silent(), admin()]);
    assert!(text.contains("rules[1].place is never reached behind rules[0]"), "{text}");
    assert!(
        problem([Rule::any().level(Level::None), Rule::route("/login").action(Action::LOGIN)])
            .contains("never")
    );
    assert!(problem([silent(), Rule::route("/api/{id}").action(Action::ADMIN)]).contains("never"));

    let fine: [Vec<Rule>; 4] = [
        vec![admin(), silent()],
        vec![silent().method(Method::GET), admin()],
        vec![silent().when(|_| true), admin()],
        vec![Rule::path("/api/admin/health").level(Level::None), admin()],
    ];
    for rules in fine {
        let (_, layer) = recorded();
        let layer = rules.into_iter().fold(layer, AuditBuilder::rule);
        assert!(layer.build().is_ok());
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let text = problem([
        Rule::path("api").level(Level::Body { cap_bytes: 0 }),
        Rule::any().level(Level::Body { cap_bytes: 70_000 }),
    ]);
    for part in [
        "rules[0].path is \"api\"",
        "rules[0].level is 0, allowed: 1 to 65536 bytes",
        "rules[0].level is body, allowed: body only with `with_bodies`",
        "rules[1].level is 70000",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let rules = std::iter::repeat_with(Rule::any).take(257);
    assert!(problem(rules).contains("rules is 257, allowed: at most 256"));
    let (_, layer) = recorded();
    assert!(layer.with_bodies().level(Level::Body { cap_bytes: 65_536 }).build().is_ok());
}

#[test]
fn a_layer_made_fresh_has_a_switch_of_its_own_and_the_same_log() {
    use buttress_core::Mode;
    let (_, layer) = recorded();
    let layer = layer.build().unwrap();
    let (shared, fresh) = (layer.clone(), layer.fresh());
    layer.mode().set(Mode::Off);
    assert_eq!((shared.mode().get(), fresh.mode().get()), (Mode::Off, Mode::Enforce));
}
