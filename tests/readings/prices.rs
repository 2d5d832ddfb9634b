//! For every target and every careless origin: what is forwarded is worth no more than what is paid for it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stripe402_core::config::path::{canonical, fold};
use stripe402_edge::gate::{Decision, Target};

use super::careless::read;
use super::given::{config, origins, targets};
use super::shop::{gate, price, request};

/// A payment that has the right form; nobody asks here whether it has credits.
const PAYMENT: &str = "eyJzdHJpcGU0MDJWZXJzaW9uIjoxLCJwYXltZW50TWV0aG9kSWQiOiJwbV8xIn0=";

/// What a gate does with every target, compared with what every origin makes of it.
fn compare(base_path: &'static str, cases: u32) {
    let gate = gate(base_path);
    // Forwarded free; paid for; refused, though some origin would have served what is sold.
    let met = Cell::new([0_u32; 3]);
    let methods = prop::sample::select(&["GET", "HEAD", "POST", "PUT", "OPTIONS"][..]);
    let asked = (methods, targets(), prop::collection::vec(origins(), 12));
    let config = config(cases);
    let enough = config.cases / 40;
    let outcome = TestRunner::new(config).run(&asked, |(method, target, origins)| {
        let url = format!("https://shop.example{target}");
        let facts = request(method, &url, Some(PAYMENT));
        let (forwarded, paid) = match gate.decide(&facts) {
            Decision::Pass(target) => (Some(target.raw), 0),
            Decision::Free(target, _) => (Some(target.canonical), 0),
            Decision::Pay(paid) => (Some(paid.target.canonical.clone()), paid.price.get()),
            Decision::Answer(..) | Decision::Own(_) => (None, 0),
        };
        let mut count = met.get();
        count[usize::from(paid > 0)] += u32::from(forwarded.is_some());
        for origin in origins {
            // An origin below a base path sees it before every path, and sells what is below it.
            let whole = format!("{base_path}{}", forwarded.as_deref().unwrap_or(&target));
            let reading = read(&origin, &whole);
            let Some(sold) = below(&reading, base_path) else {
                prop_assert!(forwarded.is_none(), "{method} {target}: {origin:?} reads {reading}: outside");
                continue;
            };
            let costs = price(method, sold);
            if forwarded.is_none() {
                count[2] += u32::from(costs > 0);
                continue;
            }
            prop_assert!(
                costs <= paid,
                "{method} {target} is forwarded for {paid}; {origin:?} reads {reading:?}: {costs}"
            );
        }
        met.set(count);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let [free, paid, refused] = met.get();
    assert!(free > enough && paid > enough && refused > enough, "nothing was compared: {:?}", met.get());
}

/// What a path of the origin's is below its base path.
fn below<'p>(path: &'p str, base_path: &str) -> Option<&'p str> {
    if base_path.is_empty() {
        return Some(path);
    }
    let head = path.get(..base_path.len()).filter(|head| head.eq_ignore_ascii_case(base_path))?;
    let rest = path.strip_prefix(head)?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#', '\0', ';', '\\', '.', ' ', '%'])).then_some(rest)
}

#[test]
fn every_reading_of_what_is_forwarded_is_paid_for() {
    compare("", 6_000);
}

#[test]
fn below_a_base_path_too_and_nothing_leads_out_of_it() {
    compare("/base", 3_000);
}

#[test]
fn canonical_and_folded_readings_stay_what_they_are() {
    let outcome = TestRunner::new(config(8_000)).run(&targets(), |target| {
        let Ok(once) = canonical(&target) else { return Ok(()) };
        prop_assert_eq!(canonical(&once), Ok(once.clone()), "{}", target);
        let folded = fold(&once);
        // One final slash is nobody's; of two, one is a segment.
        if !folded.ends_with('/') {
            prop_assert_eq!(fold(&folded), folded.as_str(), "{}", target);
        }
        let read = Target::parse(&target).unwrap();
        let again = Target::parse(&format!("{}{}", read.canonical, read.query)).unwrap();
        prop_assert_eq!((&again.canonical, &again.folded), (&read.canonical, &read.folded), "{}", target);
        // Another spelling of the same path is the same path.
        let other = Target::parse(&read.canonical.to_ascii_uppercase().replace("%2F", "%2f")).unwrap();
        prop_assert_eq!(other.folded, read.folded, "{}", target);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
