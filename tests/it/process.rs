//! The program itself, in a process of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::world::{Answer, IDEMPOTENCY_KEY, within};

pub(crate) struct Process {
    child: Child,
    /// Gone with the process, unless a test brought its own.
    _data: Option<TempDir>,
    /// The first lines, up to the first empty one.
    pub(crate) first_lines: Vec<String>,
    stderr: JoinHandle<String>,
    http: reqwest::Client,
}

/// What a process wrote to standard error.
#[derive(Debug)]
pub(crate) struct Log(String);

pub(crate) fn command(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane-under-test"));
    command.args(args).env("BUTTRESS_LOG_FORMAT", "json").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A folder that goes with its owner.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs the program until it ends by itself.
pub(crate) async fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    within(command(args).envs(env.iter().copied()).output()).await.expect("it runs")
}

impl Process {
    /// Starts the program on a free port and in a folder of its own, and waits until it says where it listens.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let data = folder();
        let process = Self::start_in(data.path(), args).await;
        Self { _data: Some(data), ..process }
    }

    /// Starts the program in a folder that may hold what another one has left.
    pub(crate) async fn start_in(data: &Path, args: &[&str]) -> Self {
        Self::start_with(data, args, &[]).await
    }

    /// The same with something in its environment.
    pub(crate) async fn start_with(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let data = data.to_str().expect("a name");
        let args = [&["--listen", "127.0.0.1:0", "--data", data], args].concat();
        let mut child = command(&args).envs(env.iter().copied()).spawn().expect("it starts");
        let mut stderr = child.stderr.take().expect("piped");
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.expect("text");
            text
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut first_lines = Vec::new();
        while let Some(line) = within(stdout.next_line()).await.expect("text").filter(|line| !line.is_empty())
        {
            first_lines.push(line);
        }
        // Read on, so that the program never finds its standard output closed or full.
        tokio::spawn(async move { while let Ok(Some(_)) = stdout.next_line().await {} });
        Self { child, _data: None, first_lines, stderr, http: reqwest::Client::new() }
    }

    fn address(&self, begin: &str) -> &str {
        let found = self.first_lines.iter().find_map(|line| line.strip_prefix(begin));
        found.unwrap_or_else(|| panic!("no {begin:?} in {:?}", self.first_lines))
    }

    pub(crate) fn url(&self) -> &str {
        self.address("listening on ")
    }

    fn upstreams(&self) -> &str {
        self.address("simulated upstreams on ")
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    pub(crate) async fn get_as(&self, id: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        Answer::to(request.header("x-correlation-id", id)).await
    }

    /// Asks with an idempotency key, which is the correlation ID too.
    pub(crate) async fn post_with(&self, key: &str, path: &str, body: Value) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, path).header("x-correlation-id", key);
        Answer::try_to(request.header(IDEMPOTENCY_KEY, key).json(&body)).await
    }

    pub(crate) async fn put_fault(&self, upstream: &str, fault: &Value) {
        let url = format!("{}/faults/{upstream}", self.upstreams());
        let answer = Answer::to(self.http.put(url).json(fault)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub(crate) async fn clear_fault(&self, upstream: &str) {
        let url = format!("{}/faults/{upstream}", self.upstreams());
        Answer::to(self.http.request(Method::DELETE, url)).await;
    }

    /// What an upstream has seen.
    pub(crate) async fn requests(&self, upstream: &str) -> Vec<Value> {
        let url = format!("{}/requests/{upstream}", self.upstreams());
        let seen = Answer::to(self.http.get(url)).await.json();
        seen.as_array().expect("a list").clone()
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Ends it without a warning.
    pub(crate) async fn kill(&self) {
        self.signal("-KILL").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await.expect("there is `kill`");
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> (ExitStatus, Log) {
        let status = within(self.child.wait()).await.expect("it ran");
        (status, Log(within(self.stderr).await.expect("text")))
    }

    /// Asks it to stop, and returns what it wrote.
    pub(crate) async fn stop(self) -> Log {
        self.terminate().await;
        let (status, log) = self.ended().await;
        assert!(status.success(), "{status} {log:?}");
        log
    }
}

impl Log {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Every line, each of which has to be a JSON object.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Value> {
        self.0.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
    }

    /// The lines that were written for a request.
    pub(crate) fn lines_of(&self, correlation_id: &str) -> Vec<Value> {
        self.lines().filter(|line| line["correlation_id"] == correlation_id).collect()
    }
}
