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
    health: u16,
}

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
        Self { accounts: Accounts::Ours, origin: None, full_disk: false, health: 200 }
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

/// Starts it; the databases are kept in the folder.
pub(crate) fn start(
    config: &Config,
    layout: &Layout,
    folder: &Path,
    address: SocketAddr,
    demo: &str,
) -> Group {
    build();
    std::fs::create_dir_all(folder.join("disk")).expect("a folder for the databases");
    // A copy: whoever builds meanwhile changes nothing for us.
    for file in ["index.js", "index_bg.wasm"] {
        std::fs::copy(project().join("build").join(file), folder.join(file)).expect("the Worker was built");
    }
    let written = folder.join("config.capnp");
    std::fs::write(&written, capnp(config, layout, folder, address, demo)).expect("a configuration");
    let mut command = watched(folder);
    if layout.full_disk {
        // What workerd itself keeps fits in; a write beyond the limit fails, and ends nobody.
        command.args(["sh", "-c", "trap '' XFSZ; ulimit -f 66; exec \"$@\"", "full"]);
    }
    command.arg(program()).args(["serve", "--experimental"]).arg(written);
    Group::start(command)
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
    (name = \"index.js\", esModule = embed \"index.js\"),
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
