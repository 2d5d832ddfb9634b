//! `docs/performance.md`: its figures stand between marks, and are put there from the report, never by hand.

use std::path::Path;

use crate::Outcome;
use crate::report::Report;
use crate::tables::{PARTS, part};

/// Puts the figures of a report into the page. What was not measured stays as it is.
pub(crate) fn fill(report: &Report, page: &Path) -> Outcome<()> {
    let mut text = std::fs::read_to_string(page)?;
    for (name, _) in PARTS {
        match part(report, name) {
            Some(figures) => text = filled(&text, name, &figures)?,
            None => crate::tell(&format!("{name} was not measured: its figures stay")),
        }
    }
    Ok(std::fs::write(page, text)?)
}

/// The text with figures between the marks of a name.
fn filled(text: &str, name: &str, figures: &str) -> Outcome<String> {
    let (begin, end) = (format!("<!-- bench: {name} -->\n"), "<!-- /bench -->");
    let missing = || format!("the page has no place for {name}: {} … {end}", begin.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{figures}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{PARTS, filled};

    #[test]
    fn figures_replace_what_stood_between_their_marks() {
        let page = "a\n<!-- bench: x -->\nold\n<!-- /bench -->\nb\n<!-- bench: y -->\n<!-- /bench -->\n";
        let once = filled(page, "x", "| new |\n").unwrap_or_default();
        assert_eq!(
            once,
            "a\n<!-- bench: x -->\n\n| new |\n\n<!-- /bench -->\nb\n<!-- bench: y -->\n<!-- /bench -->\n"
        );
        assert_eq!(filled(&once, "x", "| new |\n").unwrap_or_default(), once);
        assert!(filled(page, "z", "").is_err());
    }

    #[test]
    fn the_page_has_a_place_for_every_part() {
        let page = include_str!("../../docs/performance.md");
        for (name, _) in PARTS {
            assert!(filled(page, name, "").is_ok(), "{name}");
        }
    }
}
