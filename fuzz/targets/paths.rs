//! A target and a careless origin: what is forwarded is worth no more than what is paid for it, however it is read.
//! The first byte says how many habits the origin has, the next ones which; the rest is the target.
#![no_main]

use std::sync::LazyLock;

use careless::{ALL, Habit, read};
use libfuzzer_sys::fuzz_target;
use shop::{gate, price, request};
use stripe402_core::config::path::canonical;
use stripe402_edge::gate::{Decision, Gate, Target};

#[path = "../../tests/readings/careless.rs"]
mod careless;
#[path = "../../tests/readings/shop.rs"]
mod shop;

static GATE: LazyLock<Gate> = LazyLock::new(|| gate(""));
const PAYMENT: &str = "eyJzdHJpcGU0MDJWZXJzaW9uIjoxLCJwYXltZW50TWV0aG9kSWQiOiJwbV8xIn0=";
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "OPTIONS"];

fuzz_target!(|data: &[u8]| {
    let [first, rest @ ..] = data else { return };
    let (method, habits) =
        (METHODS[usize::from(*first) % METHODS.len()], usize::from(*first) / METHODS.len() % 9);
    let Some((origin, target)) = rest.split_at_checked(habits) else { return };
    let Ok(target) = std::str::from_utf8(target) else { return };
    let origin: Vec<Habit> = origin.iter().map(|byte| ALL[usize::from(*byte) % ALL.len()]).collect();

    if let Ok(once) = canonical(target) {
        assert_eq!(canonical(&once).as_deref(), Ok(once.as_str()));
    }
    let url = format!("https://shop.example/{target}");
    drop(Target::of_url(target));
    let (forwarded, paid) = match GATE.decide(&request(method, &url, Some(PAYMENT))) {
        Decision::Pass(target) => (target.raw, 0),
        Decision::Free(target, _) => (target.canonical, 0),
        Decision::Pay(paid) => (paid.target.canonical.clone(), paid.price.get()),
        Decision::Answer(..) | Decision::Own(_) => return,
    };
    let reading = read(&origin, &forwarded);
    let costs = price(method, &reading);
    assert!(
        costs <= paid,
        "{method} {target:?} is forwarded for {paid}; {origin:?} reads {reading:?}: {costs}"
    );
});
