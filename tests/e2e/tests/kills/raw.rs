//! The built Worker on workerd itself, without wrangler around it: it is up again within a tenth of a second.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use stripe402_e2e::{free_port, vectors, wait_for};
use stripe402_testbed::Testbed;

/// One Worker, with its databases in a folder that outlives it.
pub struct Workerd {
    folder: PathBuf,
    address: SocketAddr,
    running: Option<Child>,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/e2e is below the project")
}

fn workerd() -> PathBuf {
    let packages =
        std::fs::read_dir(project().join("node_modules/@cloudflare")).expect("npm's packages are installed");
    let binaries = packages.filter_map(|entry| {
        let path = entry.ok()?.path();
        let ours = path.file_name()?.to_str()?.starts_with("workerd-");
        Some(path.join("bin/workerd")).filter(|binary| ours && binary.exists())
    });
    binaries.into_iter().next().expect("workerd comes with wrangler: run make setup")
}

impl Workerd {
    pub fn new(testbed: &Testbed) -> Self {
        let folder =
            std::env::temp_dir().join(format!("stripe402-kills-{}-{}", std::process::id(), free_port()));
        std::fs::create_dir_all(folder.join("disk")).expect("a folder for the databases");
        for file in ["index.js", "index_bg.wasm"] {
            std::fs::copy(project().join("build").join(file), folder.join(file))
                .expect("the Worker is built");
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        std::fs::write(folder.join("config.capnp"), config(testbed, &folder, address))
            .expect("its configuration");
        Self { folder, address, running: None }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it and waits until it listens. It ends with the pipe that we hold, however this process ends.
    pub fn start(&mut self) {
        let child = Command::new("sh")
            .args(["-c", r#""$@" & pid=$!; read -r _; kill -9 $pid; wait $pid 2>/dev/null"#, "sh"])
            .arg(workerd())
            .args(["serve", "--experimental"])
            .arg(self.folder.join("config.capnp"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("workerd starts");
        self.running = Some(child);
        let address = self.address;
        wait_for(
            Duration::from_secs(20),
            || format!("workerd to listen on {address}"),
            || TcpStream::connect(address).ok(),
        );
    }

    /// Kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.stdin.take());
            child.wait().expect("it ends");
        }
    }

    /// The databases of all objects.
    pub fn databases(&self) -> Vec<PathBuf> {
        stripe402_e2e::databases(&self.folder.join("disk"))
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// As the facts of the toolchain have it.
fn config(testbed: &Testbed, folder: &Path, address: SocketAddr) -> String {
    let routes = json!({"POST /api/translate": {"amount": 30_000}, "GET /api/joke": {"amount": 100}});
    let text = [
        ("STRIPE_PUBLISHABLE_KEY", vectors::text("publishableKey").to_owned()),
        ("STRIPE_SECRET_KEY", "sk_test_testbed".to_owned()),
        ("SERVER_SECRET", vectors::text("serverSecret").to_owned()),
        ("STRIPE_API_BASE", testbed.stripe_url()),
        ("ORIGIN_URL", testbed.origin_url()),
        ("LIMITS", "off".to_owned()),
        ("ROUTES", routes.to_string()),
    ];
    let text = text.map(|(name, value)| format!("(name = {name:?}, text = {value:?})")).join(",\n    ");
    let disk = folder.join("disk");
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .w),
               (name = "internet", network = (allow = ["public", "private", "local"])),
               (name = "disk", disk = (path = {disk:?}, writable = true)) ],
  sockets = [ (name = "http", address = "{address}", http = (), service = "main") ],
);
const w :Workerd.Worker = (
  modules = [ (name = "index.js", esModule = embed "index.js"), (name = "index_bg.wasm", wasm = embed "index_bg.wasm") ],
  compatibilityDate = "2026-10-01",
  durableObjectNamespaces = [ (className = "Account", uniqueKey = "account", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "ACCOUNTS", durableObjectNamespace = "Account"),
    {text}
  ],
  globalOutbound = "internet",
);
"#
    )
}
