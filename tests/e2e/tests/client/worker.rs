//! The example of `examples/rust-worker`: a Worker with a `fetch` event of its own, on workerd, that buys within a budget.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use stripe402_e2e::{Folder, Group, Request, free_port, project, serve, wait_for, watched};

use crate::given::{shared, url};

/// Builds it, as its users do.
fn build() {
    let mut command = Command::new("make");
    command.arg("example").current_dir(project()).stdin(Stdio::null());
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        command.env_remove(name);
    }
    let output = command.output().expect("make can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "make example failed:\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_client_stands_on_no_part_of_the_worker() {
    let tree = Command::new("cargo")
        .args(["tree", "--locked", "--offline", "--all-features", "--target", "all", "--edges", "normal"])
        .args(["--prefix", "none", "--package", "stripe402-client"])
        .current_dir(project())
        .output()
        .expect("cargo can be started");
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"stripe402-core") && names.contains(&"reqwest-middleware"), "{tree}");
    assert!(!names.contains(&"worker") && !names.contains(&"stripe402-edge"), "{tree}");
}

#[test]
fn it_buys_ten_jokes_with_one_charge_and_no_eleventh() {
    build();
    let (paywall, folder) = (shared(), Folder::new());
    let card = paywall.stripe().card("worker");
    let built = project().join("examples/rust-worker/build");
    for file in ["index.js", "index_bg.wasm"] {
        std::fs::copy(built.join(file), folder.path().join(file)).expect("it was built");
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let api = url(paywall, "/api/joke?worker");
    let config = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";
const config :Workerd.Config = (
  services = [
    (name = \"main\", worker = .main),
    (name = \"internet\", network = (allow = [\"public\", \"private\", \"local\"])),
  ],
  sockets = [ (name = \"http\", address = \"{address}\", http = (), service = \"main\") ],
);
const main :Workerd.Worker = (
  modules = [
    (name = \"index.js\", esModule = embed \"index.js\"),
    (name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\"),
  ],
  compatibilityDate = \"2026-10-01\",
  bindings = [ (name = \"PAID_API\", text = \"{api}\"), (name = \"PAYMENT_METHOD\", text = \"{}\") ],
  globalOutbound = \"internet\",
);
",
        card.method.as_str()
    );
    let file = folder.path().join("config.capnp");
    std::fs::write(&file, config).unwrap();
    let mut command = watched(folder.path());
    command.args(serve(&file));
    let group = Group::start(command);
    wait_for(
        Duration::from_secs(20),
        || group.said(),
        || std::net::TcpStream::connect(address).is_ok().then_some(()),
    );

    let asks = || Request::get("/").send(address).unwrap();
    for nth in 0..10 {
        let answer = asks();
        assert_eq!(answer.status, 200, "{nth}: {}\n{}", answer.text(), group.said());
        assert!(answer.json()["joke"].is_string());
    }
    let answer = asks();
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("Not bought: budget: "), "{}", answer.text());
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
    let bought = paywall.origin().arrived().iter().filter(|one| one.target.ends_with("?worker")).count();
    assert_eq!(bought, 10);
}
