//! Keys and secrets: their forms, and that they belong together.
//!
//! Nothing here ever repeats a value, not even a wrong one: what is pasted into the wrong place is often a
//! secret, too.

use super::errors::Refusal;
use super::settings::Phase;
use super::value::{Reader, text};
use secrecy::{ExposeSecret, SecretString};

/// Whether Stripe moves real money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Test keys.
    #[default]
    Test,
    /// Live keys.
    Live,
}

impl Mode {
    /// `test` or `live`, as in Stripe's keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Test => "test",
            Mode::Live => "live",
        }
    }
}

/// What must not be known. `Debug` shows no values.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Stripe's secret or restricted key. Empty at build time.
    pub stripe_secret_key: SecretString,
    /// What client ids are derived from. Empty at build time.
    pub server_secret: SecretString,
    /// The one before a rotation.
    pub server_secret_previous: Option<SecretString>,
    /// The webhook's signing secret.
    pub webhook_secret: Option<SecretString>,
    /// Signs the proof of payment for the origin.
    pub origin_secret: Option<SecretString>,
    /// Opens the operator's endpoints.
    pub admin_token: Option<SecretString>,
}

/// What the keys come to.
pub(crate) struct Keys {
    pub(crate) publishable_key: String,
    pub(crate) mode: Mode,
    pub(crate) secrets: Secrets,
}

/// The value that `wrangler.toml` ships with.
const PLACEHOLDER_KEY: &str = "pk_test_replace_me";

/// Reads the publishable key and, when running, the secrets.
pub(crate) fn read(reader: &mut Reader<'_>) -> Keys {
    let public = publishable_key(reader);
    let nothing = || SecretString::from("");
    let mut secrets = Secrets {
        stripe_secret_key: nothing(),
        server_secret: nothing(),
        server_secret_previous: None,
        webhook_secret: None,
        origin_secret: None,
        admin_token: None,
    };
    let mut mode = public.as_ref().map(|(_, mode)| *mode);
    if reader.phase == Phase::Run {
        let key = required(reader, "STRIPE_SECRET_KEY", |text| {
            stripe_key(text, &["sk", "rk"]).map(|mode| (text.to_owned(), mode))
        });
        if let (Some((_, secret)), Some(public)) = (&key, mode)
            && *secret != public
        {
            let (secret, public) = (secret.as_str(), public.as_str());
            let problem =
                format!("a {secret} key, but STRIPE_PUBLISHABLE_KEY is a {public} key: both are of one mode");
            reader.refuse("STRIPE_SECRET_KEY", Refusal::because(problem));
        }
        let accounts = |secret| Some((account_of_key(secret)?, account_of_key(&public.as_ref()?.0)?));
        if let Some((key, _)) = &key
            && accounts(key).is_some_and(|(secret, public)| secret != public)
        {
            let problem =
                "of another Stripe account than STRIPE_PUBLISHABLE_KEY: what one takes the other cannot see";
            reader.refuse("STRIPE_SECRET_KEY", Refusal::because(problem));
        }
        if let Some((key, secret)) = key {
            mode = mode.or(Some(secret));
            secrets.stripe_secret_key = key.into();
        }
        secrets.server_secret =
            required(reader, "SERVER_SECRET", strong).map_or_else(nothing, SecretString::from);
        secrets.server_secret_previous = optional(reader, "SERVER_SECRET_PREVIOUS", strong);
        secrets.webhook_secret = optional(reader, "STRIPE_WEBHOOK_SECRET", webhook_secret);
        secrets.origin_secret = optional(reader, "ORIGIN_SECRET", strong);
        secrets.admin_token = optional(reader, "ADMIN_TOKEN", strong);
        check_distinct(reader, &secrets);
        if secrets.webhook_secret.is_none() {
            reader.warn("STRIPE_WEBHOOK_SECRET", "not set: refunds and disputes at Stripe are not seen");
        }
    }
    Keys {
        publishable_key: public.map(|(key, _)| key).unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        secrets,
    }
}

/// The text of a setting of which no part may be repeated. White space at its ends is refused rather than
/// removed: two places that treat it differently would derive different ids.
fn exact(reader: &Reader<'_>, name: &str) -> Option<Result<String, Refusal>> {
    let value = reader.given(name)?;
    let whole = value.as_str().map_or_else(|| text(value), |text| Ok(text.to_owned()));
    Some(match whole {
        Ok(text) if text.trim() == text => Ok(text),
        Ok(_) => Err(Refusal::because("has white space at its beginning or end (a line break, perhaps)")),
        Err(_) => Err(Refusal::because("expected text")),
    })
}

fn publishable_key(reader: &mut Reader<'_>) -> Option<(String, Mode)> {
    const NAME: &str = "STRIPE_PUBLISHABLE_KEY";
    let read = match exact(reader, NAME) {
        None => Err(Refusal::because("not set: expected pk_test_… or pk_live_… from Stripe's dashboard")),
        Some(Err(refusal)) => Err(refusal),
        Some(Ok(key)) if is_placeholder(&key) => {
            if reader.phase == Phase::Build {
                reader.warn(NAME, "still a placeholder: put your own key from Stripe's dashboard here");
                return Some((key, Mode::Test));
            }
            Err(Refusal::because("still a placeholder: put your own key from Stripe's dashboard here"))
        }
        Some(Ok(key)) => stripe_key(&key, &["pk"]).map(|mode| (key, mode)),
    };
    reader.note(NAME, read)
}

fn required<T>(reader: &mut Reader<'_>, name: &str, check: impl Fn(&str) -> Result<T, Refusal>) -> Option<T> {
    let outcome = match exact(reader, name) {
        Some(outcome) => outcome.and_then(|text| check(&text)),
        None => Err(Refusal::because(format_args!("not set: run \"wrangler secret put {name}\""))),
    };
    reader.note(name, outcome)
}

fn optional(
    reader: &mut Reader<'_>,
    name: &str,
    check: impl Fn(&str) -> Result<String, Refusal>,
) -> Option<SecretString> {
    let outcome = exact(reader, name)?.and_then(|text| check(&text));
    reader.note(name, outcome).map(SecretString::from)
}

/// The mode of a Stripe key of one of these kinds.
/// What tells one Stripe account from another in its keys, public and secret ones alike: `pk_test_51` and the 14
/// characters of `acct_1…`, however often a key is rolled. None: a key of another form.
pub fn account_of_key(key: &str) -> Option<&str> {
    key.splitn(3, '_').nth(2)?.strip_prefix("51")?.get(..14)
}

fn stripe_key(key: &str, kinds: &[&str]) -> Result<Mode, Refusal> {
    let expected =
        kinds.iter().map(|kind| format!("{kind}_test_… or {kind}_live_…")).collect::<Vec<_>>().join(", ");
    let refuse = |why: &str| Refusal::because(format_args!("expected {expected}{why}"));
    let mut parts = key.splitn(3, '_');
    let (kind, mode, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let kind = kind.unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(match kind {
            "pk" => refuse("; this is a publishable key"),
            "sk" | "rk" => {
                refuse("; this is a SECRET key: it must never stand here, roll it in Stripe's dashboard")
            }
            "whsec" => refuse("; this is a webhook's signing secret"),
            _ => refuse(" from Stripe's dashboard"),
        });
    }
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if rest.is_empty() || !rest.bytes().all(word) || is_placeholder(key) {
        return Err(refuse("; this is not a whole key"));
    }
    match mode {
        Some("test") => Ok(Mode::Test),
        Some("live") => Ok(Mode::Live),
        _ => Err(refuse(" from Stripe's dashboard")),
    }
}

/// A secret of ours: long, and not an example.
fn strong(secret: &str) -> Result<String, Refusal> {
    let hint = "make one with \"openssl rand -hex 32\"";
    if secret.len() < 32 {
        return Err(Refusal::because(format_args!(
            "{} bytes long, expected at least 32: {hint}",
            secret.len()
        )));
    }
    let distinct = (0..=u8::MAX).filter(|byte| secret.as_bytes().contains(byte)).count();
    if distinct < 5 || is_placeholder(secret) {
        return Err(Refusal::because(format_args!("a placeholder or too regular: {hint}")));
    }
    Ok(secret.to_owned())
}

fn webhook_secret(secret: &str) -> Result<String, Refusal> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'/' | b'=');
    match secret.strip_prefix("whsec_") {
        Some(rest) if !rest.is_empty() && rest.bytes().all(word) && !is_placeholder(secret) => {
            Ok(secret.to_owned())
        }
        Some(_) | None => {
            Err(Refusal::because("expected whsec_… from the webhook's page in Stripe's dashboard"))
        }
    }
}

/// Text that examples carry where a real value belongs.
fn is_placeholder(text: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "changeme",
        "change-me",
        "change_me",
        "replace-me",
        "replace_me",
        "your_",
        "your-",
        "placeholder",
        "xxxxxx",
    ];
    let lower = text.to_ascii_lowercase();
    text == PLACEHOLDER_KEY
        || lower.ends_with("...")
        || lower.ends_with('…')
        || SIGNS.iter().any(|sign| lower.contains(sign))
}

/// Each secret opens something else: whoever holds one, such as the origin, must not thereby hold another.
fn check_distinct(reader: &mut Reader<'_>, secrets: &Secrets) {
    let mut seen = vec![("SERVER_SECRET", &secrets.server_secret)];
    let others = [
        ("SERVER_SECRET_PREVIOUS", &secrets.server_secret_previous),
        ("ORIGIN_SECRET", &secrets.origin_secret),
        ("ADMIN_TOKEN", &secrets.admin_token),
    ];
    for (name, secret) in others {
        let Some(secret) = secret else { continue };
        if let Some((same, _)) =
            seen.iter().find(|(_, other)| other.expose_secret() == secret.expose_secret())
        {
            reader.refuse(
                name,
                Refusal::because(format_args!("the same as {same}: each is a secret of its own")),
            );
        }
        seen.push((name, secret));
    }
}
