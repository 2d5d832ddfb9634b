//! Programs as a process group of their own, under a watcher that holds our pipe: when the test ends, in whatever way,
//! the pipe closes, and the watcher ends the whole group.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stripe402_core::config::is_setting;

use crate::wait_for;

/// So many of its last lines are told when something goes wrong.
const LINES: usize = 200;

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/e2e is below the project")
}

/// How a group is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order; its folder stays.
    Stop,
    /// By SIGKILL, all of it at once; its folder stays.
    Kill,
}

/// A running group.
#[derive(Debug)]
pub struct Group {
    watcher: Child,
    hold: Option<ChildStdin>,
    lines: Arc<Mutex<VecDeque<String>>>,
}

/// A command that the watcher will run; it removes the folder when the test ends before the group.
pub fn watched(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("watch.sh"), "watch.sh"]).arg(folder);
    clean(&mut command);
    command.current_dir(project());
    command
}

impl Group {
    /// Starts what [`watched`] made, with its arguments.
    pub fn start(mut command: Command) -> Self {
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut watcher = command.spawn().expect("sh can be started");
        let output = watcher.stdout.take().expect("a pipe");
        let hold = watcher.stdin.take();
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let written = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut lines = written.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == LINES {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        });
        Self { watcher, hold, lines }
    }

    /// The group's number: that of its first process.
    pub fn id(&self) -> u32 {
        self.watcher.id()
    }

    /// The last lines that it wrote.
    pub fn said(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Whether the watched program has ended.
    pub fn has_ended(&self) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| line.starts_with("watch: ended with "))
    }

    /// Ends the group and waits until it is gone.
    pub(crate) fn end(mut self, how: End) {
        let word: &[u8] = match how {
            End::Stop => b"STOP\n",
            End::Kill => b"KILL\n",
        };
        if let Some(hold) = &mut self.hold {
            hold.write_all(word).expect("the watcher listens");
        }
        self.gone();
    }

    fn gone(&mut self) {
        let pid = self.watcher.id();
        wait_for(
            Duration::from_secs(15),
            || format!("the process group {pid} to end"),
            || self.watcher.try_wait().ok().flatten(),
        );
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Closed, the pipe ends the group, if it was not ended before.
        self.hold = None;
        if !std::thread::panicking() {
            self.gone();
        }
    }
}

/// No operator's account, settings or secrets (wrangler takes a secret from the environment before it looks into a
/// file), and nothing of the cargo and make that run the tests; Node as it is pinned.
pub(crate) fn clean(command: &mut Command) {
    let foreign = [
        "CARGO",
        "CF_",
        "CLOUDFLARE_",
        "MAKE",
        "MFLAGS",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "WRANGLER_",
    ];
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name != "CARGO_HOME" && (is_setting(name) || foreign.iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
    }
    let tools = project().join("node_modules/.bin");
    assert!(tools.join("wrangler").exists(), "wrangler is not installed: run make setup");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).expect("a path without colons"));
}
