//! The corpus against a deployment: what got through, and how that is known.
//!
//! A form **got through** if all of this holds:
//! - its answer is 2xx or 304 (or 101, an upgrade): content, not a refusal, a redirect or an error;
//! - it carries no `payment-required`, and is no answer of the paywall's own (a preflight with 204);
//! - the same form of a sibling that does not exist is answered otherwise: with another status, or another body once
//!   the target that was asked for is taken out of both. So a catch-all page, which answers 200 to anything, does not
//!   count, whatever the path.
//!
//! What this cannot see: content that was served to a request whose answer looks like that of a missing page, or whose
//! answer has no body to compare (`HEAD`, 204); such answers are listed as unclear. Only the origin's own log is proof.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::corpus::{Form, Priced, forms};
use crate::routes::from_wrangler;
use crate::wire::{Answer, Endpoint};

/// How the paywall says what something costs.
const PAYMENT_REQUIRED: &str = "payment-required";

/// What is tried, and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub endpoint: Endpoint,
    /// What has a price there.
    pub priced: Vec<Priced>,
    /// To how many of them each rule is applied.
    pub spread: usize,
    /// At most so many requests in all.
    pub most: usize,
    /// At most so many requests a second.
    pub per_second: u32,
    /// How long one may take.
    pub patience: Duration,
}

impl Plan {
    /// A plan of what an operator wrote: where, the paths (`"METHOD /path"`, separated by commas), and the file and
    /// environment of wrangler's that name them where they are not given.
    pub fn of(
        url: &str,
        paths: Option<&str>,
        (config, env): (&Path, Option<&str>),
        most: u32,
        per_second: u32,
    ) -> Result<Self, String> {
        let endpoint = Endpoint::parse(url)?;
        let priced = match paths.filter(|paths| !paths.trim().is_empty()) {
            Some(paths) => paths.split(',').map(Priced::parse).collect::<Result<Vec<_>, _>>()?,
            None => from_wrangler(config, env)?,
        };
        if priced.is_empty() {
            return Err("There is no priced path: name them with PATHS.".to_owned());
        }
        let spread = priced.len();
        let most = usize::try_from(most).map_err(|error| error.to_string())?;
        Ok(Self { endpoint, priced, spread, most, per_second, patience: Duration::from_secs(15) })
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many forms were tried.
    pub forms: usize,
    /// How many were not, since `most` was reached.
    pub left_out: usize,
    /// How many requests were made.
    pub requests: usize,
    /// How many had no answer.
    pub unanswered: usize,
    /// Why the last of these had none.
    pub failure: Option<String>,
    /// Priced requests that are not priced at all: their plain form was answered otherwise than 402.
    pub open: Vec<(Priced, String)>,
    /// What got through.
    pub through: Vec<(Form, u16)>,
    /// What may have.
    pub unclear: Vec<(Form, u16)>,
}

impl Report {
    /// Why nothing is proved by it; none if it proves something.
    pub fn inconclusive(&self) -> Option<&'static str> {
        (self.unanswered > self.forms / 2)
            .then_some("More than half of the requests had no answer: nothing is proved.")
    }

    /// Whether the gate held.
    pub fn is_closed(&self) -> bool {
        self.open.is_empty() && self.through.is_empty()
    }
}

/// How one answer is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Unclear,
    Content,
}

/// Sends everything. `tell` is called for each form that got through, as soon as it is known.
pub fn run(plan: &Plan, mut tell: impl FnMut(&Form, u16)) -> Report {
    let controls = plan.priced.iter().map(|priced| (priced.name(), Controls::new(priced))).collect();
    let mut requests = Requests { plan, controls, made: 0, failure: None, next: Instant::now() };
    let mut report = Report::default();
    for priced in &plan.priced {
        let honest = Form {
            rule: "plain".to_owned(),
            of: priced.name(),
            method: priced.method.clone(),
            target: target_of(priced),
            headers: Vec::new(),
        };
        match requests.send(&honest) {
            Some(answer) if answer.status == 402 && answer.header(PAYMENT_REQUIRED).is_some() => {}
            Some(answer) => report.open.push((priced.clone(), format!("answered {}", answer.status))),
            None => report.open.push((priced.clone(), "not answered".to_owned())),
        }
    }
    let all = forms(&plan.priced, plan.spread);
    for (nth, form) in all.iter().enumerate() {
        // The form, and once more its sibling's.
        if requests.made + 2 > plan.most {
            report.left_out = all.len() - nth;
            break;
        }
        report.forms += 1;
        let Some(answer) = requests.send(form) else {
            report.unanswered += 1;
            continue;
        };
        match verdict(&answer) {
            Verdict::Refused => {}
            Verdict::Unclear => report.unclear.push((form.clone(), answer.status)),
            Verdict::Content => {
                if requests.is_a_page_for_everything(form, &answer) {
                    continue;
                }
                tell(form, answer.status);
                report.through.push((form.clone(), answer.status));
            }
        }
    }
    report.requests = requests.made;
    report.failure = requests.failure;
    report
}

fn target_of(priced: &Priced) -> String {
    let path = if priced.path.is_empty() { "/" } else { &priced.path };
    format!("{path}{}", priced.query)
}

fn verdict(answer: &Answer) -> Verdict {
    if answer.header(PAYMENT_REQUIRED).is_some() {
        return Verdict::Refused;
    }
    match answer.status {
        200..300 if answer.body.is_empty() => Verdict::Unclear,
        101 | 200..300 | 304 => Verdict::Content,
        _ => Verdict::Refused,
    }
}

struct Requests<'p> {
    plan: &'p Plan,
    controls: BTreeMap<String, Controls>,
    made: usize,
    failure: Option<String>,
    next: Instant,
}

impl Requests<'_> {
    fn send(&mut self, form: &Form) -> Option<Answer> {
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = Instant::now() + Duration::from_secs(1) / self.plan.per_second.max(1);
        self.made += 1;
        let bytes = form.bytes(&self.plan.endpoint.authority(), &[("user-agent", "stripe402-check-bypass")]);
        let answer = self.plan.endpoint.exchange(&bytes, self.plan.patience);
        if let Err(error) = &answer {
            self.failure = Some(error.to_string());
        }
        answer.ok()
    }

    /// Whether a sibling that does not exist is answered the same when it is asked for in the same way.
    fn is_a_page_for_everything(&mut self, form: &Form, answer: &Answer) -> bool {
        let Some(control) = self.controls.get(&form.of).and_then(|controls| controls.of(form)) else {
            return false;
        };
        let control = control.clone();
        let Some(other) = self.send(&control) else { return false };
        other.status == answer.status && without_target(&other, &control) == without_target(answer, form)
    }
}

/// The forms of a priced request, and those of a sibling that does not exist.
struct Controls {
    ours: Vec<Form>,
    theirs: Vec<Form>,
}

impl Controls {
    fn new(priced: &Priced) -> Self {
        let sibling = priced.sibling("stripe402-no-such-resource");
        Self { ours: forms(std::slice::from_ref(priced), 1), theirs: forms(&[sibling], 1) }
    }

    /// What the same rule makes of the sibling; the same of its forms, where it makes more than one.
    fn of(&self, form: &Form) -> Option<&Form> {
        let by_rule = |one: &&Form| one.rule == form.rule;
        let same = |one: &Form| one.target == form.target && one.headers == form.headers;
        let at = self.ours.iter().filter(by_rule).position(same).unwrap_or(0);
        self.theirs.iter().filter(by_rule).nth(at)
    }
}

/// A body without the target that it may repeat.
fn without_target(answer: &Answer, form: &Form) -> String {
    let path = form.target.split('?').next().unwrap_or_default();
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    // A character for a byte, as in the forms.
    let mut text: String = answer.body.iter().copied().map(char::from).collect();
    for piece in [form.target.as_str(), path, last] {
        if piece.len() > 3 {
            text = text.replace(piece, "…");
        }
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (priced, why) in &self.open {
            writeln!(f, "NOT PRICED  {}: {why}, expected 402 with {PAYMENT_REQUIRED}", priced.name())?;
        }
        for (form, status) in &self.through {
            writeln!(f, "GOT THROUGH {}", line(form, *status))?;
        }
        for (form, status) in &self.unclear {
            writeln!(f, "unclear     {}", line(form, *status))?;
        }
        if self.left_out > 0 {
            writeln!(f, "{} forms were left out: raise --most, or name fewer paths", self.left_out)?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "Without an answer, the last time: {failure}")?;
        }
        write!(
            f,
            "forms {}, bypasses {} (requests {}, unclear {}, unanswered {})",
            self.forms,
            self.through.len() + self.open.len(),
            self.requests,
            self.unclear.len(),
            self.unanswered
        )
    }
}

/// A form in one line, escaped as far as it is not printable.
pub fn line(form: &Form, status: u16) -> String {
    let shown: String = form.target.chars().take(160).flat_map(char::escape_default).collect();
    let headers: Vec<String> =
        form.headers.iter().map(|(name, value)| format!(" {name}: {value:?}")).collect();
    format!("{} → {status}: {} {shown}{} (as {})", form.rule, form.method, headers.concat(), form.of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// A server that answers each target as it is told.
    fn server(answers: impl Fn(&str, &str) -> (u16, &'static str, String) + Send + 'static) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                for line in lines {
                    if line.is_empty() {
                        break;
                    }
                }
                let mut words = first.split(' ');
                let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let (status, header, body) = answers(method, target);
                let length = body.len();
                let _ =
                    write!(stream, "HTTP/1.1 {status} X\r\n{header}content-length: {length}\r\n\r\n{body}");
            }
        });
        Endpoint { secure: false, host: "127.0.0.1".into(), port }
    }

    fn report(
        most: usize,
        answers: impl Fn(&str, &str) -> (u16, &'static str, String) + Send + 'static,
    ) -> Report {
        let plan = Plan {
            endpoint: server(answers),
            priced: vec![Priced::parse("GET /api/joke").unwrap()],
            spread: 1,
            most,
            per_second: 100_000,
            patience: Duration::from_secs(5),
        };
        run(&plan, |_, _| {})
    }

    fn required() -> (u16, &'static str, String) {
        (402, "payment-required: e30=\r\n", "pay".to_owned())
    }

    #[test]
    fn a_gate_that_reads_paths_as_they_are_lets_a_careless_origin_serve() {
        let found = report(2_000, |_, target| match target {
            "/api/joke" => required(),
            _ if target.to_ascii_lowercase().contains("joke") => (200, "", format!("a joke for {target}")),
            _ => (404, "", "none".to_owned()),
        });
        assert!(!found.is_closed() && found.open.is_empty());
        assert!(found.through.len() > 100, "{}", found.through.len());
        assert!(found.through.iter().any(|(form, _)| form.target == "/api%2fjoke"));
        assert!(found.to_string().contains("GOT THROUGH"));
    }

    #[test]
    fn a_page_that_answers_everything_is_no_bypass() {
        let found = report(2_000, |_, target| match target {
            "/api/joke" => required(),
            _ => (200, "", format!("<html>welcome to {target}</html>")),
        });
        assert_eq!(found.through, [], "{found}");
    }

    #[test]
    fn a_gate_that_is_closed_is_closed_and_one_that_is_not_there_is_told() {
        let closed = report(2_000, |_, _| required());
        assert!(closed.is_closed(), "{closed}");
        assert_eq!((closed.unanswered, closed.left_out), (0, 0));
        let open = report(2_000, |_, _| (200, "", "a joke".to_owned()));
        assert_eq!(open.open.len(), 1);
        assert!(!open.is_closed() && open.to_string().starts_with("NOT PRICED"), "{open}");
        let wrong = report(2_000, |_, _| (402, "", "another paywall's".to_owned()));
        assert!(!wrong.is_closed());
    }

    #[test]
    fn it_makes_no_more_requests_than_it_may() {
        let found = report(20, |_, _| required());
        assert!(found.requests <= 20 && found.left_out > 100, "{found}");
    }
}
