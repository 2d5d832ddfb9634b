//! What is told of each decision: a line in the log, and a data point where a data set is bound.

use js_sys::{Array, Object, Reflect};
use stripe402_core::config::Binding;
use wasm_bindgen::prelude::*;

use super::platform::{DataSet, console_error, console_log, describe, now};
use super::setup::Setup;
use crate::gate::record::Line;
use crate::ledger::Millis;

/// Writes a decision into the log, and counts it where a data set is bound.
pub(super) fn log(env: &JsValue, setup: &Setup, line: Line<'_>, began: Millis) {
    let line = Line { milliseconds: now().since(began), ..line };
    if setup.settings.log_unpaid || line.matters() {
        console_log(&line.to_json());
    }
    if setup.settings.bindings.contains(&Binding::Metrics)
        && let Err(error) = measure(env, &line)
    {
        console_error(&format!("stripe402: METRICS could not be written: {}", describe(&error)));
    }
}

/// A data point: index and first blob the decision, then route, method, currency; doubles units, status, milliseconds.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "units and milliseconds are far below 2^53"
)]
fn measure(env: &JsValue, line: &Line<'_>) -> Result<(), JsValue> {
    let text = |text: Option<&str>| JsValue::from_str(text.unwrap_or_default());
    let blobs = Array::of4(
        &text(Some(line.decision)),
        &text(line.route),
        &text(Some(line.method)),
        &text(line.currency),
    );
    let units = line.units.unwrap_or(0) as f64;
    let doubles = Array::of3(&units.into(), &line.status.into(), &(line.milliseconds as f64).into());
    let point = Object::new();
    Reflect::set(&point, &"indexes".into(), &Array::of1(&text(Some(line.decision))))?;
    Reflect::set(&point, &"blobs".into(), &blobs)?;
    Reflect::set(&point, &"doubles".into(), &doubles)?;
    let metrics: DataSet = Reflect::get(env, &"METRICS".into())?.unchecked_into();
    metrics.write_data_point(&point)
}
