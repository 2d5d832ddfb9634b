//! What a million requests cost at Cloudflare's list prices, beyond what the plan includes.

use crate::report::Work;

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
const OBJECTS: &str = "https://developers.cloudflare.com/durable-objects/platform/pricing/";

/// The list prices of the paid plan, read on 2026-11-20.
pub(crate) const PRICES: [Price; 5] = [
    Price { of: "Worker requests", count: Some("worker_requests"), dollars: 0.30, source: WORKERS },
    Price { of: "milliseconds of CPU", count: None, dollars: 0.02, source: WORKERS },
    Price { of: "object requests", count: Some("object_requests"), dollars: 0.15, source: OBJECTS },
    Price { of: "rows written", count: Some("rows_written"), dollars: 1.00, source: OBJECTS },
    Price { of: "rows read", count: Some("rows_read"), dollars: 0.001, source: OBJECTS },
];

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
    use super::{PRICES, of};
    use crate::report::Work;

    #[test]
    fn a_million_requests_of_one_row_each() {
        let counts =
            [("worker_requests", 10), ("object_requests", 10), ("rows_written", 10), ("rows_read", 20)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let work = Work { name: "paid".into(), requests: 10, counts, stripe_calls: 0, origin_requests: 10 };
        let dollars: f64 = PRICES.iter().map(|price| of(price, &work, 500.0).1).sum();
        assert!((dollars - (0.30 + 0.15 + 1.0 + 0.002 + 0.01)).abs() < 1e-9, "{dollars}");
    }
}
