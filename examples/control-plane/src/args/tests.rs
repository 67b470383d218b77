use std::path::Path;
use std::time::Duration;

use buttress::rate_limit::Quota;

use super::storage::DEFAULT_DATA;
use super::*;

const CLIENT_OF_BOTH: [&str; 4] =
    ["INTUNE_CLIENT_ID", "INTUNE_CLIENT_SECRET", "JAMF_CLIENT_ID", "JAMF_CLIENT_SECRET"];

fn read(line: &str, env: &[&str]) -> Result<Command, InvalidArgs> {
    let args = line.split_whitespace().map(Into::into);
    Command::read(args, |name| env.contains(&name).then(|| name.to_lowercase().into()))
}

fn args(line: &str, env: &[&str]) -> Args {
    match read(line, env) {
        Ok(Command::Run(args)) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn with_no_argument_it_brings_its_own_upstreams() {
    let args = args("", &[]);
    assert_eq!(args.listen.to_string(), DEFAULT_LISTEN);
    assert!(args.upstreams.is_none());
    assert_eq!(args.data, Path::new(DEFAULT_DATA));
    assert_eq!(args.resilience.open_for, Duration::from_secs(5));
}

#[test]
fn arguments_are_taken_in_both_ways_to_write_them() {
    let args = args("--listen=0.0.0.0:0 --breaker-failures 2 --breaker-open-for 250ms --data=here", &[]);
    assert_eq!(args.data, Path::new("here"));
    assert_eq!(args.listen.to_string(), "0.0.0.0:0");
    assert_eq!(args.resilience.failures_to_open, 2);
    assert_eq!(args.resilience.open_for, Duration::from_millis(250));
}

#[test]
fn simulated_upstreams_elsewhere_need_no_credentials_and_real_ones_do() {
    let simulated = args("--upstreams http://sim:9090/", &[]).upstreams.expect("given");
    assert_eq!(simulated.jamf_url, "http://sim:9090/jamf");
    let real = "--intune http://graph.example --jamf http://jamf.example";
    assert!(args(real, &CLIENT_OF_BOTH).upstreams.is_some());
    assert_eq!(read(real, &[]).expect_err("no credentials").problems().len(), 2);
}

#[test]
fn jamf_falls_back_to_basic_authentication() {
    let real = "--intune http://graph.example --jamf http://jamf.example";
    let jamf = |env: &[&str]| args(real, env).upstreams.expect("given").jamf;
    let user = ["INTUNE_CLIENT_ID", "INTUNE_CLIENT_SECRET", "JAMF_USERNAME", "JAMF_PASSWORD"];
    assert!(matches!(jamf(&CLIENT_OF_BOTH), JamfCredentials::Client(_)));
    assert!(matches!(jamf(&user), JamfCredentials::User(_)));
    assert!(matches!(jamf(&[CLIENT_OF_BOTH, user].concat()), JamfCredentials::Either(..)));
}

#[test]
fn every_problem_names_the_argument_its_value_and_what_is_allowed() {
    for (line, problem) in [
        ("--listen here", r#"--listen is "here", allowed: an IP address and a port, such as 127.0.0.1:8080"#),
        ("--listen", "--listen needs a value"),
        ("--listen [::1]:1 --listen [::1]:2", "--listen is given twice"),
        ("--lisen x", r#""--lisen" is no argument; --help lists those that there are"#),
        ("--breaker-failures 0", r#"--breaker-failures is "0", allowed: 1 to 1000000"#),
        ("--breaker-open-for 5", r#"--breaker-open-for is "5", allowed: 1ms to 86400s, such as 5s or 500ms"#),
        ("--data=", r#"--data is "", allowed: a folder, which is made if there is none"#),
        ("--jamf http://j", "give --upstreams alone, or --intune and --jamf together, or none"),
        (
            "--upstreams https://sim",
            r#"--upstreams is "https://sim", allowed: an http:// URL without user, password and query (this build brings no TLS)"#,
        ),
        (
            "--upstreams http://user:p@ss@sim",
            r#"--upstreams is "***@sim", allowed: an http:// URL without user, password and query (this build brings no TLS)"#,
        ),
        ("--redis=", r#"--redis is "", allowed: redis:// and where it is"#),
    ] {
        assert_eq!(read(line, &[]).expect_err(line).problems()[0], problem);
    }
    assert_eq!(read("--listen x --breaker-failures y", &[]).expect_err("two").problems().len(), 2);
}

#[test]
fn whoever_asks_for_help_gets_it() {
    assert!(matches!(read("--listen x --help", &[]), Ok(Command::Help)));
}

#[test]
fn limits_and_where_they_are_shared_are_taken_from_the_command_line_before_the_environment() {
    let line =
        "--address-rate 600/m --key-rate 5/s --trusted-proxy 10.0.0.0/8 --redis redis://here --nodes 7";
    let limits = args(line, &["BUTTRESS_REDIS_URL"]).rate_limits;
    assert_eq!((limits.per_address, limits.per_key), (Quota::per_minute(600), Quota::per_second(5)));
    assert_eq!(limits.nodes, 7);
    assert_eq!(limits.trusted_proxies, ["10.0.0.0/8"]);
    let two = args("--trusted-proxy 10.0.0.0/8,2001:db8::7", &["BUTTRESS_HASH_SECRET"]).rate_limits;
    assert_eq!(two.trusted_proxies, ["10.0.0.0/8", "2001:db8::7"]);
    assert_eq!(two.hash_secret.expect("in the environment").expose(), "buttress_hash_secret");
    assert_eq!(limits.redis.expect("given").expose(), "redis://here");
    let from_env = args("", &["BUTTRESS_REDIS_URL"]).rate_limits.redis.expect("in the environment");
    assert_eq!(from_env.expose(), "buttress_redis_url");
}

#[test]
fn records_are_kept_where_the_command_line_says_and_else_in_postgres_if_there_is_one() {
    let both = ["BUTTRESS_POSTGRES_URL", "BUTTRESS_REDIS_URL"];
    let url = |url: &Secret| url.expose().to_owned();
    for (line, env, expected) in [
        ("", &[][..], "folder control-plane-data/records"),
        ("--data here --redis redis://limits", &[], "folder here/records"),
        ("--postgres postgres://p", &[], "postgres postgres://p"),
        ("", &both, "postgres buttress_postgres_url"),
        ("--idempotency folder", &both, "folder control-plane-data/records"),
        ("--idempotency redis", &both, "redis buttress_redis_url"),
        ("--idempotency redis --redis redis://r", &[], "redis redis://r"),
        ("--idempotency memory", &both, "memory"),
    ] {
        let records = match args(line, env).records {
            RecordsIn::Memory => "memory".to_owned(),
            RecordsIn::Folder(folder) => format!("folder {}", folder.display()),
            RecordsIn::Redis(server) => format!("redis {}", url(&server)),
            RecordsIn::Postgres(server) => format!("postgres {}", url(&server)),
        };
        assert_eq!(records, expected, "{line} {env:?}");
    }
    for (line, problem) in [
        ("--idempotency disk", "--idempotency is \"disk\", allowed: one of folder, memory, redis, postgres"),
        (
            "--idempotency redis",
            "--idempotency redis needs --redis, or BUTTRESS_REDIS_URL in the environment",
        ),
        (
            "--audit-to postgres",
            "--audit-to postgres needs --postgres, or BUTTRESS_POSTGRES_URL in the environment",
        ),
        ("--audit-to nowhere", "--audit-to is \"nowhere\", allowed: postgres"),
        (
            "--idempotency postgres",
            "--idempotency postgres needs --postgres, or BUTTRESS_POSTGRES_URL in the environment",
        ),
    ] {
        assert_eq!(read(line, &[]).expect_err(line).problems(), [problem]);
    }
}

#[test]
fn limits_that_cannot_be_read_are_refused() {
    let rate = "1 to 1000000 per second, minute or hour, such as 100/s, 600/m or 5000/h";
    for bad in ["0/s", "5", "5/d", "x/s", "1000001/s", "-1/s"] {
        let problem = format!("--address-rate is {bad:?}, allowed: {rate}");
        assert_eq!(read(&format!("--address-rate {bad}"), &[]).expect_err(bad).problems(), [problem]);
    }
    let networks = "addresses and networks with commas between them, such as 10.0.0.0/8,192.0.2.7";
    for bad in ["proxy", "10.0.0.1/8", "0.0.0.0/0", ""] {
        let problem = format!("--trusted-proxy is {bad:?}, allowed: {networks}");
        let line = format!("--trusted-proxy 192.0.2.1,{bad}");
        assert_eq!(read(&line, &[]).expect_err(bad).problems(), [problem]);
    }
    let short = |name: &str| (name == "BUTTRESS_HASH_SECRET").then(|| "fifteen letters".into());
    let refused = Command::read([], short).expect_err("a secret that is none");
    assert_eq!(refused.problems(), ["BUTTRESS_HASH_SECRET has 15 bytes, allowed: 16 or more"]);
}

#[test]
fn a_variable_that_is_there_and_empty_is_refused_by_its_name() {
    for (variable, server) in [("BUTTRESS_REDIS_URL", "redis"), ("BUTTRESS_POSTGRES_URL", "postgres")] {
        let empty = |name: &str| (name == variable).then(OsString::new);
        let refused = Command::read([], empty).expect_err(variable);
        let problem = format!("{variable} is \"\", allowed: {server}:// and where it is");
        assert_eq!(refused.problems(), [problem]);
    }
}
