//! The Worker on raw workerd, without wrangler's proxy in front: targets and headers reach it as they were sent, and
//! it can be surrounded by what a deployment may have, or lack.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Config;
use crate::group::{Group, project, watched};
use crate::wrangler::build;

/// What stands around the Worker.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    accounts: Accounts,
    origin: Option<&'static str>,
    full_disk: bool,
    quiet: bool,
    heard: bool,
    around: Option<&'static str>,
    health: u16,
}

/// The configuration's file.
const WRITTEN: &str = "config.capnp";
/// Counts what Cloudflare bills, around the Worker.
const COUNTED: &str = include_str!("counted.js");

#[derive(Clone, Copy, Debug)]
enum Accounts {
    Ours,
    Missing,
    Others(&'static str),
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}

impl Layout {
    /// The accounts, a disk, and the way out.
    pub const fn new() -> Self {
        Self {
            accounts: Accounts::Ours,
            origin: None,
            full_disk: false,
            quiet: false,
            heard: false,
            around: None,
            health: 200,
        }
    }

    /// No binding `ACCOUNTS`.
    pub const fn without_accounts(mut self) -> Self {
        self.accounts = Accounts::Missing;
        self
    }

    /// `ACCOUNTS` is bound to the class `Account` of this module (JavaScript) instead of ours.
    pub const fn accounts_of(mut self, module: &'static str) -> Self {
        self.accounts = Accounts::Others(module);
        self
    }

    /// A service binding `ORIGIN` to a Worker of this module (JavaScript). It finds the demo origin's URL in `DEMO`.
    pub const fn origin_is(mut self, module: &'static str) -> Self {
        self.origin = Some(module);
        self
    }

    /// A disk on which nothing can be written, as if it were full.
    pub const fn with_a_full_disk(mut self) -> Self {
        self.full_disk = true;
        self
    }

    /// This module (JavaScript) stands around the Worker, which it imports from `./index.js`: it exports a handler and a
    /// class `Account` of its own.
    pub const fn around_is(mut self, module: &'static str) -> Self {
        self.around = Some(module);
        self
    }

    /// What Cloudflare bills is counted: see [`Paywall::counts`](crate::Paywall::counts).
    pub const fn counted(self) -> Self {
        self.around_is(COUNTED)
    }

    /// What the Worker logs is thrown away, as if nobody watched; its errors are kept.
    pub const fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Its errors are among what [`Paywall::said`](crate::Paywall::said) gives.
    pub const fn heard(mut self) -> Self {
        self.heard = true;
        self
    }

    /// The health that is waited for: what is started need not be whole.
    pub const fn with_health(mut self, status: u16) -> Self {
        self.health = status;
        self
    }

    /// The health that is waited for.
    pub(crate) const fn health(&self) -> u16 {
        self.health
    }
}

/// Lays everything out that [`launch`] starts; the databases are kept in the folder.
pub(crate) fn prepare(config: &Config, layout: &Layout, folder: &Path, address: SocketAddr, demo: &str) {
    build();
    std::fs::create_dir_all(folder.join("disk")).expect("a folder for the databases");
    // A copy: whoever builds meanwhile changes nothing for us.
    for file in ["index.js", "index_bg.wasm"] {
        std::fs::copy(project().join("build").join(file), folder.join(file)).expect("the Worker was built");
    }
    let text = capnp(config, layout, folder, address, demo);
    std::fs::write(folder.join(WRITTEN), text).expect("a configuration");
}

/// Starts what was prepared.
pub(crate) fn launch(layout: &Layout, folder: &Path) -> Group {
    let mut command = watched(folder);
    if layout.quiet {
        command.args(["sh", "-c", "exec \"$@\" >/dev/null", "quiet"]);
    }
    if layout.heard {
        command.args(["sh", "-c", "exec \"$@\" 2>&1", "heard"]);
    }
    if layout.full_disk {
        // What workerd itself keeps fits in; a write beyond the limit fails, and ends nobody.
        command.args(["sh", "-c", "trap '' XFSZ; ulimit -f 66; exec \"$@\"", "full"]);
    }
    command.args(serve(&folder.join(WRITTEN)));
    Group::start(command)
}

/// The command that serves what a configuration in Cap'n Proto says.
pub fn serve(config: &Path) -> [std::ffi::OsString; 4] {
    [program().into(), "serve".into(), "--experimental".into(), config.into()]
}

/// The binary that wrangler runs as well.
fn program() -> PathBuf {
    let folder = project().join("node_modules/@cloudflare");
    let packages = std::fs::read_dir(&folder).expect("workerd is not installed: run make setup");
    let binary = |package: std::io::Result<std::fs::DirEntry>| Some(package.ok()?.path().join("bin/workerd"));
    packages.filter_map(binary).find(|path| path.is_file()).expect("workerd is not installed: run make setup")
}

/// A text of Cap'n Proto.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn capnp(config: &Config, layout: &Layout, folder: &Path, address: SocketAddr, demo: &str) -> String {
    let mut services = String::new();
    let mut workers = String::new();
    let mut bindings = String::new();
    for (name, value) in config.all() {
        let value = match value {
            Value::String(text) => format!("text = {}", quoted(&text)),
            other => format!("json = {}", quoted(&other.to_string())),
        };
        let _ = writeln!(bindings, "    (name = {}, {value}),", quoted(&name));
    }
    let mut neighbour = |name: &str, module: &str, more: &str| {
        let _ = writeln!(services, "    (name = \"{name}\", worker = .{name}),");
        let demo = quoted(demo);
        let module = quoted(module);
        let _ = writeln!(
            workers,
            "const {name} :Workerd.Worker = (
  modules = [ (name = \"{name}.js\", esModule = {module}) ],
  compatibilityDate = \"2026-10-01\",
  bindings = [ (name = \"DEMO\", text = {demo}) ],
  globalOutbound = \"internet\",{more}
);"
        );
    };
    match layout.accounts {
        Accounts::Ours => {
            bindings.push_str("    (name = \"ACCOUNTS\", durableObjectNamespace = \"Account\"),\n");
        }
        Accounts::Missing => {}
        Accounts::Others(module) => {
            let more = "
  durableObjectNamespaces = [ (className = \"Account\", uniqueKey = \"other\") ],
  durableObjectStorage = (inMemory = void),";
            neighbour("others", module, more);
            bindings.push_str(
                "    (name = \"ACCOUNTS\", durableObjectNamespace = (className = \"Account\", serviceName = \"others\")),\n",
            );
        }
    }
    if let Some(module) = layout.origin {
        neighbour("origin", module, "");
        bindings.push_str("    (name = \"ORIGIN\", service = \"origin\"),\n");
    }
    let around = layout.around.map_or_else(String::new, |module| {
        format!("    (name = \"around.js\", esModule = {}),\n", quoted(module))
    });
    let disk = quoted(folder.join("disk").to_str().expect("a path in UTF-8"));
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";
const config :Workerd.Config = (
  services = [
    (name = \"main\", worker = .main),
{services}    (name = \"internet\", network = (allow = [\"public\", \"private\", \"local\"])),
    (name = \"disk\", disk = (path = {disk}, writable = true)),
  ],
  sockets = [ (name = \"http\", address = \"{address}\", http = (), service = \"main\") ],
);
const main :Workerd.Worker = (
  modules = [
{around}    (name = \"index.js\", esModule = embed \"index.js\"),
    (name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\"),
  ],
  compatibilityDate = \"2026-10-01\",
  durableObjectNamespaces = [ (className = \"Account\", uniqueKey = \"account\", enableSql = true) ],
  durableObjectStorage = (localDisk = \"disk\"),
  globalOutbound = \"internet\",
  bindings = [
{bindings}  ],
);
{workers}"
    )
}
