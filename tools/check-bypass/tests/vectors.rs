//! `tests/vectors/bypass.json` is what the rules make today.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::path::Path;

use check_bypass::corpus::{Corpus, Priced, forms};

#[test]
fn the_committed_corpus_is_what_the_rules_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/bypass.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let committed = Corpus::read(&text).unwrap();
    let made = Corpus::made_of(committed.priced.clone(), committed.spread);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made.write().unwrap()).unwrap();
        return;
    }
    assert!(
        text == made.write().unwrap(),
        "the rules make another corpus: UPDATE=1 cargo test -p stripe402-check-bypass --test vectors"
    );
    assert_eq!(committed.priced.len(), 12);
    assert!(committed.forms.len() >= 300, "{} forms", committed.forms.len());
    let rules: BTreeSet<_> = committed.forms.iter().map(|form| form.rule.as_str()).collect();
    assert!(rules.len() >= 150, "{} rules", rules.len());
    for priced in &committed.priced {
        let of = committed.forms.iter().filter(|form| form.of == priced.name()).count();
        assert!(of >= 25, "{of} forms of {}", priced.name());
    }
}

#[test]
fn every_rule_applies_to_every_path_when_it_may() {
    let one = |path: &str| forms(&[Priced::parse(path).unwrap()], 1);
    let (short, long) = (one("GET /a"), one("GET /a/b/c"));
    assert!(short.len() > 100, "{}", short.len());
    assert!(long.len() > short.len(), "what stands between segments");
    // However many paths there are, `spread` bounds how often a rule is applied.
    let many: Vec<_> = (0..50).map(|nth| Priced::parse(&format!("GET /a/{nth}")).unwrap()).collect();
    assert!(forms(&many, 2).len() <= 2 * (long.len() + 10));
}
