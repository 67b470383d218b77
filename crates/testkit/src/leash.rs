use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::folder::Folder;

/// Runs a server that cannot outlive this process.
///
/// A shell stands between: it starts the server and reads from a pipe whose other end this process holds. When the pipe
/// closes, however that came about, the shell kills the server with all its processes, frees its shared memory, and removes
/// its folder unless it was told to keep it.
#[derive(Debug)]
pub(crate) struct Leash {
    shell: Child,
    server: u32,
}

/// A server is stopped before its processes are listed, so that it starts no more of them.
const SCRIPT: &str = r#"
trap '' INT HUP TERM
folder=$1; log=$2; shift 2
"$@" >>"$log" 2>&1 </dev/null &
server=$!
echo $server
read -r word
kill -STOP $server 2>/dev/null
for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    id=${line%% *}
    set -- ${line##*) }
    [ "$2" = $server ] && kill -KILL "$id"
done 2>/dev/null
kill -KILL $server 2>/dev/null
wait $server 2>/dev/null
memory=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid" 2>/dev/null)
[ -n "$memory" ] && ipcrm -m "$memory" 2>/dev/null
[ "$word" = keep ] || rm -rf -- "$folder"
"#;

impl Leash {
    /// Starts the server by a shell, which decides whom it runs as.
    pub(crate) fn start(mut shell: Command, folder: &Folder, program: &Path, arguments: &[String]) -> Self {
        shell.args(["-c", SCRIPT, "leash"]).arg(folder.path()).arg(folder.log());
        shell.arg(program).args(arguments);
        let piped = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = piped.spawn().unwrap_or_else(|error| panic!("no shell: {error}"));
        let mut line = String::new();
        let output = shell.stdout.take().map(BufReader::new);
        let _ = output.map(|mut output| output.read_line(&mut line));
        let server =
            line.trim().parse().unwrap_or_else(|_| panic!("the shell says `{line}`, not a process id"));
        Self { shell, server }
    }

    /// Sends the server itself a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        send(name, self.server);
    }

    /// Stops the server and all its processes.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
        for process in children_of(self.server) {
            send("STOP", process);
        }
    }

    /// Lets the server and all its processes go on.
    pub(crate) fn resume(&self) {
        for process in children_of(self.server) {
            send("CONT", process);
        }
        self.signal("CONT");
    }
}

/// Kills the server with all its processes and waits until they are gone; its folder stays.
impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}

fn send(name: &str, process: u32) {
    let sent = Command::new("kill").args(["-s", name, &process.to_string()]).stderr(Stdio::null()).status();
    // A process of a server may end between the look and the signal.
    assert!(sent.as_ref().is_ok_and(ExitStatus::success) || !is_there(process), "`kill -s {name}`: {sent:?}");
}

fn is_there(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

fn children_of(server: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(server)).collect()
}

/// The name of a program stands in parentheses and may hold anything; the parent is the second word after it.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
