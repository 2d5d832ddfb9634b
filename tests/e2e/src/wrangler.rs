//! The Worker under `wrangler dev`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

use crate::Config;
use crate::group::{Group, clean, project, watched};

/// Starts it; the databases are kept in the folder, whose end is the watcher's.
pub(crate) fn start(config: &Config, folder: &Path, address: SocketAddr) -> Group {
    build();
    let env_file = folder.join("test.env");
    std::fs::write(&env_file, config.env_file()).expect("the env file can be written");
    let mut command = watched(folder);
    command.arg("node").arg(program());
    command.args(["dev", "--local", "--ip", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level", "warn"]);
    command.arg("--persist-to").arg(folder.join("state")).arg("--env-file").arg(env_file);
    if config.own_file {
        command.arg("--config").arg(write_file(config, folder));
    } else {
        command.args(config.flags());
    }
    alone(&mut command, folder);
    Group::start(command)
}

/// Makes the tables of the reports' database, as an operator does.
pub(crate) fn migrate(folder: &Path) {
    let mut command = Command::new("node");
    clean(&mut command);
    command.arg(program()).args(["d1", "migrations", "apply", "REPORTS", "--local"]);
    command.arg("--persist-to").arg(folder.join("state"));
    command.arg("--config").arg(folder.join("wrangler.toml"));
    alone(&mut command, folder);
    let output =
        command.current_dir(project()).stdin(Stdio::null()).output().expect("wrangler can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "the migrations failed:\n{}", String::from_utf8_lossy(&said));
}

fn program() -> PathBuf {
    project().join("node_modules/wrangler/bin/wrangler.js")
}

/// Nothing of the operator's own, and no way out.
fn alone(command: &mut Command, folder: &Path) {
    command
        .env("CI", "1")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_LOG_PATH", folder.join("logs"))
        .env("WRANGLER_REGISTRY_PATH", folder.join("registry"))
        .env("WRANGLER_SEND_METRICS", "false");
}

/// Writes the configuration into a file of its own.
pub(crate) fn write_file(config: &Config, folder: &Path) -> PathBuf {
    let project_file =
        std::fs::read_to_string(project().join("wrangler.toml")).expect("wrangler.toml can be read");
    let built = project().join("build");
    let path = folder.join("wrangler.toml");
    let text = config.file(&project_file, built.to_str().expect("a path in UTF-8"));
    std::fs::write(&path, text).expect("the configuration can be written");
    path
}

/// Builds the Worker, once: the time that it takes is nobody's start.
pub(crate) fn build() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let mut command = Command::new("make");
        command.arg("build").current_dir(project()).stdin(Stdio::null());
        clean(&mut command);
        let output = command.output().expect("make can be started");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "make build failed:\n{}", String::from_utf8_lossy(&said));
    });
}
