//! What the command line and the environment say.

mod limits;
mod storage;
#[cfg(test)]
mod tests;
mod values;

use std::cell::RefCell;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::Uri;

use crate::connectors::{ClientCredentials, JamfCredentials, Secret, UserCredentials};
use crate::settings::{RateLimits, RecordsIn, Resilience, Upstreams};

use self::values::duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
control-plane deploys packages to device fleets through two flaky upstreams.

usage: control-plane [--listen ADDR] [--upstreams URL | --intune URL --jamf URL]
                     [--breaker-failures N] [--breaker-open-for TIME]
                     [--address-rate RATE] [--key-rate RATE] [--trusted-proxy CIDR,..]
                     [--data DIR] [--audit DIR] [--audit-to postgres]
                     [--idempotency STORE] [--postgres URL] [--redis URL] [--nodes N]

  --listen ADDR            where to listen (default 127.0.0.1:8080, port 0 picks a free one)
  --upstreams URL          where a fleet-sim runs (default: one of our own, on the next port or any)
  --intune URL             the base URL of the Intune-like API, together with --jamf
  --jamf URL               the base URL of the Jamf-like API, together with --intune
  --breaker-failures N     failures in a row that open a circuit breaker (default 5)
  --breaker-open-for TIME  how long it stays open, such as 5s or 500ms (default 5s)
  --address-rate RATE      requests of one client address, such as 100/s or 1000/m (default 100/s)
  --key-rate RATE          requests with one API key, the field x-api-key (default 50/s)
  --trusted-proxy CIDR,..  proxies whose x-forwarded-for is believed, such as 10.0.0.0/8,192.0.2.7 (default none)
  --data DIR               the folder in which it remembers, for one process at a time (default control-plane-data)
  --audit DIR              the folder of the audit log, for one process at a time (default audit in that of --data); the
                           key that signs it and its anchor are beside it, as DIR-key and DIR-anchor
  --audit-to postgres      where a copy of every audit record goes, at its own pace: the PostgreSQL that is named
                           (default nowhere)
  --idempotency STORE      where it is kept what became of requests with keys: folder, memory, redis or postgres
                           (default postgres if one is named, else folder, which is in the one of --data)
  --postgres URL           a PostgreSQL for them, which several instances may share (default BUTTRESS_POSTGRES_URL)
  --redis URL              a Redis that several instances share their limits through (default BUTTRESS_REDIS_URL)
  --nodes N                how many instances share them, at the most (default 3)
  --help                   this text

environment, for upstreams that are not simulated:
  INTUNE_CLIENT_ID, INTUNE_CLIENT_SECRET    what Intune is shown
  JAMF_CLIENT_ID, JAMF_CLIENT_SECRET        what Jamf is shown
  JAMF_USERNAME, JAMF_PASSWORD              what Jamf is shown if there is no client or it is refused

environment, for what several instances share:
  BUTTRESS_REDIS_URL       where Redis is, such as redis://127.0.0.1:6379 (default: each instance for itself)
  BUTTRESS_POSTGRES_URL    where PostgreSQL is, such as postgres://user:password@127.0.0.1/database
  BUTTRESS_HASH_SECRET     by what callers and keys are hashed before they go there, 16 bytes or more, the same for all
                           instances (default for limits: the URL, which all have to spell alike then)

environment, for administrators:
  BUTTRESS_ADMIN_KEY       the API key of those who may read the audit log, 16 characters or more (default: nobody may)

environment, for the log on standard error:
  RUST_LOG                 what to log: off, error, warn, info, debug or trace, or TARGET=LEVEL, with commas between
                           several (default info)
  BUTTRESS_LOG_FORMAT      json, text or auto (default auto: text on a terminal, json elsewhere)
";

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// To run.
    Run(Box<Args>),
    /// To be told how.
    Help,
}

/// The settings that can be given on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where the upstreams are; nowhere means simulated ones.
    pub(crate) upstreams: Option<Upstreams>,
    /// How calls to them are protected.
    pub(crate) resilience: Resilience,
    /// How often callers may ask.
    pub(crate) rate_limits: RateLimits,
    /// The folder in which to remember.
    pub(crate) data: PathBuf,
    /// The folder of the audit log.
    pub(crate) audit: PathBuf,
    /// The PostgreSQL that gets a copy of it.
    pub(crate) audit_to: Option<Secret>,
    /// The API key of those who may read it.
    pub(crate) admin_key: Option<Secret>,
    /// Where to keep what became of requests with keys.
    pub(crate) records: RecordsIn,
}

/// Something on the command line or in the environment that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidArgs {
    problems: Vec<String>,
}

impl Command {
    /// Reads the arguments that follow the program's name; `env` looks up an environment variable.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with the argument, its value and what is allowed.
    pub(crate) fn read(
        args: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, InvalidArgs> {
        let mut given = Given::default();
        let mut args = texts(args)?.into_iter();
        while let Some(arg) = args.next() {
            if matches!(arg.as_str(), "--help" | "-h") {
                return Ok(Self::Help);
            }
            given.take(arg, &mut args);
        }
        given.finish(env).map(|args| Self::Run(Box::new(args)))
    }
}

#[expect(clippy::unnecessary_debug_formatting, reason = "what is no text is shown with escapes")]
fn texts(args: impl IntoIterator<Item = OsString>) -> Result<Vec<String>, InvalidArgs> {
    let text = |arg: OsString| arg.into_string().map_err(|arg| format!("the argument {arg:?} is not UTF-8"));
    args.into_iter()
        .map(text)
        .collect::<Result<_, _>>()
        .map_err(|problem| InvalidArgs { problems: vec![problem] })
}

/// The arguments as they were given.
#[derive(Default)]
struct Given {
    listen: Option<String>,
    upstreams: Option<String>,
    intune: Option<String>,
    jamf: Option<String>,
    breaker_failures: Option<String>,
    breaker_open_for: Option<String>,
    address_rate: Option<String>,
    key_rate: Option<String>,
    trusted_proxy: Option<String>,
    data: Option<String>,
    audit: Option<String>,
    audit_to: Option<String>,
    idempotency: Option<String>,
    postgres: Option<String>,
    redis: Option<String>,
    nodes: Option<String>,
    problems: Vec<String>,
}

impl Given {
    fn take(&mut self, arg: String, rest: &mut impl Iterator<Item = String>) {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let place = match name.as_str() {
            "--listen" => &mut self.listen,
            "--upstreams" => &mut self.upstreams,
            "--intune" => &mut self.intune,
            "--jamf" => &mut self.jamf,
            "--breaker-failures" => &mut self.breaker_failures,
            "--breaker-open-for" => &mut self.breaker_open_for,
            "--address-rate" => &mut self.address_rate,
            "--key-rate" => &mut self.key_rate,
            "--trusted-proxy" => &mut self.trusted_proxy,
            "--data" => &mut self.data,
            "--audit" => &mut self.audit,
            "--audit-to" => &mut self.audit_to,
            "--idempotency" => &mut self.idempotency,
            "--postgres" => &mut self.postgres,
            "--redis" => &mut self.redis,
            "--nodes" => &mut self.nodes,
            _ => {
                return self
                    .problems
                    .push(format!("{name:?} is no argument; --help lists those that there are"));
            }
        };
        let Some(value) = value.or_else(|| rest.next()) else {
            return self.problems.push(format!("{name} needs a value"));
        };
        if place.replace(value).is_some() {
            self.problems.push(format!("{name} is given twice"));
        }
    }

    fn finish(mut self, env: impl Fn(&str) -> Option<OsString>) -> Result<Args, InvalidArgs> {
        let no_texts = RefCell::default();
        let env = |name: &str| text(name, env(name)?, &no_texts);
        let listen = self.listen.take().unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let listen =
            self.check("--listen", &listen, "an IP address and a port, such as 127.0.0.1:8080", |text| {
                text.parse().ok()
            });
        let resilience = self.resilience();
        let rate_limits = self.rate_limits(&env);
        let upstreams = self.upstreams(&env);
        let data = self.data();
        let audit = self.audit(&data);
        let admin_key = self.admin_key(&env);
        let postgres = self.postgres(&env);
        let audit_to = self.audit_to(postgres.as_ref());
        let records = self.records(&data, rate_limits.redis.as_ref(), postgres.as_ref());
        self.problems.append(&mut no_texts.borrow_mut());
        match listen.zip(records) {
            Some((listen, records)) if self.problems.is_empty() => Ok(Args {
                listen,
                upstreams,
                resilience,
                rate_limits,
                data,
                audit,
                audit_to,
                admin_key,
                records,
            }),
            _ => Err(InvalidArgs { problems: self.problems }),
        }
    }

    fn resilience(&mut self) -> Resilience {
        let mut resilience = Resilience::default();
        if let Some(failures) = self.breaker_failures.take() {
            let read = |text: &str| text.parse().ok().filter(|failures| (1..=1_000_000).contains(failures));
            let read = self.check("--breaker-failures", &failures, "1 to 1000000", read);
            resilience.failures_to_open = read.unwrap_or(resilience.failures_to_open);
        }
        if let Some(time) = self.breaker_open_for.take() {
            let read =
                self.check("--breaker-open-for", &time, "1ms to 86400s, such as 5s or 500ms", duration);
            resilience.open_for = read.unwrap_or(resilience.open_for);
        }
        resilience
    }

    fn upstreams(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<Upstreams> {
        match (self.upstreams.take(), self.intune.take(), self.jamf.take()) {
            (None, None, None) => None,
            (Some(all), None, None) => {
                let base = self.base_url("--upstreams", &all)?;
                Some(Upstreams::simulated_at(&base))
            }
            (None, Some(intune), Some(jamf)) => {
                let intune_url = self.base_url("--intune", &intune);
                let jamf_url = self.base_url("--jamf", &jamf);
                let intune = self.intune_credentials(env);
                let jamf = self.jamf_credentials(env);
                Some(Upstreams { intune_url: intune_url?, intune: intune?, jamf_url: jamf_url?, jamf: jamf? })
            }
            _ => {
                self.problems
                    .push("give --upstreams alone, or --intune and --jamf together, or none".to_owned());
                None
            }
        }
    }

    fn base_url(&mut self, name: &str, url: &str) -> Option<String> {
        let allowed = "an http:// URL without user, password and query (this build brings no TLS)";
        // What is before the @ may be a password, which belongs in no log.
        let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, place)| format!("***@{place}"));
        self.check(name, &shown, allowed, |_| {
            let uri: Uri = url.parse().ok()?;
            let place = uri.authority().filter(|place| !place.as_str().contains('@'));
            let fits = uri.scheme_str() == Some("http") && place.is_some() && uri.query().is_none();
            fits.then(|| url.trim_end_matches('/').to_owned())
        })
    }

    /// Where a server is: as the command line says, or else the environment.
    fn url_of(
        &mut self,
        server: &str,
        given: Option<String>,
        env: &impl Fn(&str) -> Option<String>,
    ) -> Option<Secret> {
        let variable = url_variable(server);
        let (name, url) = match given {
            Some(url) => (format!("--{server}"), url),
            None => (variable.clone(), env(&variable)?),
        };
        let allowed = format!("{server}:// and where it is");
        self.check(&name, &url, &allowed, |url| (!url.is_empty()).then(|| Secret::new(url)))
    }

    fn intune_credentials(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<ClientCredentials> {
        let client = client("INTUNE", env);
        if client.is_none() {
            self.problems.push(
                "--intune needs INTUNE_CLIENT_ID and INTUNE_CLIENT_SECRET in the environment".to_owned(),
            );
        }
        client
    }

    fn jamf_credentials(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<JamfCredentials> {
        let user = env("JAMF_USERNAME").zip(env("JAMF_PASSWORD"));
        let user = user.map(|(name, password)| UserCredentials { name, password: Secret::new(password) });
        match (client("JAMF", env), user) {
            (Some(client), Some(user)) => Some(JamfCredentials::Either(client, user)),
            (Some(client), None) => Some(JamfCredentials::Client(client)),
            (None, Some(user)) => Some(JamfCredentials::User(user)),
            (None, None) => {
                let needed = "JAMF_CLIENT_ID and JAMF_CLIENT_SECRET, or JAMF_USERNAME and JAMF_PASSWORD";
                self.problems.push(format!("--jamf needs {needed} in the environment"));
                None
            }
        }
    }

    fn check<T>(
        &mut self,
        name: &str,
        value: &str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let taken = read(value);
        if taken.is_none() {
            self.problems.push(format!("{name} is {value:?}, allowed: {allowed}"));
        }
        taken
    }
}

/// The value of a variable, or a problem that does not show it: it may be a secret.
fn text(name: &str, value: OsString, problems: &RefCell<Vec<String>>) -> Option<String> {
    let problem = |_| problems.borrow_mut().push(format!("{name} is not UTF-8"));
    value.into_string().map_err(problem).ok()
}

/// The variable that says where a server is.
fn url_variable(server: &str) -> String {
    format!("BUTTRESS_{}_URL", server.to_uppercase())
}

fn client(prefix: &str, env: &impl Fn(&str) -> Option<String>) -> Option<ClientCredentials> {
    let (id, secret) = env(&format!("{prefix}_CLIENT_ID")).zip(env(&format!("{prefix}_CLIENT_SECRET")))?;
    Some(ClientCredentials { id, secret: Secret::new(secret) })
}

impl InvalidArgs {
    /// What is wrong, one text for each problem.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for InvalidArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl Error for InvalidArgs {}
