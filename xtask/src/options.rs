//! Which steps of `cargo xtask test` to run.

use crate::Failure;
use crate::steps::{STEPS, Step};

/// Reads `--only STEP` and `--skip STEP`, each as often as wanted; the order is always that of [`STEPS`].
pub(crate) fn choose(arguments: &[String]) -> Result<Vec<&'static Step>, Failure> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let list = match option.as_str() {
            "--only" => &mut only,
            "--skip" => &mut skip,
            other => return Err(format!("`test` knows --only and --skip, not `{other}`").into()),
        };
        let name =
            arguments.next().ok_or_else(|| format!("{option} needs the name of a step: {}", names()))?;
        list.push(known(name)?);
    }
    let wanted = |step: &&Step| (only.is_empty() || only.contains(&step.name)) && !skip.contains(&step.name);
    let chosen: Vec<_> = STEPS.iter().filter(wanted).collect();
    if chosen.is_empty() { Err("these options leave no step to run".into()) } else { Ok(chosen) }
}

fn known(name: &str) -> Result<&'static str, Failure> {
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => Ok(step.name),
        None => Err(format!("no step is called `{name}`; the steps are: {}", names()).into()),
    }
}

fn names() -> String {
    STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(line: &str) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match choose(&arguments) {
            Ok(steps) => Ok(steps.iter().map(|step| step.name).collect()),
            Err(why) => Err(why.to_string()),
        }
    }

    #[test]
    fn no_option_means_every_step_in_order() {
        let all: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(chosen("").unwrap(), all);
    }

    #[test]
    fn the_order_is_that_of_the_table_and_not_of_the_options() {
        assert_eq!(chosen("--only test --only fmt").unwrap(), ["fmt", "test"]);
    }

    #[test]
    fn a_skipped_step_is_left_out() {
        let left = chosen("--skip loom --skip deny").unwrap();
        assert_eq!(left.len(), STEPS.len() - 2);
        assert!(!left.contains(&"loom") && !left.contains(&"deny"));
    }

    #[test]
    fn a_mistake_is_answered_with_what_would_be_right() {
        for (line, part) in [
            ("--only clipy", "no step is called `clipy`; the steps are: provision, fmt, clippy"),
            ("--skip", "--skip needs the name of a step: provision"),
            ("--fast", "not `--fast`"),
            ("--only fmt --skip fmt", "leave no step to run"),
        ] {
            let why = chosen(line).unwrap_err();
            assert!(why.contains(part), "{line}: {why}");
        }
    }
}
