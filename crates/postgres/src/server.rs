use std::fmt;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

const DEFAULT_PORT: u16 = 5432;

/// Which server is meant, for the texts of errors: where it is, and nothing of who asks it.
#[derive(Clone, Debug)]
pub(crate) struct Server(Option<Arc<str>>);

impl Server {
    /// The server of a pool that was handed over, which does not say where that is.
    pub(crate) const UNNAMED: Self = Self(None);

    /// The servers of a configuration.
    ///
    /// None of them if one does not look like an address: an `@` in a password that is not written as `%40` ends the
    /// password there, and its rest is taken for the host.
    pub(crate) fn of(config: &Config) -> Self {
        let is_torn = config.get_dbname().is_some_and(|name| name.contains('@'));
        let places = places(config);
        let are_plain = !is_torn && !places.is_empty() && places.iter().all(|place| is_plain(place));
        Self(are_plain.then(|| places.join(", ").into()))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(places) => write!(f, "PostgreSQL at {places}"),
            None => f.write_str("PostgreSQL"),
        }
    }
}

fn places(config: &Config) -> Vec<String> {
    let ports = config.get_ports();
    let port = |number: usize| ports.get(number).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
    if config.get_hosts().is_empty() {
        let addresses = config.get_hostaddrs().iter().enumerate();
        return addresses.map(|(number, address)| at(&address.to_string(), port(number))).collect();
    }
    let hosts = config.get_hosts().iter().enumerate();
    hosts.map(|(number, host)| place(host, port(number))).collect()
}

fn place(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) => at(name, port),
        #[cfg(unix)]
        Host::Unix(folder) => folder.join(format!(".s.PGSQL.{port}")).display().to_string(),
    }
}

fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn is_plain(place: &str) -> bool {
    place.chars().all(|char| char.is_ascii_alphanumeric() || "._-:[]/".contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(address: &str) -> String {
        Server::of(&address.parse().unwrap()).to_string()
    }

    #[test]
    fn a_server_is_named_by_its_hosts_and_ports() {
        for (address, expected) in [
            ("postgres://me:s3cret@db.example:6432/shop", "PostgreSQL at db.example:6432"),
            ("postgres://me:s3c%40ret@db.example/shop", "PostgreSQL at db.example:5432"),
            ("postgres://one:6432,two:7432/shop", "PostgreSQL at one:6432, two:7432"),
            ("postgres://me@[::1]:6432/shop", "PostgreSQL at [::1]:6432"),
            ("host=one,two port=6432 user=me password=s3cret", "PostgreSQL at one:6432, two:6432"),
            ("hostaddr=127.0.0.1 user=me", "PostgreSQL at 127.0.0.1:5432"),
            ("host=one hostaddr=127.0.0.1 user=me", "PostgreSQL at one:5432"),
            ("user=me password=s3cret", "PostgreSQL"),
        ] {
            assert_eq!(named(address), expected, "{address}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_named_by_its_file() {
        let expected = "PostgreSQL at /run/postgresql/.s.PGSQL.5432";
        assert_eq!(named("postgres://%2Frun%2Fpostgresql/shop"), expected);
    }

    #[test]
    fn what_may_be_the_rest_of_a_password_is_not_named() {
        for address in [
            "postgres://me:s3@cret@db.example/shop",
            "postgres://me:s3@cret,more@db.example/shop",
            "postgres://me:s3@cret/more@db.example/shop",
        ] {
            assert_eq!(named(address), "PostgreSQL", "{address}");
        }
    }
}
