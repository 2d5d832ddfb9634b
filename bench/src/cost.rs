//! What a million requests cost at Cloudflare's list prices, beyond what the plan includes.

use crate::report::{Case, Report, Work};
use crate::wish::Part;
use crate::work::PAID;

/// Where CPU time is taken from: a client's paid requests at so many connections.
const USUAL_CONNECTIONS: u32 = 16;

/// A price: what is counted, its name in the report, dollars for a million, and the page that says so.
pub(crate) struct Price {
    /// What it is for.
    pub(crate) of: &'static str,
    /// The count that it is multiplied with; none for CPU time, which is measured.
    count: Option<&'static str>,
    /// Dollars for a million.
    pub(crate) dollars: f64,
    /// Where it stands.
    pub(crate) source: &'static str,
}

const WORKERS: &str = "https://developers.cloudflare.com/workers/platform/pricing/";
/// The page with the prices of objects.
pub(crate) const OBJECTS: &str = "https://developers.cloudflare.com/durable-objects/platform/pricing/";

/// The list prices of the paid plan, read on 2026-11-20.
pub(crate) const PRICES: [Price; 5] = [
    Price { of: "Worker requests", count: Some("worker_requests"), dollars: 0.30, source: WORKERS },
    Price { of: "milliseconds of CPU", count: None, dollars: 0.02, source: WORKERS },
    Price { of: "object requests", count: Some("object_requests"), dollars: 0.15, source: OBJECTS },
    Price { of: "rows written", count: Some("rows_written"), dollars: 1.00, source: OBJECTS },
    Price { of: "rows read", count: Some("rows_read"), dollars: 0.001, source: OBJECTS },
];

/// Dollars for a million gigabyte-seconds of an object that is awake, for whom 128 MB are counted, and for a gigabyte
/// that is kept for a month; on the same page.
pub(crate) const DURATION: f64 = 12.50;
pub(crate) const GB_PER_OBJECT: f64 = 0.128;
pub(crate) const STORED: f64 = 0.20;
/// The most gigabytes that an object can hold.
pub(crate) const GB_MOST: f64 = 10.0;
/// How long an object is taken to be awake for a request, in milliseconds: a commit on several machines, and the call
/// before and after it. Not measured: only Cloudflare can tell.
pub(crate) const ACTIVE_MS: f64 = 10.0;

/// The paid request whose work was counted, and its CPU time, in microseconds. None, if either was not measured.
pub(crate) fn paid(report: &Report) -> Option<(&Work, f64)> {
    let work = report.work.iter().find(|work| work.name == PAID)?;
    let usual = |case: &&Case| case.name == Part::Hot.name() && case.connections == USUAL_CONNECTIONS;
    report.cases.iter().find(usual).map(|case| (work, case.ours.cpu.median))
}

/// What a million requests cost in dollars, requests, rows and CPU time together.
pub(crate) fn of_all(work: &Work, cpu: f64) -> f64 {
    PRICES.iter().map(|price| of(price, work, cpu).1).sum()
}

/// How much of it one request needs, and what a million requests cost in dollars. `cpu` is the CPU time for a request,
/// in microseconds.
pub(crate) fn of(price: &Price, work: &Work, cpu: f64) -> (f64, f64) {
    let each = match price.count {
        // An alarm that is set is a row written, and one that fires a request.
        Some("rows_written") => work.each("rows_written") + work.each("alarms_set"),
        Some("object_requests") => work.each("object_requests") + work.each("alarms"),
        Some(name) => work.each(name),
        None => cpu / 1e3,
    };
    (each, each * price.dollars)
}

#[cfg(test)]
mod tests {
    use super::of_all;
    use crate::report::Work;

    #[test]
    fn a_million_requests_of_one_row_each() {
        let counts =
            [("worker_requests", 10), ("object_requests", 10), ("rows_written", 10), ("rows_read", 20)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let work = Work { name: "paid".into(), requests: 10, counts, stripe_calls: 0, origin_requests: 10 };
        let dollars = of_all(&work, 500.0);
        assert!((dollars - (0.30 + 0.15 + 1.0 + 0.002 + 0.01)).abs() < 1e-9, "{dollars}");
    }
}
