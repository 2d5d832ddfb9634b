//! What writes a handover of an account (`ledger/reports`) into the reports' database: the statements of `worker/reports.js`,
//! for tests on the host. The tables: `migrations/`.

/// The statements, to be run as one transaction, each with the handover's JSON bound to `?1`.
pub fn statements() -> impl Iterator<Item = &'static str> {
    let between = include_str!("worker/reports.js").split('`').nth(1).unwrap_or_default();
    between.split(';').filter(|sql| !sql.trim().is_empty())
}
