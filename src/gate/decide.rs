//! The decision about one request.
//!
//! Kept true here: a request that no rule lets through is refused; the order of the checks is the protocol's (no
//! payment → challenge; the header's form; the bounds of the top-up; only then an account or Stripe is asked).

use stripe402_core::config::path::fold;
use stripe402_core::config::{CorsOrigins, OriginTarget, Price, Route, Settings, UnlistedMethods, Unmatched};
use stripe402_core::protocol::{
    Currency, ErrorCode, InvalidPayment, Payment, PaymentHeader, PaymentRequired, Units, check_top_up,
    decode_payment,
};

use stripe402_core::protocol::digest::{hex, sha256};

use super::answer::{Answer, Failed, required};
use super::cookie::{Cookie, agreement};
use super::deposit::is_key;
use super::own::{self, Own};
use super::path::{BadTarget, Target};
use super::preflight::preflight;
use super::readings::{is_kept_by_urls, is_plain, readings};
use super::route_table::{Found, RouteTable};
use crate::ledger::{Deposit, RequestKey};

/// A request may have this many headers.
pub const MAX_HEADERS: usize = 200;

/// An `Idempotency-Key` may be this long.
pub const MAX_IDEMPOTENCY_KEY: usize = 255;

/// How much longer than its origin may take a request is believed to be running.
const KEY_MARGIN: i64 = 30_000;

/// What the gate needs to know of a request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The URL, as the platform hands it over.
    pub url: &'a str,
    /// The `payment` header.
    pub payment: Option<&'a str>,
    /// The cookie that may pay, where no `payment` header does.
    pub cookie: Option<&'a Cookie>,
    /// The `idempotency-key` header.
    pub idempotency_key: Option<&'a str>,
    /// The `origin` header: who asks, in a browser.
    pub origin: Option<&'a str>,
    /// The `access-control-request-method` header: whether this is a preflight.
    pub preflight_for: Option<&'a str>,
    /// The `access-control-request-headers` header of a preflight.
    pub preflight_headers: Option<&'a str>,
    /// How many headers there are.
    pub headers: usize,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<'g> {
    /// Forward it, free, as it was sent.
    Pass(Target),
    /// Forward it, free, on a route of its own.
    Free(Target, &'g Route),
    /// Answer it ourselves: with what, what that is called in the log, and on which route.
    Answer(Answer, &'static str, Option<&'g str>),
    /// A path of ours.
    Own(Own),
    /// It is paid for, or refused.
    Pay(Box<PaidRequest<'g>>),
}

/// A request on a priced route, with a payment that has the right form.
#[derive(Debug, Clone, PartialEq)]
pub struct PaidRequest<'g> {
    /// The route.
    pub route: &'g Route,
    /// The target; forwarded in its canonical reading.
    pub target: Target,
    /// The payment.
    pub payment: Payment,
    /// The challenge, for every 402 on the way.
    pub required: PaymentRequired,
    /// What it costs.
    pub price: Units,
    /// In which currency.
    pub currency: Currency,
    /// The smallest top-up.
    pub min_top_up: Units,
    /// The largest.
    pub max_top_up: Units,
    /// The most in a day.
    pub max_per_day: Units,
    /// The request's idempotency key, bound to what it is sent with.
    pub key: Option<RequestKey>,
    /// Whether the card is only to be charged: then nothing is debited and nothing forwarded.
    pub deposit: Option<Deposit>,
    /// Whether the cookie pays. A page must not read the client id in it: then none is told.
    pub by_cookie: bool,
}

impl PaidRequest<'_> {
    /// What the ledger calls this: the method and the canonical path, cut to what a row should hold.
    pub fn resource(&self, method: &str) -> String {
        let path: String = self.target.canonical.chars().take(512).collect();
        format!("{method} {path}")
    }
}

/// The gate of one configuration.
#[derive(Debug, Clone)]
pub struct Gate {
    pub(super) table: RouteTable,
    /// What the readings of a path are looked up in.
    loose: RouteTable,
    /// Whether the two tables differ, so that even a plain path has to be looked up in both.
    escaped: bool,
    pub(super) publishable_key: String,
    unmatched: Unmatched,
    unlisted: UnlistedMethods,
    pub(super) cors: CorsOrigins,
    strict_paths: bool,
    /// What the origin sees before every path, folded; empty for none.
    base_path: String,
    key_lease: i64,
    key_retries: u32,
}

impl Gate {
    /// Builds the gate of checked settings.
    pub fn new(settings: &Settings) -> Self {
        let table = RouteTable::new(settings.routes.clone());
        Self {
            loose: table.loose(),
            escaped: table.is_escaped(),
            table,
            publishable_key: settings.publishable_key.clone(),
            unmatched: settings.unmatched,
            unlisted: settings.unlisted_methods,
            cors: settings.cors_origins.clone(),
            strict_paths: settings.strict_paths,
            base_path: match &settings.origin {
                OriginTarget::Url { base_path, .. } => fold(base_path),
                OriginTarget::Zone | OriginTarget::Service => String::new(),
            },
            key_lease: i64::from(settings.origin_timeout_ms).saturating_add(KEY_MARGIN),
            key_retries: settings.idempotent_retries,
        }
    }

    /// Decides about a request.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        if matches!(facts.method, "TRACE" | "CONNECT") {
            let detail = format!("{} is not answered here.", facts.method);
            return reject(
                Answer::problem(405, "Method not allowed", &detail).with("allow", "GET, HEAD, POST"),
            );
        }
        if let Some(answer) = too_many_headers(facts.headers) {
            return reject(answer);
        }
        let target = match Target::of_url(facts.url) {
            Ok(target) => target,
            Err(BadTarget::TooLong) => {
                let detail = "A path may be 4096 bytes long.";
                return reject(Answer::problem(414, "Path too long", detail));
            }
            Err(bad @ (BadTarget::NoPath | BadTarget::Malformed)) => {
                return reject(Answer::problem(400, "Bad request target", &format!("{bad}.")));
            }
        };
        if let Some(rest) = own::below_prefix(&target.folded) {
            // Pages of the operator's other hosts may pay in, and read their visitors' accounts by client id.
            if own::is_for_clients(rest) && self.is_allowed_preflight(facts) {
                return Decision::Answer(preflight(facts), "preflight", None);
            }
            return own::find(rest, facts.method).map_or_else(reject, Decision::Own);
        }
        if self.answers_preflight(facts, &target) {
            return Decision::Answer(preflight(facts), "preflight", None);
        }
        if let Some(answer) = self.ambiguous(facts.method, &target) {
            return reject(answer);
        }
        match self.table.find(facts.method, &target.folded) {
            Found::Route(route) => self.on_route(route, target, facts),
            Found::OtherMethods { .. }
                if self.unlisted == UnlistedMethods::Free
                    || self.is_preflight_of_what_is_free(facts, &target) =>
            {
                Decision::Pass(target)
            }
            Found::OtherMethods { allow } => {
                let allow = allow.join(", ");
                let detail = if facts.method == "OPTIONS" {
                    "This path is priced. Pages of the origins in CORS_ORIGINS get an answer to their preflights."
                } else {
                    "This path is priced for other methods. To serve this one free, give it a route of its own with \
                     amount = 0."
                };
                reject(Answer::problem(405, "Method not allowed", detail).with("allow", allow))
            }
            Found::Nothing => self.unmatched(target),
        }
    }

    /// Refuses a path that a careless origin could read as something dearer than what it was judged as.
    fn ambiguous(&self, method: &str, target: &Target) -> Option<Answer> {
        if is_plain(&target.canonical) && !self.escaped {
            return None;
        }
        let refusal = |detail| Some(Answer::problem(400, "Ambiguous path", detail));
        let whole = |path: &str| format!("{}{path}", self.base_path);
        let Ok(readings) = readings(&whole(&target.raw), &whole(&target.canonical)) else {
            return refusal("This path can be read in too many ways.");
        };
        let below = |reading: &String| below(reading, &self.base_path).map(ToOwned::to_owned);
        let Some(mut readings) = readings.iter().map(below).collect::<Option<Vec<_>>>() else {
            return refusal("This path can be read as one outside of this API.");
        };
        // Sorted as they were, but that the base path itself and with a slash are now the same.
        readings.dedup();
        if self.strict_paths && readings.len() > 1 {
            return refusal("This path can be read in more than one way.");
        }
        let found = self.table.find(method, &target.folded);
        let judged = match &found {
            Found::Route(route) => price_of(route),
            Found::OtherMethods { .. } | Found::Nothing => None,
        };
        // What is paid for is forwarded, and proved to the origin, as it was judged.
        if judged.is_some() && !is_kept_by_urls(&target.canonical) {
            return refusal("This path has dot segments, backslashes or a #. Send it without.");
        }
        // Refused for its method in any case: a better answer than that its path is ambiguous.
        let refused = method != "OPTIONS" && matches!(found, Found::OtherMethods { .. });
        // What a reading would cost, sent as that: no more than what this path costs, and never what is not for sale.
        let dearer = readings.iter().any(|reading| match self.loose.find(method, reading) {
            _ if own::below_prefix(reading).is_some() => true,
            Found::Route(route) => price_of(route).is_some_and(|price| !covers(judged, price)),
            Found::OtherMethods { .. } if *reading == target.folded => found == Found::Nothing,
            Found::OtherMethods { .. } => self.unlisted == UnlistedMethods::Deny && !refused,
            Found::Nothing => false,
        });
        if dearer {
            refusal("This path can be read as that of another resource. Send it as that is named.")
        } else {
            None
        }
    }

    fn unmatched(&self, target: Target) -> Decision<'_> {
        match self.unmatched {
            Unmatched::Free => Decision::Pass(target),
            Unmatched::Deny => reject(Answer::problem(404, "Not found", "There is no such resource here.")),
        }
    }

    fn on_route<'g>(&'g self, route: &'g Route, target: Target, facts: &Facts<'_>) -> Decision<'g> {
        let Price::Paid { amount, currency, min_top_up, max_top_up, max_top_up_per_day } = route.price else {
            return Decision::Free(target, route);
        };
        let Some(required) = required(route, &self.publishable_key, &target.canonical) else {
            return Decision::Free(target, route);
        };
        let agreed = || agreement(facts.method, &target.canonical, &target.query, amount, currency);
        let cookie = facts.cookie.filter(|cookie| cookie.pays(amount, currency, agreed));
        let (payment, by_cookie) = match (decode_payment(facts.payment), cookie) {
            (Ok(PaymentHeader::None), Some(cookie)) => {
                (Payment { client_id: Some(cookie.client_id.clone()), ..Payment::default() }, true)
            }
            (Ok(PaymentHeader::None), None) => {
                return Decision::Answer(Answer::challenge(&required), "challenge", Some(&route.key));
            }
            (Ok(PaymentHeader::Payment(payment)), _) => (payment, false),
            (Err(invalid), _) => return refuse(&required, route, InvalidPayment::CODE, invalid.message),
        };
        if let Err((code, message)) = check_top_up(payment.top_up, min_top_up, max_top_up) {
            return refuse(&required, route, code, message);
        }
        let key = match self.key(facts, &target, amount, currency) {
            Ok(key) => key,
            Err(answer) => return reject(answer),
        };
        Decision::Pay(Box::new(PaidRequest {
            route,
            target,
            payment,
            required,
            price: amount,
            currency,
            min_top_up,
            max_top_up,
            max_per_day: max_top_up_per_day,
            key,
            deposit: None,
            by_cookie,
        }))
    }

    /// The idempotency key of a request, bound to its method, canonical path, query and price.
    fn key(
        &self,
        facts: &Facts<'_>,
        target: &Target,
        price: Units,
        currency: Currency,
    ) -> Result<Option<RequestKey>, Answer> {
        let Some(key) = facts.idempotency_key.filter(|key| !key.is_empty()) else { return Ok(None) };
        if !is_key(key) {
            let detail = "An Idempotency-Key is at most 255 characters of printable ASCII.";
            return Err(Answer::problem(400, "Bad Idempotency-Key", detail));
        }
        let target =
            [facts.method, &target.canonical, &target.query, currency.code(), &price.to_string()].join("\n");
        Ok(Some(RequestKey {
            key: key.to_owned(),
            target: hex(&sha256(target.as_bytes())),
            lease: self.key_lease,
            retries: self.key_retries,
        }))
    }

    /// The priced route that a method and a path mean, with the path's readings.
    pub fn priced(&self, method: &str, path: &str) -> Option<(&Route, Target)> {
        let target = Target::parse(path).ok()?;
        match self.table.find(method, &target.folded) {
            Found::Route(route) if route.price.is_paid() => Some((route, target)),
            Found::Route(_) | Found::OtherMethods { .. } | Found::Nothing => None,
        }
    }

    /// The routes that this gate knows.
    pub fn routes(&self) -> &[Route] {
        self.table.routes()
    }
}

fn refuse<'g>(
    required: &PaymentRequired,
    route: &'g Route,
    code: ErrorCode,
    message: String,
) -> Decision<'g> {
    let failed = Failed { code, message, client: None, client_secret: None, frozen: false };
    Decision::Answer(Answer::failed(required, &failed), "refused", Some(&route.key))
}

pub(super) fn price_of(route: &Route) -> Option<(Units, Currency)> {
    match route.price {
        Price::Paid { amount, currency, .. } => Some((amount, currency)),
        Price::Free => None,
    }
}

/// Whether what was judged costs at least as much as a reading of it.
fn covers(judged: Option<(Units, Currency)>, reading: (Units, Currency)) -> bool {
    judged.is_some_and(|(amount, currency)| currency == reading.1 && amount >= reading.0)
}

/// 431, if a request has more headers than it may.
pub fn too_many_headers(count: usize) -> Option<Answer> {
    let detail = "A request may have 200 headers.";
    (count > MAX_HEADERS).then(|| Answer::problem(431, "Too many headers", detail))
}

/// What an origin's path is to us: none if it is not below the base path.
fn below<'r>(reading: &'r str, base_path: &str) -> Option<&'r str> {
    let rest = reading.strip_prefix(base_path)?;
    match rest {
        "" => Some("/"),
        _ => rest.starts_with('/').then_some(rest),
    }
}

/// An answer that is about no route.
fn reject<'g>(answer: Answer) -> Decision<'g> {
    Decision::Answer(answer, "rejected", None)
}
