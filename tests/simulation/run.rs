//! Runs histories, on all cores, and tells what came of them.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use stripe402_core::protocol::{Currency, PaymentMethodId};
use stripe402_edge::ledger::account::Terms;
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::mutants::Mutant;
use stripe402_edge::ledger::topup::StripeSide;
use stripe402_edge::ledger::{Account, Limits, Op, Order, Pay};
use stripe402_edge::stripe::TopUpId;

use super::START;
use super::coverage::{Coverage, USUAL};
use super::disk::Disk;
use super::invariants::Violation;
use super::mutants::{Caught, catch};
use super::requests::units;
use super::schedule::Schedule;
use super::shrink::shrink;
use super::stripe::client;
use super::world::World;

/// Runs a history. What broke, and what happened in words if that is asked for.
pub(crate) fn run(
    schedule: &Schedule,
    disks: &[Disk],
    coverage: &mut Coverage,
    tell: bool,
) -> (Option<Violation>, Vec<String>) {
    let mut world = World::new(schedule, disks, coverage, tell);
    world.run(schedule);
    (world.broken, world.told.unwrap_or_default())
}

pub(crate) fn main() -> ExitCode {
    // After such a block was freed, glibc keeps up to twice its size instead of giving memory back after every history.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(16 << 20)));
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return tell(&Schedule::of(seed));
    }
    if !every_history_repeats() {
        println!("a history did not happen the same way twice: something draws from elsewhere than its dice");
        return ExitCode::FAILURE;
    }
    if !every_mutant_is_caught() {
        return ExitCode::FAILURE;
    }
    let histories = number("N").unwrap_or(USUAL);
    let (coverage, broken) = run_all(histories);
    if let Some(seed) = broken {
        println!("\nseed {seed} breaks an invariant. The shortest history that does:");
        tell(&shrink(&Schedule::of(seed), &disks()));
        println!("\nviolations 1 (SEED={seed} tells all of it)");
        return ExitCode::FAILURE;
    }
    coverage.print(histories);
    let missing = coverage.missing();
    if histories >= USUAL && !missing.is_empty() {
        println!("\nmet too seldom:\n{}", missing.join("\n"));
        return ExitCode::FAILURE;
    }
    let unlisted = coverage.unlisted(histories);
    if !unlisted.is_empty() {
        println!("\nmet, and not what is said of it:\n{}", unlisted.join("\n"));
        return ExitCode::FAILURE;
    }
    println!("\nviolations 0");
    ExitCode::SUCCESS
}

/// Tells a history, and how it ends.
fn tell(schedule: &Schedule) -> ExitCode {
    println!("{}", schedule.profile);
    let (broken, told) = run(schedule, &disks(), &mut Coverage::default(), true);
    println!("{}", told.join("\n"));
    if broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is told of a seed is always the same: otherwise nothing that is found here could be looked into.
fn every_history_repeats() -> bool {
    let disks = disks();
    (0..100).map(Schedule::of).all(|schedule| {
        let told = |disks: &[Disk]| run(&schedule, disks, &mut Coverage::default(), true).1;
        told(&disks) == told(&disks)
    })
}

fn every_mutant_is_caught() -> bool {
    println!("each deliberate bug, and the first history that shows it:");
    let mut all = true;
    for mutant in Mutant::ALL {
        let name = format!("{mutant:?}");
        let Some(Caught { seed, by }) = catch(mutant) else {
            println!("  {name:<20} is not found");
            all = false;
            continue;
        };
        let what: String = by.what.chars().take(90).collect();
        println!("  {name:<20} seed {seed:>4}  invariant {}: {what}", by.invariant);
    }
    all
}

/// Runs the histories of the seeds from 0 on, on all cores. Gives the least seed that broke something.
fn run_all(histories: u64) -> (Coverage, Option<u64>) {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let broken = AtomicU64::new(u64::MAX);
    let work = |first: u64| {
        let disks = disks();
        let mut coverage = Coverage::default();
        let mut seed = first;
        while seed < histories && seed < broken.load(Ordering::Relaxed) {
            if run(&Schedule::of(seed), &disks, &mut coverage, false).0.is_some() {
                broken.fetch_min(seed, Ordering::Relaxed);
            }
            seed += threads;
        }
        coverage
    };
    let mut coverage = Coverage::default();
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        for one in all {
            coverage.add(one.join().expect("a thread that does not panic"));
        }
    });
    let seed = broken.into_inner();
    (coverage, (seed != u64::MAX).then_some(seed))
}

/// Storage for the objects of one world.
pub(crate) fn disks() -> Vec<Disk> {
    (0..4).map(|_| Disk::new(make_tables)).collect()
}

/// The ledger makes its tables when somebody first pays.
fn make_tables(disk: &Disk) {
    let (client_id, _) = client(0);
    let method = PaymentMethodId::parse("pm_1").expect("an id");
    let order = Order {
        currency: Currency::USD,
        price: units(1),
        resource: String::new(),
        route: None,
        op: Op::from_bytes([0; 16]),
        retried: false,
        nth: 1,
        key: None,
    };
    let pay = Pay {
        order,
        client_id: Some(client_id),
        sent: method.clone(),
        method,
        customer: None,
        offer: Offer { min: units(50_000), max: units(50_000), asked: None },
        limits: Limits { declines_per_hour: None, per_day: None },
        deposit: None,
    };
    let side = StripeSide { live: false, account: String::new(), version: String::new() };
    let terms = Terms { side: &side, deployment: "", descriptor_suffix: None };
    let paying = Account::new(disk).pay(&pay, &TopUpId::from_bytes([0; 16]), &terms, START);
    paying.expect("a first payment");
}
