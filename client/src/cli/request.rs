//! `get`, `post`, `request`: sends, pays, and shows the answer.

use super::args::{Message, Pay};
use super::card::{AskedFor, Named};
use super::config::Config;
use super::exit::{Exit, Failed};
use super::quote;
use super::say::{Say, plain};
use crate::protocol::{Currency, PaymentResponse, Units};
use crate::{CreditsOnly, Outcome, Paid, Paying};
use base64::Engine;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Response, Url};
use reqwest_middleware::RequestBuilder;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

/// So much of an answer is kept for `--json`, or for a sentence of the server's.
const MOST_IN_MEMORY: usize = 64 * 1024 * 1024;

/// Sends a request, and pays for it.
pub(crate) async fn run(
    method: &str,
    url: &str,
    request: &Message,
    pay: &Pay,
    config: &Config,
    say: Say,
) -> Result<Exit, Failed> {
    if pay.dry_run {
        return quote::dry(method, url, request, pay, config, say).await;
    }
    let policy = config.policy(pay)?;
    let paying = paying(pay, config)?.policy(policy).store(config.store.clone());
    let client = paying.client(builder(request))?;
    let answer = prepare(&client, method, url, request)?.send().await?;
    let outcome = answer.extensions().get::<Outcome>().cloned().unwrap_or(Outcome::Free);
    show(answer, &outcome, request, say).await
}

/// Who pays: what was named, in this order.
fn paying(pay: &Pay, config: &Config) -> Result<Paying, Failed> {
    let top_up = pay.top_up;
    if top_up.is_some_and(|amount| amount.units.is_zero()) {
        return Err(Failed::usage("--top-up is more than nothing"));
    }
    if pay.card {
        return Ok(Paying::new(AskedFor::new(top_up)));
    }
    Ok(match pay.payment_method.clone().or_else(|| config.payment_method.clone()) {
        Some(payment_method) => Paying::new(Named { payment_method, top_up }),
        None => Paying::new(CreditsOnly),
    })
}

pub(crate) fn builder(request: &Message) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("stripe402/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(Duration::from_secs(request.timeout.max(1)))
}

/// The URL that was written; without a scheme it is none.
pub(crate) fn parse_url(text: &str) -> Result<Url, Failed> {
    let url = Url::parse(text).map_err(|error| {
        let hint = if text.contains("://") { "" } else { "; write it with https:// or http://" };
        Failed::usage(format!("{text:?} is not a URL: {error}{hint}"))
    })?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(Failed::usage(format!("only http and https URLs can be fetched, not {:?}", url.scheme())))
    }
}

/// The request that was written.
pub(crate) fn prepare(
    client: &reqwest_middleware::ClientWithMiddleware,
    method: &str,
    url: &str,
    request: &Message,
) -> Result<RequestBuilder, Failed> {
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Failed::usage(format!("{method:?} is not a method of HTTP")))?;
    let mut builder = client.request(method, parse_url(url)?);
    for header in &request.headers {
        let wrong = || Failed::usage("a header is written \"Name: value\"");
        let (name, value) = header.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        builder = builder.header(name, value);
    }
    if let Some(data) = &request.data {
        let typed =
            request.headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:"));
        if !typed {
            let json =
                serde_json::from_str::<Value>(data).is_ok_and(|value| value.is_object() || value.is_array());
            let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            builder = builder.header("content-type", kind);
        }
        builder = builder.body(read_data(data)?);
    }
    Ok(builder)
}

fn read_data(data: &str) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    match data.strip_prefix('@') {
        None => bytes.extend_from_slice(data.as_bytes()),
        Some("-") => {
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| Failed::new(Exit::Local, format!("standard input: {error}")))?;
        }
        Some(file) => {
            bytes =
                std::fs::read(file).map_err(|error| Failed::new(Exit::Local, format!("{file}: {error}")))?;
        }
    }
    Ok(bytes)
}

/// Shows an answer, and says what it cost.
async fn show(answer: Response, outcome: &Outcome, request: &Message, say: Say) -> Result<Exit, Failed> {
    let status = answer.status();
    let exit = match outcome {
        // It was paid for, and its redirect leads nowhere: an answer, but not the one that was asked for.
        Outcome::Paid(paid) | Outcome::Reversed(paid) if paid.not_followed.is_some() => Exit::HttpError,
        Outcome::Free | Outcome::Paid(_) | Outcome::Reversed(_) | Outcome::Rejected => {
            if status.as_u16() < 400 { Exit::Ok } else { Exit::HttpError }
        }
        Outcome::NotOurs(_) => Exit::HttpError,
        Outcome::Declined(_) | Outcome::NoOffer(_) => Exit::NothingToPayWith,
        Outcome::Failed { .. } => Exit::PaymentFailed,
        Outcome::Unknown => Exit::Unknown,
    };
    // A refusal is said in words; its body is no answer to keep.
    if matches!(exit, Exit::NothingToPayWith | Exit::PaymentFailed | Exit::Unknown) && status.as_u16() >= 400
    {
        let body = in_memory(answer).await.unwrap_or_default();
        return Err(Failed::new(exit, refusal(outcome, status.as_u16(), &body)));
    }
    let head = head(&answer);
    if say.json() {
        let headers = headers_json(&answer);
        let mut shown =
            json!({"status": status.as_u16(), "headers": headers, "payment": payment_json(outcome)});
        if let Some(file) = &request.output {
            save(answer, Some(file), None).await?;
        } else if let Some(shown) = shown.as_object_mut() {
            shown.insert("body".to_owned(), body_json(&in_memory(answer).await?));
        }
        say.result(String::new, || shown);
    } else {
        let head = request.include.then_some(head);
        save(answer, request.output.as_deref(), head.as_deref()).await?;
    }
    if let Some(note) = note(outcome) {
        if request.output.is_some() { say.note(&note) } else { say.note_below(&note) }
    }
    Ok(exit)
}

fn head(answer: &Response) -> String {
    let mut head = format!("{:?} {}\n", answer.version(), answer.status());
    for (name, value) in answer.headers() {
        let value = String::from_utf8_lossy(shown(name.as_str(), value)).into_owned();
        head.extend([name.as_str(), ": ", &plain(&value), "\n"]);
    }
    head.push('\n');
    head
}

/// The receipt holds the client id, which could be spent by who reads the terminal.
fn shown<'v>(name: &str, value: &'v HeaderValue) -> &'v [u8] {
    if name == "payment-response" { b"(not shown: it holds the client id)" } else { value.as_bytes() }
}

fn headers_json(answer: &Response) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in answer.headers() {
        let value = String::from_utf8_lossy(shown(name.as_str(), value)).into_owned();
        match headers.get_mut(name.as_str()).and_then(Value::as_array_mut) {
            Some(values) => values.push(value.into()),
            None => drop(headers.insert(name.as_str().to_owned(), json!([value]))),
        }
    }
    headers
}

async fn in_memory(mut answer: Response) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len().saturating_add(piece.len()) > MOST_IN_MEMORY {
            return Err(Failed::new(Exit::Local, "the answer is too large for --json: use -o FILE"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn body_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| match str::from_utf8(body) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(body) }),
    })
}

/// The body goes to a file or to standard output, as it comes; with a bar on standard error while it does.
async fn save(mut answer: Response, file: Option<&Path>, head: Option<&str>) -> Result<(), Failed> {
    let cannot = |error: std::io::Error| {
        let name = file.map_or_else(|| "standard output".to_owned(), |file| file.display().to_string());
        Failed::new(Exit::Local, format!("{name}: {error}"))
    };
    let mut to: Box<dyn Write + Send> = match file {
        Some(file) => Box::new(std::fs::File::create(file).map_err(cannot)?),
        None => Box::new(std::io::stdout()),
    };
    if let Some(head) = head {
        std::io::stdout().write_all(head.as_bytes()).map_err(cannot)?;
    }
    let bar = bar(answer.content_length(), file.is_some());
    while let Some(piece) = answer.chunk().await? {
        match to.write_all(&piece) {
            // Whoever has closed the pipe has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe && file.is_none() => return Ok(()),
            other => other.map_err(cannot)?,
        }
        bar.inc(u64::try_from(piece.len()).unwrap_or(0));
    }
    bar.finish_and_clear();
    to.flush().map_err(cannot)
}

/// Shown on a terminal only, and only where the body goes elsewhere.
fn bar(length: Option<u64>, to_file: bool) -> ProgressBar {
    let target = if to_file { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(length, target);
    let template = match length {
        Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// What a request cost, in a line.
fn note(outcome: &Outcome) -> Option<String> {
    let money = |price: Option<(Currency, Units)>| {
        price.map_or_else(
            || "paid from credits".to_owned(),
            |(currency, units)| format!("paid {}", currency.format(units)),
        )
    };
    match outcome {
        Outcome::Paid(paid) => {
            let mut note = money(paid.price);
            note.push_str(&charged(paid));
            if let Some(doubt) = paid.doubt {
                note.extend(["; the receipt is not believed: ", &doubt.to_string()]);
            }
            if let Some(error) = &paid.not_kept {
                note.extend(["; this could not be written down: ", &error.to_string()]);
            }
            Some(note + &not_followed(paid))
        }
        Outcome::Reversed(paid) => {
            let note = "the server's origin failed, and the price was given back";
            Some(format!("{note}{}{}", charged(paid), not_followed(paid)))
        }
        Outcome::NotOurs(why) => Some(format!("this 402 cannot be paid by stripe402: {why}")),
        Outcome::Rejected => Some("refused before it was paid".to_owned()),
        Outcome::Free
        | Outcome::Declined(_)
        | Outcome::Failed { .. }
        | Outcome::Unknown
        | Outcome::NoOffer(_) => None,
    }
}

fn not_followed(paid: &Paid) -> String {
    let why = paid.not_followed.as_ref();
    why.map_or_else(String::new, |why| format!("; the redirect that this paid for was not followed: {why}"))
}

fn charged(paid: &Paid) -> String {
    let currency = paid.price.map_or(Currency::USD, |(currency, _)| currency);
    let charge = paid.charged.map(|units| format!("; the card was charged {}", currency.format(units)));
    let left = paid.receipt.as_ref().filter(|_| paid.price.is_some());
    let left = left.map(|receipt| format!("; {} left", currency.format(receipt.credits_remaining)));
    [charge, left].into_iter().flatten().collect()
}

/// Why it was not paid, in the server's words where there are some.
fn refusal(outcome: &Outcome, status: u16, body: &[u8]) -> String {
    let said = serde_json::from_slice::<PaymentResponse>(body).ok();
    let sentence = said.as_ref().and_then(|said| said.error.as_deref()).map(plain);
    let action = said.as_ref().is_some_and(|said| said.action.is_some());
    match outcome {
        Outcome::Declined(challenge) => {
            let price = challenge.offers.first().map_or_else(String::new, |offer| {
                let format = |units| offer.currency.format(units);
                format!(": {}, smallest top-up {}", format(offer.amount), format(offer.min_top_up))
            });
            format!("it costs money{price}. Name a --payment-method, or use --card")
        }
        Outcome::Failed { .. } if action => {
            "the card's bank wants its owner to confirm the payment (3-D Secure), which only a browser can do: open the \
             URL there, or use another card"
                .to_owned()
        }
        Outcome::Failed { code, .. } => {
            let code = code.map_or("payment failed", |code| code.as_str());
            match sentence {
                Some(sentence) => format!("{code}: {sentence}"),
                None => code.to_owned(),
            }
        }
        Outcome::NoOffer(challenge) if challenge.unknown > 0 => {
            "it costs money, but can be paid only in ways that this program does not know".to_owned()
        }
        Outcome::NoOffer(_) => sentence.unwrap_or_else(|| "nothing can be paid there now".to_owned()),
        Outcome::Unknown => {
            // A refusal speaks of the last try alone, not of the one before.
            let last = if status < 500 { format!("the last try was answered {status}: ") } else { String::new() };
            let sentence = sentence.map(|sentence| format!(" ({last}{sentence})")).unwrap_or_default();
            format!("nobody knows yet whether the card was charged{sentence}. The same command later charges nobody twice")
        }
        _ => "not paid".to_owned(),
    }
}

/// What became of the payment, for programs. Without the client id, which could be spent.
fn payment_json(outcome: &Outcome) -> Value {
    let word = match outcome {
        Outcome::Free => "free",
        Outcome::Paid(_) => "paid",
        Outcome::Reversed(_) => "reversed",
        Outcome::Declined(_) => "declined",
        Outcome::Failed { .. } => "failed",
        Outcome::Unknown => "unknown",
        Outcome::NoOffer(_) => "no_offer",
        Outcome::NotOurs(_) => "not_stripe402",
        Outcome::Rejected => "rejected",
    };
    let mut json = json!({ "outcome": word });
    let (Outcome::Paid(paid) | Outcome::Reversed(paid), Some(fields)) = (outcome, json.as_object_mut())
    else {
        return json;
    };
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    put("currency", paid.price.map(|(currency, _)| currency.code().into()));
    put("price", paid.price.map(|(_, units)| units.get().into()));
    put("charged", paid.charged.map(|units| units.get().into()));
    put("creditsRemaining", paid.receipt.as_ref().map(|receipt| receipt.credits_remaining.get().into()));
    put("chargeId", paid.receipt.as_ref().and_then(|receipt| receipt.charge_id.clone()).map(Value::from));
    put("notKept", paid.not_kept.as_ref().map(|error| error.to_string().into()));
    put("notFollowed", paid.not_followed.as_ref().map(|why| why.to_string().into()));
    put("doubt", paid.doubt.map(|doubt| doubt.to_string().into()));
    json
}
