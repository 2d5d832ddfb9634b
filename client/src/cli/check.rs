//! `check`: the bypass corpus against a deployment, as `make check-bypass` does it.

use super::args::Check;
use super::exit::{Exit, Failed};
use super::say::Say;
use check_bypass::check::{Plan, line, run as send};
use serde_json::json;

/// Sends the corpus.
pub(crate) fn run(check: &Check, say: Say) -> Result<Exit, Failed> {
    let from = (check.wrangler.as_path(), check.env.as_deref());
    let plan =
        Plan::of(&check.url, check.paths.as_deref(), from, check.most, check.rate).map_err(Failed::usage)?;
    let report = send(&plan, |form, status| say.note(&format!("GOT THROUGH {}", line(form, status))));
    let object = || {
        let of = |forms: &[(check_bypass::corpus::Form, u16)]| {
            forms.iter().map(|(form, status)| line(form, *status)).collect::<Vec<_>>()
        };
        let open: Vec<_> =
            report.open.iter().map(|(priced, why)| json!({"path": priced.name(), "why": why})).collect();
        json!({"requests": report.requests, "forms": report.forms, "leftOut": report.left_out,
            "unanswered": report.unanswered, "gotThrough": of(&report.through), "unclear": of(&report.unclear),
            "notPriced": open, "closed": report.is_closed()})
    };
    say.result(|| report.to_string().trim_end().to_owned(), object);
    match report.inconclusive() {
        Some(why) => Err(Failed::new(Exit::Unreachable, why)),
        None if report.is_closed() => Ok(Exit::Ok),
        None => Ok(Exit::Found),
    }
}
