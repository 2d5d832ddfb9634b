//! `quote`, and `--dry-run`: what a request costs, and whether it would be allowed.

use super::args::{Message, Pay};
use super::config::Config;
use super::exit::{Exit, Failed};
use super::request::{builder, parse_url, prepare};
use super::say::{Say, plain};
use crate::books::Target;
use crate::protocol::Accept;
use crate::redirect::same_payee;
use crate::{Challenge, CreditsOnly, Order, Origin, Outcome, Paying, Policy, Refused};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Says what a request costs.
pub(crate) async fn run(
    method: &str,
    url: &str,
    request: &Message,
    config: &Config,
    say: Say,
) -> Result<Exit, Failed> {
    quoted(method, url, request, &Pay::default(), config, say, false).await
}

/// Says whether a request would be paid.
pub(crate) async fn dry(
    method: &str,
    url: &str,
    request: &Message,
    pay: &Pay,
    config: &Config,
    say: Say,
) -> Result<Exit, Failed> {
    quoted(method, url, request, pay, config, say, true).await
}

async fn quoted(
    method: &str,
    url: &str,
    request: &Message,
    pay: &Pay,
    config: &Config,
    say: Say,
    dry: bool,
) -> Result<Exit, Failed> {
    let policy = config.policy(pay)?;
    // Nobody's: no client id is sent, and nothing can be paid.
    let client = Paying::new(CreditsOnly).policy(Policy::new().allow_http(true)).client(builder(request))?;
    let answer = prepare(&client, method, url, request)?.send().await?;
    let origin =
        Origin::of(answer.url()).ok_or_else(|| Failed::usage("only http and https URLs can be paid for"))?;
    // A method that a redirect has changed is the server's word for another request: its last price is not looked for.
    let target = Target::new(origin, method, answer.url().path());
    let asked = Origin::of(&parse_url(url)?);
    let redirected = !asked.is_some_and(|asked| same_payee(&asked, &target.origin));
    let status = answer.status().as_u16();
    match answer.extensions().get::<Outcome>() {
        Some(Outcome::Declined(challenge) | Outcome::NoOffer(challenge)) => {
            told(challenge, (&target, redirected), &policy, config, say, dry)
        }
        Some(Outcome::NotOurs(why)) => {
            Err(Failed::new(Exit::NothingToPayWith, format!("this 402 cannot be paid by stripe402: {why}")))
        }
        _ => {
            say.result(
                || format!("free: the answer was {status}, without a payment"),
                || json!({"free": true, "status": status}),
            );
            Ok(if status < 400 { Exit::Ok } else { Exit::HttpError })
        }
    }
}

fn told(
    challenge: &Challenge,
    (target, redirected): (&Target, bool),
    policy: &Policy,
    config: &Config,
    say: Say,
    dry: bool,
) -> Result<Exit, Failed> {
    let books = config.store.books().map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let (known, last_price) = (books.client(&target.origin), books.last_price(target));
    let verdicts: Vec<Result<(), Refused>> = challenge
        .offers
        .iter()
        .map(|offer| {
            let left = known.and_then(|client| client.balances.get(offer.currency.code()));
            let covered = left.is_some_and(|left| *left >= offer.amount);
            let top_up = if covered { None } else { offer.currency.round_up_chargeable(offer.min_top_up) };
            let order = Order {
                origin: &target.origin,
                currency: offer.currency,
                price: offer.amount,
                top_up,
                last_price,
                redirected,
            };
            books.check(policy, &order, now)
        })
        .collect();
    let allowed = verdicts.iter().any(Result::is_ok);
    let lines = || {
        let line = |(offer, verdict): (&Accept, &Result<(), Refused>)| {
            let format = |units| offer.currency.format(units);
            let what =
                offer.description.as_deref().map(|text| format!(" ({})", plain(text))).unwrap_or_default();
            let verdict = match verdict {
                Ok(()) => "allowed".to_owned(),
                Err(refused) => format!("refused, {refused}"),
            };
            format!("{}{what}; smallest top-up {}; {verdict}", format(offer.amount), format(offer.min_top_up))
        };
        let lines: Vec<_> = challenge.offers.iter().zip(&verdicts).map(line).collect();
        if lines.is_empty() { "nothing can be paid there now".to_owned() } else { lines.join("\n") }
    };
    let object = || {
        let offer = |(offer, verdict): (&Accept, &Result<(), Refused>)| {
            json!({
                "currency": offer.currency.code(),
                "price": offer.amount.get(),
                "minTopUp": offer.min_top_up.get(),
                "priceFormatted": offer.currency.format(offer.amount),
                "description": offer.description,
                "allowed": verdict.is_ok(),
                "rule": verdict.as_ref().err().map(|refused| refused.rule.as_str()),
            })
        };
        let offers: Vec<Value> = challenge.offers.iter().zip(&verdicts).map(offer).collect();
        json!({"free": false, "resource": challenge.resource, "offers": offers})
    };
    say.result(lines, object);
    Ok(match (challenge.offers.is_empty(), dry && !allowed) {
        (true, _) => Exit::NothingToPayWith,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Ok,
    })
}
