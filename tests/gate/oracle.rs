//! The matcher against the rule of the design, taken literally: try every route, keep those whose path and method
//! fit, take the most specific.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use stripe402_core::config::{Price, Route, RouteMethod, Segment};
use stripe402_edge::gate::{Found, RouteTable, Target};

use super::given::settings;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"];

/// A route table as an operator writes it: keys and prices. No two of one shape and method.
fn tables() -> impl Strategy<Value = BTreeMap<String, i64>> {
    let segment = prop::sample::select(&["a", "b", "A", "%62", ":x"][..]);
    let path = (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, rest)| {
        // The same name twice is an error of the operator's: each gets its own.
        let names = [":x0", ":x1", ":x2", ":x3"];
        let own =
            segments.iter().zip(names).map(|(segment, name)| if *segment == ":x" { name } else { segment });
        let path: Vec<&str> = own.chain(rest.then_some("*")).collect();
        format!("/{}", path.join("/"))
    });
    let method = prop::sample::select(&["GET", "POST", "PUT", "*"][..]);
    let amount = prop_oneof![1 => Just(0_i64), 3 => 1_i64..1_000];
    prop::collection::vec((method, path, amount), 1..10).prop_map(|routes| {
        let mut table = BTreeMap::new();
        let mut shapes = BTreeSet::new();
        for (method, path, amount) in routes {
            let shape = path.to_lowercase().replace("%62", "b").replace([':', '0', '1', '2', '3'], "");
            if shapes.insert((method, shape)) {
                table.insert(format!("{method} {path}"), amount);
            }
        }
        // At least one route has to be paid.
        table.insert("GET /somewhere/else/entirely/paid".to_owned(), 1);
        table
    })
}

/// Paths that have something to do with such tables.
fn paths() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(&["a", "b", "A", "%61", "%42", "c", "x", ":x", "*", "%2F", ""][..]);
    (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, slash)| {
        let path = format!("/{}", segments.join("/"));
        if slash { path + "/" } else { path }
    })
}

/// The segments that are compared: unreserved escapes decoded, letters folded, one trailing slash gone.
fn read(path: &str) -> Vec<String> {
    let folded = path.replace("%61", "a").replace("%42", "B").to_lowercase();
    let folded = folded.strip_suffix('/').unwrap_or(&folded);
    // `//` is the root with a trailing slash.
    let folded = folded.strip_suffix('/').filter(|rest| rest.is_empty()).unwrap_or(folded);
    folded.split('/').skip(1).map(ToOwned::to_owned).collect()
}

fn path_fits(pattern: &[Segment], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) | (Some((Segment::Rest, _)), _) => true,
        (Some((Segment::Literal(literal), pattern)), Some((segment, path))) => {
            literal == segment && path_fits(pattern, path)
        }
        (Some((Segment::Param(_), pattern)), Some((segment, path))) => {
            !segment.is_empty() && path_fits(pattern, path)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn method_fits(route: &RouteMethod, method: &str) -> bool {
    match route {
        RouteMethod::Any => method != "OPTIONS",
        RouteMethod::Exact(name) => name == method || (name == "GET" && method == "HEAD"),
    }
}

/// How specific a route is: segment by segment, literal over name over star, and an end over a star; then the method.
fn compare(one: &Route, other: &Route) -> Ordering {
    let ranks = |route: &Route| -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 3,
            Segment::Param(_) => 2,
            Segment::Rest => 0,
        };
        let mut ranks: Vec<u8> = route.pattern.segments().iter().map(rank).collect();
        if ranks.last() != Some(&0) {
            ranks.push(1);
        }
        ranks
    };
    let exact = |route: &Route| route.method != RouteMethod::Any;
    ranks(one).cmp(&ranks(other)).then(exact(one).cmp(&exact(other)))
}

/// What the rule says: the key of the route, or the methods to allow, or nothing.
fn oracle(routes: &[Route], method: &str, path: &[String]) -> (Option<String>, Option<BTreeSet<String>>) {
    let on_path: Vec<&Route> =
        routes.iter().filter(|route| path_fits(route.pattern.segments(), path)).collect();
    let best = on_path
        .iter()
        .filter(|route| method_fits(&route.method, method))
        .max_by(|one, other| compare(one, other))
        .map(|route| route.key.clone());
    let priced = on_path.iter().any(|route| matches!(route.price, Price::Paid { .. }));
    let mut allow = BTreeSet::new();
    for route in &on_path {
        if let RouteMethod::Exact(name) = &route.method {
            allow.insert(name.clone());
            if name == "GET" {
                allow.insert("HEAD".to_owned());
            }
        }
    }
    let others = (best.is_none() && priced).then_some(allow);
    (best, others)
}

#[test]
fn the_table_finds_what_the_rule_says() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let config = ProptestConfig { cases: config.cases.max(2_000), ..config };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let found = std::cell::Cell::new([0_u32; 3]);
    let asked = prop::collection::vec((prop::sample::select(&METHODS[..]), paths()), 1..20);
    let outcome = runner.run(&(tables(), asked), |(table, asked)| {
        let routes: serde_json::Map<String, serde_json::Value> =
            table.iter().map(|(key, amount)| (key.clone(), json!({ "amount": amount }))).collect();
        let routes = settings(json!({ "ROUTES": routes })).routes;
        let ours = RouteTable::new(routes.clone());
        for (method, path) in asked {
            let target = Target::parse(&path).unwrap();
            let mut count = found.get();
            let (route, others) = match ours.find(method, &target.folded) {
                Found::Route(route) => {
                    count[0] += 1;
                    (Some(route.key.clone()), None)
                }
                Found::OtherMethods { allow } => {
                    count[1] += 1;
                    (None, Some(allow.into_iter().map(ToOwned::to_owned).collect()))
                }
                Found::Nothing => {
                    count[2] += 1;
                    (None, None)
                }
            };
            found.set(count);
            prop_assert_eq!((route, others), oracle(&routes, method, &read(&path)), "{} {}", method, path);
            let on_path = |route: &&Route| path_fits(route.pattern.segments(), &read(&path));
            let priced = routes.iter().filter(on_path).any(|route| matches!(route.price, Price::Paid { .. }));
            prop_assert_eq!(ours.is_priced_path(&target.folded), priced, "{}", path);
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Each of the three answers must have been met often, else nothing was compared.
    assert!(found.get().iter().all(|count| *count > 1_000), "{:?}", found.get());
}
