use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Runs a server that cannot outlive this process.
///
/// The server has no option for that, so a shell stands between: it starts the server and reads from a pipe whose
/// other end this process holds. When the pipe closes, however that came about, the shell kills the server, and
/// removes its folder unless it was told to keep it.
#[derive(Debug)]
pub(super) struct Leash {
    shell: Child,
    server: u32,
}

const SCRIPT: &str = r#"
trap '' INT HUP TERM
folder=$1; log=$2; shift 2
"$@" >>"$log" 2>&1 &
echo $!
read -r word
kill -KILL $! 2>/dev/null
wait $! 2>/dev/null
[ "$word" = keep ] || rm -rf -- "$folder"
"#;

impl Leash {
    pub(super) fn start(folder: &Path, log: &Path, program: &str, arguments: &[String]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "leash"]).arg(folder).arg(log).arg(program).args(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = piped.spawn().unwrap_or_else(|error| panic!("no shell: {error}"));
        let mut line = String::new();
        let output = shell.stdout.take().map(BufReader::new);
        let _ = output.map(|mut output| output.read_line(&mut line));
        let server =
            line.trim().parse().unwrap_or_else(|_| panic!("the shell says `{line}`, not a process id"));
        Self { shell, server }
    }

    /// The process id of the server.
    pub(super) fn server(&self) -> u32 {
        self.server
    }

    /// Sends the server a signal, by its name.
    pub(super) fn signal(&self, name: &str) {
        let id = self.server.to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.as_ref().is_ok_and(ExitStatus::success), "`kill -s {name} {id}`: {sent:?}");
    }
}

/// Kills the server and waits until it is gone; its folder stays.
impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}
