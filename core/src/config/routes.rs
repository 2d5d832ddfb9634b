//! The route table: which requests are for sale, and on what terms.
//!
//! Read from `ROUTES` and every `ROUTES_…` together. A key that could be misread, a field that does not exist
//! and two routes for the same requests are errors: a typo must not make something free.

use super::errors::{Refusal, nearest};
use super::pattern::Pattern;
use super::price::{self, Limits, Price};
use super::value::{Reader, boolean, choice, integer, line, table, text};
use super::variables::is_route_table;
use crate::json::to_text;
use crate::protocol::{Currency, Units};
use serde_json::{Map, Value};
use std::fmt;

/// One line of the route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The key as the operator wrote it: `GET /api/joke`.
    pub key: String,
    /// Which methods.
    pub method: RouteMethod,
    /// Which paths.
    pub pattern: Pattern,
    /// What a request costs.
    pub price: Price,
    /// What is sold, for people and agents.
    pub description: Option<String>,
    /// The media type of the answer.
    pub mime_type: Option<String>,
    /// Which of the origin's answers are paid for.
    pub charge_on: ChargeOn,
    /// Caches may hold the origin's answer.
    pub cache: bool,
    /// Browsers get a payment page.
    pub paywall: bool,
    /// The origin is asked while the debit is still under way.
    pub speculative: bool,
}

/// The method of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteMethod {
    /// `*`: any but OPTIONS.
    Any,
    /// This one; GET stands for HEAD, too.
    Exact(String),
}

impl fmt::Display for RouteMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteMethod::Any => f.write_str("*"),
            RouteMethod::Exact(method) => f.write_str(method),
        }
    }
}

/// Which of the origin's answers are paid for; for the others the debit is reversed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChargeOn {
    /// All but 5xx.
    #[default]
    NoServerError,
    /// 101, 2xx and 3xx.
    Success,
    /// Every answer, and no answer.
    Always,
}

/// The words for [`ChargeOn`].
pub(crate) const CHARGE_ON: &[(&str, ChargeOn)] = &[
    ("no-server-error", ChargeOn::NoServerError),
    ("success", ChargeOn::Success),
    ("always", ChargeOn::Always),
];

const FIELDS: [&str; 10] = [
    "amount",
    "price",
    "currency",
    "minTopUp",
    "description",
    "mimeType",
    "chargeOn",
    "cache",
    "paywall",
    "speculative",
];

/// The methods that the platform's HTTP parser lets through, less those that are never sold.
const METHODS: [&str; 25] = [
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "QUERY",
    "PURGE",
    "COPY",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "SEARCH",
    "UNLOCK",
    "ACL",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "BAN",
];

/// What holds for routes that do not say otherwise.
pub(crate) struct Defaults {
    pub(crate) limits: Limits,
    pub(crate) charge_on: ChargeOn,
    pub(crate) paywall: bool,
}

/// Reads all route tables.
pub(crate) fn read(reader: &mut Reader<'_>, defaults: &Defaults) -> Vec<Route> {
    let names: Vec<&String> = reader.vars.keys().filter(|name| is_route_table(name)).collect();
    let mut routes = Vec::new();
    let mut known: Map<String, Value> = Map::new();
    let mut read_any = false;
    for name in names {
        let Some(entries) = reader.optional(name, table) else { continue };
        read_any |= !entries.is_empty();
        for (key, value) in &entries {
            let place = to_text(&Value::from(key.as_str()));
            let mut entry = Entry { reader, variable: name, place: &place };
            let target = match route_key(key) {
                Ok(target) => Some(target),
                Err(refusal) => {
                    entry.refuse(None, refusal);
                    None
                }
            };
            if let Some((method, pattern)) = &target {
                let here = format!("{name} {place}");
                let before = known.insert(format!("{method} {}", pattern.shape()), here.into());
                if let Some(before) = before.as_ref().and_then(Value::as_str) {
                    entry.refuse(None, Refusal::because(format_args!("sells the same requests as {before}")));
                }
            }
            routes.extend(entry.read(key, value, target, defaults));
        }
    }
    if !reader.findings.errors.iter().any(|error| is_route_table(&error.variable)) {
        if !read_any {
            let problem = "no route table: write [vars.ROUTES] with \"GET /path\" = { amount = 100 }";
            reader.refuse("ROUTES", Refusal::because(problem));
        } else if !routes.iter().any(|route| route.price.is_paid()) {
            reader.refuse(
                "ROUTES",
                Refusal::because("every route is free: at least one needs an amount above 0"),
            );
        }
    }
    routes
}

/// Reads `METHOD /path`.
fn route_key(key: &str) -> Result<(RouteMethod, Pattern), Refusal> {
    let key = key.trim();
    if key.starts_with('/') {
        let problem = "a route begins with a method, or with * for any method";
        return Err(Refusal::because(problem).nearest(Some(format!("GET {key}"))));
    }
    let Some((method, path)) = key.split_once(char::is_whitespace) else {
        return Err(Refusal::because("a route is a method and a path, such as \"GET /api/joke\""));
    };
    let path = path.trim_start();
    let upper = method.to_ascii_uppercase();
    let suggest = |method: &str| Some(format!("{method} {path}"));
    let method = match upper.as_str() {
        "*" => RouteMethod::Any,
        "HEAD" => {
            let problem = "HEAD is sold as GET: write GET, it stands for both";
            return Err(Refusal::because(problem).nearest(suggest("GET")));
        }
        "OPTIONS" | "TRACE" | "CONNECT" => {
            let problem =
                format!("{upper} cannot be sold: OPTIONS is never paid for, TRACE and CONNECT are refused");
            return Err(Refusal::because(problem));
        }
        "ANY" | "ALL" => {
            return Err(Refusal::because("* stands for any method").nearest(suggest("*")));
        }
        _ if METHODS.contains(&method) => RouteMethod::Exact(upper),
        _ if METHODS.contains(&upper.as_str()) => {
            return Err(Refusal::because("methods are written in upper case").nearest(suggest(&upper)));
        }
        _ => {
            let meant = nearest(&upper, METHODS).and_then(suggest);
            return Err(Refusal::because("not a method that can reach the Worker").nearest(meant));
        }
    };
    let pattern = Pattern::parse(path).map_err(|error| {
        let rooted = (!path.starts_with('/')).then(|| format!("{method} /{path}"));
        Refusal::because(error).nearest(rooted.filter(|_| Pattern::parse(&format!("/{path}")).is_ok()))
    })?;
    Ok((method, pattern))
}

/// One route while it is being read: where its mistakes are noted.
struct Entry<'r, 'a> {
    reader: &'r mut Reader<'a>,
    variable: &'r str,
    place: &'r str,
}

impl Entry<'_, '_> {
    fn refuse(&mut self, field: Option<&str>, refusal: Refusal) {
        let key = match field {
            Some(field) => format!("{}.{field}", self.place),
            None => self.place.to_owned(),
        };
        self.reader.findings.errors.push(refusal.at(self.variable, Some(key)));
    }

    /// A field, if it is set; `None` also where it is refused.
    fn field<T>(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, Refusal>,
    ) -> Option<T> {
        let value = fields.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))?;
        match read(value) {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refuse(Some(name), refusal);
                None
            }
        }
    }

    fn read(
        &mut self,
        key: &str,
        value: &Value,
        target: Option<(RouteMethod, Pattern)>,
        defaults: &Defaults,
    ) -> Option<Route> {
        let fields = match table(value) {
            Ok(fields) => fields,
            Err(refusal) => {
                let problem = "expected a table such as { amount = 100 }".to_owned();
                self.refuse(None, Refusal { problem, ..refusal });
                return None;
            }
        };
        let mut misspelt = false;
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            let problem = format!("no such field; there are {}", FIELDS.join(", "));
            let meant = nearest(name, FIELDS);
            misspelt |= matches!(meant, Some("amount" | "price"));
            self.refuse(Some(name), Refusal::because(problem).nearest(meant));
        }
        let currency = self.field(&fields, "currency", price::currency);
        let min_top_up = self.field(&fields, "minTopUp", price::amount);
        let min_is_readable = min_top_up.is_some() || !is_set(&fields, "minTopUp");
        let currency_is_readable = currency.is_some() || !is_set(&fields, "currency");
        let currency = currency.unwrap_or(defaults.limits.currency);
        let amount = self.amount(&fields, currency, misspelt);
        let description = self.field(&fields, "description", |value| line(value, 500));
        let mime_type = self.field(&fields, "mimeType", media_type);
        let charge_on = self.field(&fields, "chargeOn", |value| choice(value, CHARGE_ON));
        let cache = self.field(&fields, "cache", boolean).unwrap_or(false);
        let paywall = self.field(&fields, "paywall", boolean).unwrap_or(defaults.paywall);
        let speculative = self.field(&fields, "speculative", boolean).unwrap_or(false);
        if speculative {
            self.check_speculative(target.as_ref().map(|(method, _)| method));
        }
        if !min_is_readable || !currency_is_readable {
            return None;
        }
        let price = self.price(amount?, currency, min_top_up, defaults)?;
        let (method, pattern) = target?;
        Some(Route {
            key: key.trim().to_owned(),
            method,
            pattern,
            price,
            description,
            mime_type,
            charge_on: charge_on.unwrap_or(defaults.charge_on),
            cache,
            paywall,
            speculative,
        })
    }

    fn price(
        &mut self,
        amount: Units,
        currency: Currency,
        min: Option<Units>,
        defaults: &Defaults,
    ) -> Option<Price> {
        if amount.is_zero() {
            return Some(Price::Free);
        }
        let limits = defaults.limits;
        match limits.min_top_up(amount, currency, min) {
            Ok(min) => {
                if currency != limits.currency {
                    limits.warn_of_other_currency(self.reader, self.place, currency);
                }
                Some(limits.price(self.reader, self.place, amount, currency, min))
            }
            Err(refusal) => {
                self.refuse(Some("minTopUp"), refusal);
                None
            }
        }
    }

    /// The price in units, from `amount` or `price`.
    fn amount(&mut self, fields: &Map<String, Value>, currency: Currency, misspelt: bool) -> Option<Units> {
        match (is_set(fields, "amount"), is_set(fields, "price")) {
            (true, true) => {
                self.refuse(Some("price"), Refusal::because("an amount is set, too: write one of the two"));
                None
            }
            // Then that has been said already.
            (false, false) if misspelt => None,
            (false, false) => {
                let problem = "an amount in units or a price such as \"0.05\" is needed; amount = 0 makes the path free";
                self.refuse(Some("amount"), Refusal::because(problem));
                None
            }
            (true, false) => self.field(fields, "amount", |value| {
                let number = integer(value, 0, Units::MAX.get())?;
                let amount =
                    Units::new(number).ok_or_else(|| Refusal::because("expected a smaller number"))?;
                price::payable(amount, currency).map_err(|refusal| refusal.found(value))
            }),
            (false, true) => self.field(fields, "price", |value| {
                let written = text(value)?;
                let amount =
                    currency.parse_price(&written).map_err(|error| Refusal::because(error).found(value))?;
                price::payable(amount, currency).map_err(|refusal| refusal.found(value))
            }),
        }
    }

    fn check_speculative(&mut self, method: Option<&RouteMethod>) {
        if let Some(RouteMethod::Any) = method {
            self.refuse(
                Some("speculative"),
                Refusal::because("only GET can be asked ahead of the debit, and * is more"),
            );
        } else if let Some(RouteMethod::Exact(method)) = method
            && method != "GET"
        {
            let problem = format!("only GET can be asked ahead of the debit: {method} may change something");
            self.refuse(Some("speculative"), Refusal::because(problem));
        }
        if self.reader.given("ORIGIN_SECRET").is_some() {
            let problem =
                "with ORIGIN_SECRET the origin expects a proof of payment, which is made after the debit";
            self.refuse(Some("speculative"), Refusal::because(problem));
        }
    }
}

fn is_set(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
}

fn media_type(value: &Value) -> Result<String, Refusal> {
    let written = line(value, 127)?;
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    match written.split(';').next().and_then(|kind| kind.trim().split_once('/')) {
        Some((kind, subtype)) if token(kind) && token(subtype) => Ok(written),
        Some(_) | None => {
            Err(Refusal::because("expected a media type such as application/json").found(value))
        }
    }
}
