//! Targets and origins, by the thousand.

use proptest::prelude::*;

use super::careless::{ALL, Habit};

/// How many are tried: at least this many, and more if `PROPTEST_CASES` says so.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: cases.max(config.cases), ..config }
}

/// An origin: what it does, in its order.
pub(crate) fn origins() -> impl Strategy<Value = Vec<Habit>> {
    // Decoding opens the way for the rest, so it comes often.
    let habit = prop_oneof![1 => Just(Habit::Decode), 4 => prop::sample::select(&ALL[..])];
    prop::collection::vec(habit, 0..9)
}

/// What targets are made of.
const PIECES: [&str; 66] = [
    "/",
    "/",
    "/",
    "%2f",
    "%2F",
    "%252f",
    "\\",
    "%5c",
    "%255C",
    "//",
    ".",
    "..",
    "/./",
    "/../",
    "%2e",
    "%2E%2e",
    "%252e",
    ";",
    ";a=b",
    "%3b",
    " ",
    "%20",
    "%2520",
    "%00",
    "%09",
    "%0d%0a",
    "%3f",
    "%23",
    "#",
    "%25",
    "%",
    "%zz",
    "%c0%af",
    "%c0%ae",
    "%e0%80%af",
    "%ef%bc%8f",
    "%ef%bc%8e",
    "\u{ff0f}",
    "%e2%84%aa",
    "%ef%bd%8a",
    "+",
    "api",
    "API",
    "joke",
    "Joke",
    "%6aoke",
    "%256aoke",
    "gold",
    "files",
    "FILES",
    "logo",
    "v1",
    "free",
    "x",
    "café",
    "caf%c3%a9",
    "CAF%C3%89",
    "a b",
    "a%20b",
    "host.example",
    "é",
    "\u{1}",
    "@scope",
    "%40",
    "pkg",
    "%2C",
];

/// Paths with a price or close to one.
const PATHS: [&str; 16] = [
    "/api/joke",
    "/api/gold",
    "/v1/7/x",
    "/v1/free/x",
    "/files",
    "/files/a/b",
    "/files/gold",
    "/files/logo",
    "/café/a%20b",
    "/free",
    "/base/api/joke",
    "/",
    "/files/upload",
    "/@scope/pkg",
    "/a,b",
    "/a%2cb",
];

/// Targets: a path with pieces thrown into it, or nothing but pieces.
pub(crate) fn targets() -> impl Strategy<Value = String> {
    let pieces = || prop::sample::select(&PIECES[..]);
    let throws = prop::collection::vec((any::<prop::sample::Index>(), pieces(), any::<bool>()), 0..4);
    let changed = (prop::sample::select(&PATHS[..]), throws).prop_map(|(path, throws)| {
        let mut letters: Vec<String> = path.chars().map(String::from).collect();
        for (at, piece, instead) in throws {
            let at = at.index(letters.len() + 1);
            if instead && at < letters.len() {
                piece.clone_into(&mut letters[at]);
            } else {
                letters.insert(at, piece.to_owned());
            }
        }
        letters.concat()
    });
    // One thing in place of slashes, everywhere.
    let joined = (prop::sample::select(&PATHS[..]), pieces(), pieces())
        .prop_map(|(path, between, behind)| format!("/{}{behind}", path[1..].replace('/', between)));
    let above =
        (pieces(), prop::sample::select(&PATHS[..])).prop_map(|(piece, path)| format!("/{piece}{path}"));
    let free = prop::collection::vec(pieces(), 1..9).prop_map(|pieces| format!("/{}", pieces.concat()));
    prop_oneof![5 => changed, 2 => joined, 2 => above, 2 => free]
}
