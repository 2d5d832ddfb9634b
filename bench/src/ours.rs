//! The paywall that is measured: the Worker as it is built for a deployment, on raw workerd, with its limits against card
//! testing lifted (a thousand new cards a second is what they are for).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Card, Config, Layout, Paywall, Request, project};

use crate::{Outcome, drive};

/// The priced path.
pub(crate) const PRICED: &str = "/api/joke";
/// The free path.
pub(crate) const FREE: &str = "/api/health";
/// The most that Stripe charges at once, in units of a dollar: whoever has paid it can pay ten million requests.
pub(crate) const MUCH: i64 = 9_999_999_900;

/// How many cards pay at a time where it is not measured.
const PAYING: u32 = 8;
/// Longer than that takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// One route at a cent, and what else is priced.
pub(crate) fn config(more: &Value) -> Config {
    let joke = json!({"GET /api/joke": {"amount": 100, "description": "Random joke"}});
    Config::new().var("ROUTES", joke).routes(more).var("MAX_TOP_UP", MUCH)
}

/// Starts one. Its origin counts requests and writes none down; its log lines are written to nobody, as on Cloudflare
/// while nobody watches.
pub(crate) fn start(config: Config, layout: Layout) -> Outcome<Paywall> {
    let paywall = Paywall::start_raw(config, layout.quiet());
    let said = Request::post("/_origin/settings", r#"{"record":false}"#).send(origin(&paywall)?)?;
    if said.status == 200 { Ok(paywall) } else { Err("the origin goes on writing".into()) }
}

/// Where its origin listens.
pub(crate) fn origin(paywall: &Paywall) -> Outcome<SocketAddr> {
    Ok(paywall.origin().url().trim_start_matches("http://").parse()?)
}

/// Address and process group.
pub(crate) fn server(paywall: &Paywall) -> (SocketAddr, u32) {
    (paywall.address(), paywall.process_group())
}

/// New cards.
pub(crate) fn cards(paywall: &Paywall, name: &str, number: usize) -> Vec<Card> {
    let stripe = paywall.stripe();
    (0..number).map(|nth| stripe.card(&format!("{name}{nth}"))).collect()
}

/// Pays with each card for the first time, and charges it this much.
pub(crate) fn top_up(paywall: &Paywall, cards: &[Card], units: i64) -> Outcome<()> {
    let pays = |card: &Card| drive::paid(paywall.address(), PRICED, &card.tops_up(units));
    let requests: Vec<_> = cards.iter().map(pays).collect();
    let (paid, _) = drive::run(server(paywall), PAYING, &requests, PATIENCE, 200)?;
    if paid == cards.len() { Ok(()) } else { Err("not all cards could pay".into()) }
}

/// Writes values of a header into a file for wrk.
pub(crate) fn values(name: &str, values: &[String]) -> Outcome<PathBuf> {
    let folder = project().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    std::fs::write(&path, values.join("\n") + "\n")?;
    Ok(path)
}
