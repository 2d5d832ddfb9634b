//! What the paywall is measured beside: programs of a page each, which do no more than has to be done.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use stripe402_e2e::{Folder, Group, Request, first_answer, free_port, project, serve, watched};

use crate::Outcome;

/// A Worker that refuses everything with the same words.
pub(crate) const REFUSE: &str = include_str!("../yardsticks/refuse.js");
/// A pass-through Worker.
pub(crate) const PASS: &str = include_str!("../yardsticks/pass.js");
/// A Worker and an object that debits.
pub(crate) const DEBIT: &str = include_str!("../yardsticks/debit.js");

/// How long one may take until it listens.
const START: Duration = Duration::from_secs(20);

/// One that runs. The group ends before the folder goes.
#[derive(Debug)]
pub(crate) struct Yardstick {
    group: Group,
    address: SocketAddr,
    _folder: Folder,
}

impl Yardstick {
    /// Starts a Worker of one module on workerd, with these variables, and objects of its class `Account` if it has one.
    pub(crate) fn worker(module: &str, variables: &[(&str, &str)]) -> Outcome<Self> {
        let (yardstick, _) = Self::launch(module, variables)?;
        yardstick.listens()
    }

    /// Starts a Worker, and gives how long it took from the start of the process until it answered a path with 200.
    pub(crate) fn first_answer(module: &str, path: &str) -> Outcome<Duration> {
        let (yardstick, began) = Self::launch(module, &[])?;
        Ok(first_answer(yardstick.address, path, began))
    }

    fn launch(module: &str, variables: &[(&str, &str)]) -> Outcome<(Self, Instant)> {
        let folder = Folder::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        std::fs::create_dir(folder.path().join("disk"))?;
        std::fs::write(folder.path().join("index.js"), module)?;
        let config = folder.path().join("config.capnp");
        std::fs::write(&config, capnp(module, variables, &folder, address))?;
        let mut command = watched(folder.path());
        command.args(serve(&config));
        let began = Instant::now();
        Ok((Self { group: Group::start(command), address, _folder: folder }, began))
    }

    /// Starts the one on Express.
    pub(crate) fn express() -> Outcome<Self> {
        let program = project().join("bench/yardsticks/express.mjs");
        if !project().join("bench/node_modules/express").exists() {
            return Err("Express is not installed: npm ci --prefix bench".into());
        }
        let folder = Folder::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = watched(folder.path());
        command.arg("node").arg(program);
        command.env("PORT", address.port().to_string()).env("NODE_ENV", "production");
        Self { group: Group::start(command), address, _folder: folder }.listens()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process group.
    pub(crate) fn group(&self) -> u32 {
        self.group.id()
    }

    fn listens(self) -> Outcome<Self> {
        let began = Instant::now();
        while Request::get("/").send(self.address).is_err() {
            if self.group.has_ended() || began.elapsed() > START {
                return Err(format!("a yardstick does not start; it said:\n{}", self.group.said()).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(self)
    }
}

fn capnp(module: &str, variables: &[(&str, &str)], folder: &Folder, address: SocketAddr) -> String {
    let text = |(name, value): &(&str, &str)| format!("(name = \"{name}\", text = \"{value}\"), ");
    let mut bindings: String = variables.iter().map(text).collect();
    let mut objects = "";
    if module.contains("class Account") {
        bindings.push_str("(name = \"ACCOUNTS\", durableObjectNamespace = \"Account\")");
        objects = "
  durableObjectNamespaces = [ (className = \"Account\", uniqueKey = \"account\", enableSql = true) ],
  durableObjectStorage = (localDisk = \"disk\"),";
    }
    let disk = folder.path().join("disk");
    let disk = disk.display();
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";
const config :Workerd.Config = (
  services = [
    (name = \"main\", worker = .main),
    (name = \"internet\", network = (allow = [\"public\", \"private\", \"local\"])),
    (name = \"disk\", disk = (path = \"{disk}\", writable = true)),
  ],
  sockets = [ (name = \"http\", address = \"{address}\", http = (), service = \"main\") ],
);
const main :Workerd.Worker = (
  modules = [ (name = \"index.js\", esModule = embed \"index.js\") ],
  compatibilityDate = \"2026-10-01\",
  globalOutbound = \"internet\",{objects}
  bindings = [ {bindings} ],
);
"
    )
}
