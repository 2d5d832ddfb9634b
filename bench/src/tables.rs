//! The report as tables in Markdown: what is printed, and what `docs/performance.md` shows.

use std::fmt::Write;

use crate::cost::{self, PRICES, Price};
use crate::report::{Case, Figures, Machine, Report, Spread, Work};
use crate::work::SUMMED_UP;

/// Every part that was measured, with its title.
pub(crate) fn all(report: &Report) -> String {
    let mut text = String::new();
    for (name, title) in PARTS {
        if let Some(table) = part(report, name) {
            let _ = write!(text, "\n## {title}\n\n{table}");
        }
    }
    text
}

/// The parts, as `docs/performance.md` names them.
pub(crate) const PARTS: [(&str, &str); 9] = [
    ("machine", "Where"),
    ("cases", "Beside the yardsticks"),
    ("work", "Billable work for one request"),
    ("cost", "A million requests"),
    ("scale", "Ten thousand requests a second"),
    ("growth", "Growth"),
    ("start", "Size and start"),
    ("groups", "Ways of committing together"),
    ("speculative", "Asking the origin during the debit"),
];

/// A part as text; none, if it was not measured.
pub(crate) fn part(report: &Report, name: &str) -> Option<String> {
    let text = match name {
        "machine" => Some(machine(&report.machine, report.seconds, report.rounds)),
        "cases" => (!report.cases.is_empty()).then(|| cases(&report.cases)),
        "work" => (!report.work.is_empty()).then(|| work(&report.work)),
        "cost" => cost(report),
        "scale" => scale(report),
        "growth" => (!report.growth.is_empty()).then(|| growth(report)),
        "start" => start(report),
        "groups" => (!report.groups.is_empty()).then(|| groups(report)),
        "speculative" => speculative(report),
        _ => None,
    };
    text.filter(|text| !text.is_empty())
}

fn machine(machine: &Machine, seconds: u32, rounds: u32) -> String {
    let versions: Vec<_> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "{}, commit {}: {} ({} cores), {}; {}; {rounds} rounds of {seconds} s for each figure; load before: {}.\n",
        machine.date,
        machine.commit,
        machine.cpu,
        machine.cores,
        machine.kernel,
        versions.join(", "),
        machine.load
    )
}

/// What a case is, in words.
pub(crate) fn title(name: &str) -> &str {
    match name {
        "challenge" => "challenge (402)",
        "free" => "free, passed on",
        "hot" => "paid, one client",
        "turn" => "paid, 1,000 clients in turn",
        "topup" => "first top-up of a card",
        other => other,
    }
}

fn cases(cases: &[Case]) -> String {
    let head =
        ["case", "connections", "requests/s", "yardstick", "ratio", "target", "p50 ms", "p99 ms", "CPU µs"];
    let rows = cases.iter().map(|case| {
        let both = |ours: String, theirs: fn(&Figures) -> String| match &case.yardstick {
            Some((_, figures)) => format!("{ours} / {}", theirs(figures)),
            None => ours,
        };
        let yardstick =
            case.yardstick.as_ref().map(|(name, figures)| format!("{} ({name})", whole(figures.rate)));
        let met = |target: f64| {
            let reached = case.ratio.is_some_and(|ratio| ratio.median >= target);
            format!("{target} {}", if reached { "met" } else { "**missed**" })
        };
        vec![
            title(&case.name).to_owned(),
            case.connections.to_string(),
            whole(case.ours.rate),
            yardstick.unwrap_or_default(),
            case.ratio.map(ratio).unwrap_or_default(),
            case.target.map(met).unwrap_or_default(),
            both(milliseconds(case.ours.p50), |figures| milliseconds(figures.p50)),
            both(milliseconds(case.ours.p99), |figures| milliseconds(figures.p99)),
            both(whole(case.ours.cpu), |figures| whole(figures.cpu)),
        ]
    });
    table(&head, rows)
}

fn work(work: &[Work]) -> String {
    let head = [
        "request",
        "counted over",
        "Worker requests",
        "object requests",
        "rows written",
        "rows read",
        "alarms set",
        "alarms fired",
        "Stripe calls",
        "to the origin",
    ];
    let rows = work.iter().map(|work| {
        let each = |name| per_request(work.each(name));
        let other = |count: u64| per_request(count as f64 / work.requests as f64);
        vec![
            work.name.clone(),
            thousands(work.requests as f64),
            each("worker_requests"),
            each("object_requests"),
            each("rows_written"),
            each("rows_read"),
            each("alarms_set"),
            each("alarms"),
            other(work.stripe_calls),
            other(work.origin_requests),
        ]
    });
    table(&head, rows)
}

fn cost(report: &Report) -> Option<String> {
    let (work, cpu) = cost::paid(report)?;
    let row = |price: &Price| {
        let (each, dollars) = cost::of(price, work, cpu);
        let list = format!("[{} a million]({})", dollars_of(price.dollars), price.source);
        vec![price.of.to_owned(), per_request(each), list, format!("${dollars:.3}")]
    };
    let sum = format!("**${:.2}**", cost::of_all(work, cpu));
    let sum = vec!["**a million paid requests**".to_owned(), String::new(), String::new(), sum];
    let rows = PRICES.iter().map(row).chain([sum]);
    // A row that is deleted is a row written.
    let later = report.work.iter().find(|work| work.name == SUMMED_UP).into_iter().flat_map(|work| {
        let rows = PRICES.iter().filter(|price| price.of == "rows written").map(|price| {
            let (each, dollars) = cost::of(price, work, 0.0);
            let list = format!("[{} a million]({})", dollars_of(price.dollars), price.source);
            vec![SUMMED_UP.to_owned(), per_request(each), list, format!("${dollars:.3}")]
        });
        rows.collect::<Vec<_>>()
    });
    let kept = report.growth.iter().rev().find_map(|growth| growth.bytes).map(|bytes| {
        let dollars = bytes / 1e3 * cost::STORED;
        let each = format!("{bytes:.0} bytes");
        let list = format!("[{} a gigabyte and month]({})", dollars_of(cost::STORED), cost::OBJECTS);
        vec!["an entry, kept for a month".to_owned(), each, list, format!("${dollars:.3}")]
    });
    let rows = rows.chain(later).chain(kept);
    Some(table(&["what", "for one paid request", "list price", "for a million"], rows))
}

/// What 10,000 paid requests a second come to in 30 days, if they go on all the time.
fn scale(report: &Report) -> Option<String> {
    let (work, cpu) = cost::paid(report)?;
    let bytes = report.growth.iter().rev().find_map(|growth| growth.bytes)?;
    let millions = 10_000.0 * 86_400.0 * 30.0 / 1e6;
    let billed = millions * cost::of_all(work, cpu);
    let active = millions * cost::ACTIVE_MS;
    let gigabytes = millions * bytes / 1e3;
    let row = |what: &str, much: String| vec![what.to_owned(), much];
    let rows = [
        row("paid requests", format!("{} million", thousands(millions))),
        row("requests, rows and CPU, as above", format!("${}", thousands(billed))),
        row(
            "objects awake, 10 ms for each request (assumed)",
            format!("${}", thousands(active * cost::GB_PER_OBJECT * cost::DURATION / 1e3)),
        ),
        row(
            "entries kept",
            format!(
                "{} GB, ${} a month while they are",
                thousands(gigabytes),
                thousands(gigabytes * cost::STORED)
            ),
        ),
        row(
            "entries in an object's 10 GB, at most",
            format!("{} million", thousands(cost::GB_MOST * 1e3 / bytes)),
        ),
        row("takings at a cent a request", format!("${}", thousands(millions * 1e4))),
    ];
    Some(table(&["30 days", ""], rows))
}

fn growth(report: &Report) -> String {
    let head = [
        "entries before",
        "debits added",
        "requests/s",
        "p50 ms",
        "CPU µs",
        "CPU, against the smallest",
        "bytes per entry",
    ];
    let rows = report.growth.iter().map(|growth| {
        vec![
            thousands(growth.entries as f64),
            thousands(growth.debits as f64),
            whole(growth.figures.rate),
            milliseconds(growth.figures.p50),
            whole(growth.figures.cpu),
            ratio(growth.ratio),
            growth.bytes.map(|bytes| format!("{bytes:.0}")).unwrap_or_default(),
        ]
    });
    table(&head, rows)
}

fn start(report: &Report) -> Option<String> {
    let start = report.start.as_ref()?;
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("module (wasm)", format!("{} bytes", thousands(start.wasm as f64))),
        row("module, gzipped", format!("{} bytes", thousands(start.wasm_gzipped as f64))),
        row("JavaScript around it", format!("{} bytes", thousands(start.javascript as f64))),
        row("start of workerd to the first answer", format!("{:.0} ms", start.ours.median)),
        row("the same, a Worker of one line", format!("{:.0} ms", start.bare.median)),
    ];
    Some(table(&["", ""], rows))
}

fn groups(report: &Report) -> String {
    let rows = report.groups.iter().map(|group| {
        vec![
            group.name.clone(),
            group.connections.to_string(),
            format!(
                "{} ({} to {})",
                whole(group.figures.rate),
                thousands(group.figures.rate.least),
                thousands(group.figures.rate.most)
            ),
            milliseconds(group.figures.p50),
            whole(group.figures.cpu),
        ]
    });
    table(&["group, call", "connections", "requests/s", "p50 ms", "CPU µs"], rows)
}

fn speculative(report: &Report) -> Option<String> {
    let measured = report.speculative.as_ref()?;
    let row = |name: &str, figures: &Figures| {
        vec![name.to_owned(), milliseconds(figures.p50), milliseconds(figures.p99), whole(figures.rate)]
    };
    let rows = [row("off", &measured.off), row("on", &measured.on)];
    let head = ["`speculative`", "p50 ms", "p99 ms", "requests/s"];
    let saved = (measured.off.p50.median - measured.on.p50.median) / 1e3;
    Some(format!(
        "{}\nAn object {} ms away, an origin that takes {} ms, one request at a time: {saved:.1} ms less.\n",
        table(&head, rows),
        measured.object_ms,
        measured.origin_ms
    ))
}

/// A price, in cents where that is exact.
fn dollars_of(price: f64) -> String {
    if price < 0.01 { format!("${price}") } else { format!("${price:.2}") }
}

fn whole(spread: Spread) -> String {
    thousands(spread.median)
}

fn milliseconds(spread: Spread) -> String {
    format!("{:.2}", spread.median / 1e3)
}

fn ratio(ratio: Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most)
}

fn per_request(count: f64) -> String {
    let text = format!("{count:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number with commas between its thousands.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table in Markdown, its columns as wide as they have to be.
fn table<const N: usize>(head: &[&str; N], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let head = head.map(ToOwned::to_owned).to_vec();
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    std::iter::once(&head).chain([&rule]).chain(&rows).map(|row| line(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::{per_request, table, thousands};

    #[test]
    fn numbers_are_read_easily() {
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(per_request(1.0), "1");
        assert_eq!(per_request(0.5), "0.5");
        assert_eq!(per_request(20.0), "20");
    }

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let text = table(&["a", "bc"], [vec!["1".into(), "µs and more".into()]]);
        assert_eq!(text, "| a   | bc          |\n| --- | ----------- |\n| 1   | µs and more |\n");
    }
}
