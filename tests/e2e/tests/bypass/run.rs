//! One run of forms against one paywall.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check_bypass::corpus::Form;
use check_bypass::wire::{Answer, Endpoint};
use stripe402_e2e::{Arrived, Paywall, wait_for};

/// What in the demo origin is free in front of every gate here.
const FREE: [&str; 2] = ["health", "ws"];
/// Which form a request was, in the origin's log.
const FORM: &str = "x-form";

/// What came of it.
pub(crate) struct Run {
    /// The answer to every form; none where there was none.
    pub(crate) answers: Vec<Option<Answer>>,
    /// What the origin served of the content that has a price, by the number of the form.
    pub(crate) served: BTreeMap<usize, Arrived>,
}

impl Run {
    /// Sends all of them, one after the other, and reads what the origin says of it.
    pub(crate) fn of(forms: &[Form], paywall: &Paywall) -> Self {
        let address = paywall.address();
        let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
        let send = |(nth, form): (usize, &Form)| {
            let bytes = form.bytes(&endpoint.authority(), &[(FORM, &nth.to_string())]);
            endpoint.exchange(&bytes, Duration::from_secs(20)).ok()
        };
        let answers: Vec<_> = forms.iter().enumerate().map(send).collect();
        let arrived = wait_for(
            Duration::from_secs(10),
            || "the origin to be done with all that reached it".to_owned(),
            || Some(paywall.origin().arrived()).filter(|all| all.iter().all(|one| one.status.is_some())),
        );
        let priced = |one: &Arrived| one.content.as_deref().is_some_and(|name| !FREE.contains(&name));
        let named = |one: Arrived| {
            let nth = one.header(FORM).expect("only forms were sent").parse().expect("a number");
            (nth, one)
        };
        Self { answers, served: arrived.into_iter().filter(priced).map(named).collect() }
    }

    /// The statuses, and how often each was met.
    pub(crate) fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        for answer in self.answers.iter().flatten() {
            *statuses.entry(answer.status).or_default() += 1;
        }
        statuses
    }

    /// What was served, in words.
    pub(crate) fn told(&self, forms: &[Form]) -> String {
        let line = |(nth, one): (&usize, &Arrived)| {
            let form = &forms[*nth];
            let content = one.content.as_deref().unwrap_or_default();
            let (rule, method) = (&form.rule, &form.method);
            format!(
                "  {rule}: {method} {:.200} {:?} reached the origin as {} {:.200}: {content}\n",
                form.target, form.headers, one.method, one.target
            )
        };
        self.served.iter().map(line).collect()
    }

    /// Which rules found something.
    pub(crate) fn rules<'f>(&self, forms: &'f [Form]) -> BTreeSet<&'f str> {
        self.served.keys().map(|nth| forms[*nth].rule.as_str()).collect()
    }
}
