//! From the start of workerd to the first answer, and the size of what has to be loaded for it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use stripe402_e2e::{Layout, project};

use crate::report::{Spread, Start};
use crate::wish::Wish;
use crate::yardstick::Yardstick;
use crate::{Outcome, ours};

/// The smallest Worker.
const BARE: &str = "export default { fetch: () => new Response() };";

/// Measures it, the paywall and the smallest Worker in turn.
pub(crate) fn measure(wish: &Wish) -> Outcome<Start> {
    let mut paywall = ours::start(ours::config(&json!({})), Layout::new())?;
    let (mut with_paywall, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..wish.rounds {
        with_paywall.push(paywall.first_answer().as_secs_f64() * 1e3);
        bare.push(Yardstick::first_answer(BARE, "/")?.as_secs_f64() * 1e3);
    }
    let built = project().join("build");
    let wasm = std::fs::read(built.join("index_bg.wasm"))?;
    let mut gzipped = GzEncoder::new(Vec::new(), Compression::best());
    gzipped.write_all(&wasm)?;
    Ok(Start {
        ours: Spread::of(with_paywall),
        bare: Spread::of(bare),
        wasm: wasm.len() as u64,
        wasm_gzipped: gzipped.finish()?.len() as u64,
        javascript: std::fs::metadata(built.join("index.js"))?.len(),
    })
}
