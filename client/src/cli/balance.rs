//! `balance` and `statement`: what a server says of our account there.
//!
//! `GET /.well-known/stripe402/account` with a `payment` header that holds the client id, as any payment does.

use super::args::{Message, Page, Pay};
use super::config::Config;
use super::exit::{Exit, Failed};
use super::request::{builder, parse_url};
use super::say::{Say, plain};
use crate::Origin;
use crate::protocol::{Currency, PAYMENT, Payment, Units};
use serde::Deserialize;
use serde_json::{Value, json};

const ACCOUNT: &str = "/.well-known/stripe402/account";

#[derive(Debug, Deserialize)]
struct Account {
    #[serde(default)]
    balances: Vec<Balance>,
    #[serde(default)]
    entries: Vec<Value>,
    #[serde(default)]
    next: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Balance {
    currency: Currency,
    balance: Units,
}

/// How much credit is left.
pub(crate) async fn balance(
    url: &str,
    currency: Option<&str>,
    config: &Config,
    say: Say,
) -> Result<Exit, Failed> {
    let page = Page { limit: Some(1), before: None, currency: currency.map(ToOwned::to_owned) };
    let account = ask(url, &page, config).await?;
    let lines = || {
        let line = |one: &Balance| one.currency.format(one.balance);
        let lines: Vec<_> = account.balances.iter().map(line).collect();
        if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
    };
    let object = || {
        let one = |one: &Balance| json!({"currency": one.currency.code(), "balance": one.balance.get()});
        json!({ "balances": account.balances.iter().map(one).collect::<Vec<_>>() })
    };
    say.result(lines, object);
    Ok(Exit::Ok)
}

/// What was paid, newest first.
pub(crate) async fn statement(url: &str, page: &Page, config: &Config, say: Say) -> Result<Exit, Failed> {
    let account = ask(url, page, config).await?;
    let lines = || {
        let mut lines: Vec<_> = account.entries.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("no entries".to_owned());
        }
        if let Some(next) = next(&account) {
            lines.push(format!("more with --before {}", plain(&next)));
        }
        lines.join("\n")
    };
    say.result(lines, || json!({"entries": account.entries, "next": account.next}));
    Ok(Exit::Ok)
}

fn next(account: &Account) -> Option<String> {
    match account.next.as_ref()? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An entry in a line: when, what, how much, what was left, for what.
fn line(entry: &Value) -> String {
    let text = |name: &str| match entry.get(name) {
        Some(Value::String(text)) => plain(text),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let currency = entry.get("currency").and_then(Value::as_str).and_then(|code| Currency::parse(code).ok());
    // Of a deduction, the amount is what was taken; of all else, what was added.
    let taken = entry.get("type").and_then(Value::as_str) == Some("deduction");
    let money = |name: &str| {
        let units = entry.get(name).and_then(Value::as_i64).and_then(Units::new);
        let units = if taken && name == "amount" { units.and_then(Units::checked_neg) } else { units };
        match (currency, units) {
            (Some(currency), Some(units)) => currency.format(units),
            _ => text(name),
        }
    };
    let (at, kind, amount, balance) = (text("createdAt"), text("type"), money("amount"), money("balance"));
    let what = ["resource", "stripePaymentIntentId"].map(text).into_iter().find(|text| !text.is_empty());
    format!("{at:<24}  {kind:<10}  {amount:>12}  {balance:>12}  {}", what.unwrap_or_default())
        .trim_end()
        .to_owned()
}

async fn ask(url: &str, page: &Page, config: &Config) -> Result<Account, Failed> {
    let url = parse_url(url)?;
    let origin = Origin::of(&url).ok_or_else(|| Failed::usage("only http and https URLs have accounts"))?;
    // The client id can be spent: it goes where payments may go.
    config
        .policy(&Pay::default())?
        .check_payee(&origin, false)
        .map_err(|refused| Failed::from(crate::Error::Refused(refused)))?;
    let books = config.store.books().map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
    let client = books.client(&origin).ok_or_else(|| {
        Failed::new(
            Exit::NothingToPayWith,
            format!("nothing was paid to {origin} from here, so it has no account"),
        )
    })?;
    let payment = Payment { client_id: Some(client.client_id.clone()), ..Payment::default() };
    let header = payment.to_header().map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
    let mut url = url.join(ACCOUNT).map_err(|error| Failed::usage(error.to_string()))?;
    url.set_query(None);
    let limit = page.limit.map(|limit| limit.to_string());
    for (name, value) in
        [("limit", limit.as_ref()), ("before", page.before.as_ref()), ("currency", page.currency.as_ref())]
    {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let mut value = reqwest::header::HeaderValue::from_str(&header)
        .map_err(|_| Failed::new(Exit::Local, "the client id cannot be sent"))?;
    value.set_sensitive(true);
    // A redirect would take the client id along.
    let http = builder(&Message { timeout: 30, ..Message::default() });
    let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = http.get(url).header(PAYMENT, value).send().await?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    if status == 404 {
        return Err(Failed::new(
            Exit::HttpError,
            format!("{origin} has no statement of accounts ({ACCOUNT} answers 404)"),
        ));
    }
    if status != 200 {
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let sentence = ["detail", "error"].into_iter().find_map(|name| said.get(name)?.as_str());
        let sentence = sentence.map(|text| format!(": {}", plain(text))).unwrap_or_default();
        return Err(Failed::new(Exit::HttpError, format!("{origin} answered {status}{sentence}")));
    }
    let account: Result<Account, _> = serde_json::from_slice(&body);
    account
        .map(|mut account| {
            // Each names the client id, which could be spent by who reads the output.
            for entry in account.entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove("clientId");
            }
            account
        })
        .map_err(|_| Failed::new(Exit::Unreachable, format!("what {origin} answered is not a statement")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_line_without_control_characters() {
        let entry = json!({"createdAt": "2026-11-20T08:00:00Z", "type": "deduction", "amount": 100, "balance": 49_900,
            "currency": "usd", "resource": "GET /a\u{1b}[2J"});
        let line = line(&entry);
        assert_eq!(
            line,
            "2026-11-20T08:00:00Z      deduction         -$0.01         $4.99  GET /a\u{fffd}[2J"
        );
    }
}
