//! All settings, checked and typed: what the rest of the Worker sees of its configuration.
//!
//! A [`Settings`] exists only if every check passed, so nothing that reads one checks again. It is made once
//! per isolate, never per request.

use super::errors::{ConfigErrors, Refusal, Warning};
use super::price::Limits;
use super::routes::{self, CHARGE_ON, ChargeOn, Defaults, Route};
use super::secrets::{self, Mode, Secrets};
use super::url::{address, web_page};
use super::value::{Reader, boolean, choice, line, list, small_integer, text};
use super::variables::{Binding, check_names};
use crate::protocol::Currency;
use serde_json::{Map, Value};

/// What the settings are read from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Variables and secrets by name, as JSON.
    pub vars: &'a Map<String, Value>,
    /// The bindings that are there.
    pub bindings: &'a [Binding],
    /// Who asks.
    pub phase: Phase,
}

/// When the settings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// By `build.rs`: secrets are elsewhere and not checked, a placeholder for the publishable key is a
    /// warning, and a variable with almost the name of a setting is an error.
    Build,
    /// By the Worker.
    Run,
}

/// Everything the operator decided.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's")]
#[derive(Clone, Debug)]
pub struct Settings {
    /// The route table; at least one route is paid.
    pub routes: Vec<Route>,
    /// Stripe's publishable key.
    pub publishable_key: String,
    /// What must not be known.
    pub secrets: Secrets,
    /// Whether Stripe moves real money.
    pub mode: Mode,
    /// Where requests go.
    pub origin: OriginTarget,
    /// Stripe's API without a final slash: `https://api.stripe.com`.
    pub stripe_api_base: String,
    /// The currency of routes that name none.
    pub currency: Currency,
    /// Requests on no route.
    pub unmatched: Unmatched,
    /// Other methods of a priced path.
    pub unlisted_methods: UnlistedMethods,
    /// Refuse every path that can be read in two ways.
    pub strict_paths: bool,
    /// What routes charge on that do not say.
    pub charge_on: ChargeOn,
    /// Whose pages may read our headers.
    pub cors_origins: CorsOrigins,
    /// How long the origin may take until its headers arrive, in milliseconds.
    pub origin_timeout_ms: u32,
    /// How long a request waits for a charge, in milliseconds.
    pub top_up_wait_ms: u32,
    /// Declined cards per account and hour.
    pub max_declines: u32,
    /// Whether the limits against card testing hold. Off only in tests.
    pub limits: bool,
    /// Further deliveries of an answered idempotency key.
    pub idempotent_retries: u32,
    /// What the card statement says after the account's prefix.
    pub statement_descriptor_suffix: Option<String>,
    /// `eu` or `fedramp`: part of every account's id.
    pub jurisdiction: Option<String>,
    /// The payment page.
    pub paywall: Paywall,
    /// Publish what is for sale.
    pub discovery: bool,
    /// Whether challenges and free requests get a line in the log, too.
    pub log_unpaid: bool,
    /// After how many days older entries are summed up.
    pub compact_after_days: u32,
    /// How many seconds after something happened in an account it is handed over to `REPORTS`; none: that is not bound.
    pub report_seconds: Option<u32>,
    /// The bindings that are there.
    pub bindings: Vec<Binding>,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginTarget {
    /// The zone's own origin: the request's URL as it is.
    Zone,
    /// Another address.
    Url {
        /// `scheme://host[:port]`, no trailing slash.
        base: String,
        /// What goes before every path: canonical, no trailing slash, empty for none.
        base_path: String,
    },
    /// Another Worker, through the binding `ORIGIN`.
    Service,
}

/// Requests on no route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// Forwarded free.
    #[default]
    Free,
    /// 404 from us.
    Deny,
}

/// Methods of a priced path that no route names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlistedMethods {
    /// 405 from us.
    #[default]
    Deny,
    /// Forwarded free.
    Free,
}

/// Which web origins may pay from their pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Cross-origin requests are the origin's own business.
    #[default]
    None,
    /// Every page.
    Any,
    /// The pages of these origins, as browsers send them: `https://app.example`.
    List(Vec<String>),
}

/// The payment page for browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paywall {
    /// Shown on routes that do not say.
    pub on: bool,
    /// The service's name.
    pub name: Option<String>,
    /// The accent colour, `#rrggbb` in lower case.
    pub color: Option<String>,
    /// An https URL.
    pub logo: Option<String>,
    /// An https URL.
    pub support_url: Option<String>,
    /// An https URL.
    pub terms_url: Option<String>,
}

impl Settings {
    /// Reads and checks everything. All mistakes at once, in an order that puts first what a fresh deployment
    /// misses first.
    pub fn parse(input: Input<'_>) -> Result<(Settings, Vec<Warning>), ConfigErrors> {
        let reader = &mut Reader::new(input);
        // Never by the Worker, so its module goes without.
        if cfg!(not(target_arch = "wasm32")) && reader.phase == Phase::Build {
            check_names(reader);
        }
        let keys = secrets::read(reader);
        check_bindings(reader, keys.mode);
        let limits = Limits::read(reader);
        let charge_on = reader.with_default("CHARGE_ON", |value| choice(value, CHARGE_ON));
        let paywall = paywall(reader);
        let routes = routes::read(reader, &Defaults { limits, charge_on, paywall: paywall.on });
        let settings = Settings {
            routes,
            publishable_key: keys.publishable_key,
            secrets: keys.secrets,
            mode: keys.mode,
            origin: origin(reader),
            stripe_api_base: stripe_api_base(reader, keys.mode),
            currency: limits.currency,
            unmatched: reader.with_default("UNMATCHED", |value| {
                choice(value, &[("free", Unmatched::Free), ("deny", Unmatched::Deny)])
            }),
            unlisted_methods: reader.with_default("UNLISTED_METHODS", |value| {
                choice(value, &[("deny", UnlistedMethods::Deny), ("free", UnlistedMethods::Free)])
            }),
            strict_paths: reader.with_default("STRICT_PATHS", boolean),
            charge_on,
            cors_origins: reader.optional("CORS_ORIGINS", cors_origins).unwrap_or_default(),
            origin_timeout_ms: reader
                .with_default("ORIGIN_TIMEOUT_MS", |value| small_integer(value, 100, 600_000)),
            top_up_wait_ms: reader.with_default("TOP_UP_WAIT_MS", |value| small_integer(value, 100, 60_000)),
            max_declines: reader.with_default("MAX_DECLINES", |value| small_integer(value, 1, 1_000_000)),
            limits: limits_hold(reader, keys.mode),
            idempotent_retries: reader
                .with_default("IDEMPOTENT_RETRIES", |value| small_integer(value, 0, 100)),
            statement_descriptor_suffix: reader.optional("STATEMENT_DESCRIPTOR_SUFFIX", statement_suffix),
            jurisdiction: reader
                .optional("JURISDICTION", |value| choice(value, &[("eu", "eu"), ("fedramp", "fedramp")]))
                .map(str::to_owned),
            paywall,
            discovery: reader.with_default("DISCOVERY", boolean),
            log_unpaid: reader.with_default("LOG_UNPAID", boolean),
            compact_after_days: reader
                .with_default("COMPACT_AFTER_DAYS", |value| small_integer(value, 2, 3650)),
            report_seconds: Some(
                reader.with_default("REPORT_SECONDS", |value| small_integer(value, 1, 3600)),
            )
            .filter(|_| reader.bindings.contains(&Binding::Reports)),
            bindings: reader.bindings.to_vec(),
        };
        match ConfigErrors::new(std::mem::take(&mut reader.findings.errors)) {
            Some(errors) => Err(errors),
            None => Ok((settings, std::mem::take(&mut reader.findings.warnings))),
        }
    }
}

fn check_bindings(reader: &mut Reader<'_>, mode: Mode) {
    if !reader.bindings.contains(&Binding::Accounts) {
        let problem =
            "no binding of this name: the Durable Object class Account under [[durable_objects.bindings]]";
        reader.refuse("ACCOUNTS", Refusal::because(problem));
    }
    if !reader.bindings.contains(&Binding::Limiter) {
        let problem =
            "no rate limit of this name under [[ratelimits]]: card numbers can be tried out without a limit";
        match mode {
            Mode::Live => reader.refuse("LIMITER", Refusal::because(problem)),
            Mode::Test => reader.warn("LIMITER", problem),
        }
    }
}

fn origin(reader: &mut Reader<'_>) -> OriginTarget {
    let url = reader.optional("ORIGIN_URL", |value| {
        let written = text(value)?;
        address(&written).map_err(|expected| {
            let refusal = Refusal::because(expected);
            // A user name and a password may stand before the @.
            if written.contains('@') { refusal } else { refusal.found(value) }
        })
    });
    let service = reader.bindings.contains(&Binding::OriginService);
    if service && reader.given("ORIGIN_URL").is_some() {
        let problem = "there is a service binding ORIGIN, too: choose one of the two";
        reader.refuse("ORIGIN_URL", Refusal::because(problem));
    }
    match url {
        _ if service => OriginTarget::Service,
        Some(url) => OriginTarget::Url { base: url.base, base_path: url.path },
        None => OriginTarget::Zone,
    }
}

fn stripe_api_base(reader: &mut Reader<'_>, mode: Mode) -> String {
    if reader.given("STRIPE_API_BASE").is_some() && mode == Mode::Live {
        let problem = "only for tests: with a live key requests go to Stripe and nowhere else";
        reader.refuse("STRIPE_API_BASE", Refusal::because(problem));
    }
    reader.with_default("STRIPE_API_BASE", |value| {
        let written = text(value)?;
        let refuse = |expected| Refusal::because(expected);
        let url = address(&written).map_err(|expected| {
            if written.contains('@') { refuse(expected) } else { refuse(expected).found(value) }
        })?;
        Ok(format!("{}{}", url.base, url.path))
    })
}

fn limits_hold(reader: &mut Reader<'_>, mode: Mode) -> bool {
    let hold = reader.with_default("LIMITS", boolean);
    if !hold && mode == Mode::Live {
        reader.refuse("LIMITS", Refusal::because("off only for tests: with a live key the limits hold"));
    }
    hold
}

fn cors_origins(value: &Value) -> Result<CorsOrigins, Refusal> {
    let origins = list(value)?;
    if origins.iter().any(|origin| origin == "*") {
        return if origins.len() == 1 {
            Ok(CorsOrigins::Any)
        } else {
            Err(Refusal::because("\"*\" stands alone: it already allows every origin").found(value))
        };
    }
    for origin in &origins {
        let expected = "expected web origins such as \"https://app.example\", without a path, or \"*\"";
        let base =
            address(origin).map(|url| url.base).map_err(|_| Refusal::because(expected).found(value))?;
        if base != *origin {
            return Err(Refusal::because(expected).found(value).nearest(Some(base)));
        }
    }
    Ok(if origins.is_empty() { CorsOrigins::None } else { CorsOrigins::List(origins) })
}

/// Stripe: at most 22 characters, at least one letter, none of `< > \ ' " *`.
fn statement_suffix(value: &Value) -> Result<String, Refusal> {
    let suffix = text(value)?;
    let printable =
        |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'\\' | b'\'' | b'"' | b'*');
    let letter = suffix.bytes().any(|byte| byte.is_ascii_alphabetic());
    if suffix.len() <= 22 && letter && suffix.bytes().all(printable) {
        return Ok(suffix);
    }
    let expected = "expected at most 22 characters with at least one letter: letters, digits, spaces and signs other than \
                    < > \\ ' \" *";
    Err(Refusal::because(expected).found(value))
}

fn paywall(reader: &mut Reader<'_>) -> Paywall {
    fn page(value: &Value) -> Result<String, Refusal> {
        let written = text(value)?;
        web_page(&written).map_err(|expected| Refusal::because(expected).found(value))
    }
    Paywall {
        on: reader.with_default("PAYWALL", boolean),
        name: reader.optional("PAYWALL_NAME", |value| line(value, 60)),
        color: reader.optional("PAYWALL_COLOR", color),
        logo: reader.optional("PAYWALL_LOGO", page),
        support_url: reader.optional("SUPPORT_URL", page),
        terms_url: reader.optional("TERMS_URL", page),
    }
}

fn color(value: &Value) -> Result<String, Refusal> {
    let written = text(value)?.to_ascii_lowercase();
    match written.strip_prefix('#').map(str::as_bytes) {
        Some(&[red, green, blue]) if [red, green, blue].iter().all(u8::is_ascii_hexdigit) => {
            let twice = [red, red, green, green, blue, blue].map(char::from);
            Ok(std::iter::once('#').chain(twice).collect())
        }
        Some(digits) if digits.len() == 6 && digits.iter().all(u8::is_ascii_hexdigit) => Ok(written),
        Some(_) | None => Err(Refusal::because("expected a colour such as #0a7cff").found(value)),
    }
}
