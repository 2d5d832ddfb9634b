//! The reports: one prepared statement in D1 each, whose rows go from there into the answer without a stop in Rust.

use js_sys::Promise;
use stripe402_core::config::Binding;
use wasm_bindgen::prelude::*;

use super::platform::now;
use super::setup::Setup;
use crate::gate::answer::Answer;
use crate::gate::reporting::{ASKED, Wanted, wanted};

// In JavaScript: each of these calls made from here would cost the Worker more than the whole of it.
#[wasm_bindgen(inline_js = "
const iso = (at) => new Date(at).toISOString();
const times = ['at', 'createdAt', 'updatedAt'];
export async function query({ REPORTS }, asked, sql, from, until, currency, step) {
  try {
    const { results } = await REPORTS.prepare(asked + sql).bind(from, until, currency, step).all();
    for (const row of results) for (const name of times) if (row[name]) row[name] = iso(row[name]);
    return JSON.stringify({ from: iso(from), until: iso(until), currency, rows: results });
  } catch (error) {
    console.error(`stripe402: REPORTS could not be read: ${error}`);
    return undefined;
  }
}
export async function begins({ REPORTS }, id) {
  try {
    const sql = 'SELECT account FROM account WHERE account >= ?1 AND account < ?2 LIMIT 2';
    const { results } = await REPORTS.prepare(sql).bind(id, id + 'g').all();
    return results.map(({ account }) => account).join(' ');
  } catch (error) {
    console.error(`stripe402: REPORTS could not be read: ${error}`);
    return undefined;
  }
}")]
extern "C" {
    fn query(
        env: &JsValue,
        asked: &str,
        sql: &str,
        from: f64,
        until: f64,
        currency: &str,
        step: f64,
    ) -> Promise;

    fn begins(env: &JsValue, id: &str) -> Promise;
}

/// The report that this query makes, of the time and in the currency that were asked for: its text, or nothing where it
/// could not be made, which is in the log.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "milliseconds, far below 2^53")]
pub(super) fn report(
    env: &JsValue,
    setup: &Setup,
    sql: &'static str,
    asked: &str,
) -> Result<Promise, Answer> {
    if !setup.settings.bindings.contains(&Binding::Reports) {
        return Err(Answer::unbound("REPORTS"));
    }
    let Wanted { from, until, currency, step, .. } = wanted(sql, asked, setup.settings.currency, now())?;
    Ok(query(env, ASKED, sql, from.0 as f64, until.0 as f64, currency.code(), step as f64))
}

/// The accounts in the reports whose ids begin so, two at most, with a space between them; nothing where they could not be
/// read.
pub(super) fn register(env: &JsValue, setup: &Setup, id: &str) -> Result<Promise, Answer> {
    if setup.settings.bindings.contains(&Binding::Reports) {
        Ok(begins(env, id))
    } else {
        Err(Answer::unbound("REPORTS"))
    }
}
