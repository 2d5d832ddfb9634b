//! One paywall: the Worker, its Stripe, its origin, and the folder that holds its databases.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use stripe402_testbed::{Options, Testbed};

use crate::group::{End, Group};
use crate::{Config, Layout, Origin, Request, Response, Stripe, Visitor, wait_for, workerd, wrangler};

/// Our own path that says whether the configuration is good.
pub(crate) const HEALTH: &str = "/.well-known/stripe402/health";

/// How long wrangler may take to start, on a busy machine, and to notice a change.
const START: Duration = Duration::from_secs(90);
const CHANGE: Duration = Duration::from_secs(30);
/// Where servers under test listen.
const PORTS: Range<u16> = 20_000..32_000;

/// A Worker on workerd, with a Stripe and an origin of its own.
#[derive(Debug)]
pub struct Paywall {
    group: Option<Group>,
    runtime: Runtime,
    testbed: Testbed,
    address: SocketAddr,
    config: Config,
    folder: Folder,
}

/// What runs the Worker.
#[derive(Clone, Copy, Debug)]
enum Runtime {
    Wrangler,
    Workerd(Layout),
}

impl Runtime {
    fn start(&self, config: &Config, folder: &Folder, address: SocketAddr, demo: &str) -> Group {
        match self {
            Self::Wrangler => wrangler::start(config, folder.path(), address),
            Self::Workerd(layout) => {
                workerd::prepare(config, layout, folder.path(), address, demo);
                workerd::launch(layout, folder.path())
            }
        }
    }

    const fn health(&self) -> u16 {
        match self {
            Self::Wrangler => 200,
            Self::Workerd(layout) => layout.health(),
        }
    }
}

impl Paywall {
    /// Starts one whose configuration is good, under `wrangler dev`, and waits until it serves.
    pub fn start(config: Config) -> Self {
        Self::start_on(Runtime::Wrangler, config)
    }

    /// Starts one on raw workerd, and waits until its health is what the layout says.
    pub fn start_raw(config: Config, layout: Layout) -> Self {
        Self::start_on(Runtime::Workerd(layout), config)
    }

    fn start_on(runtime: Runtime, config: Config) -> Self {
        let testbed = Testbed::start(Options::default()).expect("the testbed starts");
        let config = with_addresses(config, &testbed);
        let folder = Folder::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let group = Some(runtime.start(&config, &folder, address, &testbed.origin_url()));
        let paywall = Self { group, runtime, testbed, address, config, folder };
        paywall.await_health(START, |health| health.status == runtime.health());
        paywall
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A visitor, whose requests the origin's log tells from those of others.
    pub fn visitor(&self, name: &'static str) -> Visitor<'_> {
        Visitor::new(self, name)
    }

    /// Its Stripe.
    pub fn stripe(&self) -> Stripe {
        Stripe::at(&self.testbed.stripe_url())
    }

    /// Its origin.
    pub fn origin(&self) -> Origin {
        Origin::at(&self.testbed.origin_url())
    }

    /// The process group that it runs in.
    pub fn process_group(&self) -> u32 {
        self.group.as_ref().expect("it runs").id()
    }

    /// Stops it in good order.
    pub fn stop(&mut self) {
        self.end(End::Stop);
    }

    /// Stops it in good order and starts it again on the same databases.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Kills all of its processes at once, in the middle of whatever they do.
    pub fn kill(&mut self) {
        self.end(End::Kill);
    }

    /// Starts it again on the same databases, at another port.
    pub fn start_again(&mut self) {
        self.address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let demo = self.testbed.origin_url();
        self.group = Some(self.runtime.start(&self.config, &self.folder, self.address, &demo));
        self.await_health(START, |health| health.status == self.runtime.health());
    }

    fn end(&mut self, how: End) {
        self.group.take().expect("it runs").end(how);
        let address = self.address;
        wait_for(
            Duration::from_secs(10),
            || format!("nobody to listen on {address}"),
            || std::net::TcpStream::connect(address).is_err().then_some(()),
        );
    }

    /// Stops it and starts it again on the same databases, and gives how long it took from the start of the process to
    /// the first answer.
    pub fn first_answer(&mut self) -> Duration {
        let Runtime::Workerd(layout) = self.runtime else { panic!("what wrangler adds is not ours to time") };
        self.stop();
        self.address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let (folder, demo) = (self.folder.path(), self.testbed.origin_url());
        workerd::prepare(&self.config, &layout, folder, self.address, &demo);
        let began = Instant::now();
        self.group = Some(workerd::launch(&layout, folder));
        first_answer(self.address, HEALTH, began)
    }

    /// What Cloudflare bills, since this was asked last: a number for each name in `counted.js`. For one whose layout
    /// counts.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let answer = Request::get("/_counts").send(self.address).expect("it answers");
        serde_json::from_slice(&answer.body).expect("the layout counts")
    }

    /// Changes the configuration of one that has a file of its own, and waits until its health is what it should be.
    pub fn reconfigure(&mut self, config: Config, healthy: impl Fn(&Response) -> bool) -> Response {
        assert!(
            self.config.own_file,
            "only a configuration in a file of its own can change while it is used"
        );
        self.config = with_addresses(config.in_a_file_of_its_own(), &self.testbed);
        wrangler::write_file(&self.config, self.folder.path());
        self.await_health(CHANGE, healthy)
    }

    fn await_health(&self, patience: Duration, healthy: impl Fn(&Response) -> bool) -> Response {
        let mut last = String::from("nothing");
        let group = self.group.as_ref().expect("it runs");
        let began = Instant::now();
        loop {
            match Request::get(HEALTH).send(self.address) {
                Ok(answer) if healthy(&answer) => return answer,
                Ok(answer) => last = format!("{} {}", answer.status, answer.text()),
                Err(_) => {}
            }
            let over = group.has_ended() || began.elapsed() > patience;
            assert!(
                !over,
                "the paywall is not as it should be: {HEALTH} answers {last}\nit said:\n{}",
                group.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the tables of the reports' database.
    pub fn migrate(&self) {
        wrangler::migrate(self.folder.path());
    }

    /// The databases of all accounts, and that of the reports. Read them while it is stopped.
    pub fn databases(&self) -> Vec<PathBuf> {
        crate::databases(self.folder.path())
    }

    /// What the Worker, and what runs it, wrote last.
    pub fn said(&self) -> String {
        self.group.as_ref().map(Group::said).unwrap_or_default()
    }
}

/// The testbed's addresses, where a configuration names no others.
fn with_addresses(mut config: Config, testbed: &Testbed) -> Config {
    for (name, url) in [("STRIPE_API_BASE", testbed.stripe_url()), ("ORIGIN_URL", testbed.origin_url())] {
        if !config.unset.contains(name) {
            config.vars.entry(name).or_insert_with(|| Value::from(url));
        }
    }
    config
}

/// A port of 127.0.0.1 on which nobody listens, each time another one. Below those that systems give to sockets which
/// ask for none: no connection takes it before its server does.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin apart.
    let begin = std::process::id().wrapping_mul(64);
    let count = u32::from(PORTS.end - PORTS.start);
    let next = || begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % count;
    (0..count)
        .map(|_| PORTS.start + u16::try_from(next()).expect("less than a u16 counts"))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a port is free")
}

/// How long it took from then until somebody at this address answers a GET with 200.
pub fn first_answer(address: SocketAddr, path: &str, began: Instant) -> Duration {
    loop {
        if Request::get(path).send(address).is_ok_and(|answer| answer.status == 200) {
            return began.elapsed();
        }
        assert!(began.elapsed() < START, "nobody answers {path} at {address}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A folder for the time of a test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new one, empty.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("stripe402-e2e-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a folder can be made for the databases");
        Self(path.canonicalize().expect("the folder is there"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        if path.exists()
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            eprintln!("{} could not be removed: {error}", path.display());
        }
    }
}
