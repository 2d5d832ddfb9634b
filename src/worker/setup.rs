//! The configuration of this isolate: read from the environment once, checked by the same code as in the build.
//!
//! Kept true here: a bad configuration is an answer that names the setting, on every path; its value appears nowhere.

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::{JSON, Object, Reflect};
use secrecy::{ExposeSecret, SecretString};
use stripe402_core::config::{
    Binding, ConfigErrors, Input, Mode, Phase, Settings, account_of_key, is_setting,
};
use stripe402_core::protocol::deployment_tag;
use stripe402_core::protocol::digest::{hex, sha256};
use wasm_bindgen::JsValue;

use super::platform::{console_error, console_log};
use crate::gate::Gate;
use crate::ledger::topup::StripeSide;
use crate::stripe::API_VERSION;

/// All that is derived from the configuration, ready to be used.
pub(super) struct Setup {
    /// The settings.
    pub(super) settings: Settings,
    /// The gate that they make.
    pub(super) gate: Gate,
    /// Whose Stripe we speak to.
    pub(super) side: StripeSide,
    /// The deployment's tag in Stripe's metadata.
    pub(super) deployment: String,
    /// The tag under the secret before a rotation.
    previous: Option<String>,
}

thread_local! {
    static SETUP: OnceCell<Result<Rc<Setup>, String>> = const { OnceCell::new() };
}

/// The setup of this isolate, or the name of the setting that is wrong.
pub(super) fn setup(env: &JsValue) -> Result<Rc<Setup>, String> {
    SETUP.with(|cell| cell.get_or_init(|| read(env)).clone())
}

fn read(env: &JsValue) -> Result<Rc<Setup>, String> {
    let (vars, bindings) = environment(env);
    let input = Input { vars: &vars, bindings: &bindings, phase: Phase::Run };
    match Settings::parse(input) {
        Ok((settings, warnings)) => {
            for warning in warnings {
                console_log(&format!("stripe402: {warning}"));
            }
            Ok(Rc::new(Setup::new(settings)))
        }
        Err(errors) => {
            console_error(&format!("stripe402: the configuration is wrong:\n{errors}"));
            Err(name_of(&errors))
        }
    }
}

fn name_of(errors: &ConfigErrors) -> String {
    errors.first().setting().clone()
}

impl Setup {
    fn new(settings: Settings) -> Self {
        let side = StripeSide {
            live: settings.mode == Mode::Live,
            account: stripe_account(&settings.publishable_key),
            version: API_VERSION.to_owned(),
        };
        let tag = |secret: &SecretString| deployment_tag(secret.expose_secret().as_bytes());
        let deployment = tag(&settings.secrets.server_secret);
        let previous = settings.secrets.server_secret_previous.as_ref().map(tag);
        Self { gate: Gate::new(&settings), side, deployment, previous, settings }
    }

    /// Whether a tag in Stripe's metadata is ours for sure: under the secret of today, or under the one before a rotation.
    /// What bears a tag from before that is known by its account alone.
    pub(super) fn is_ours(&self, tag: &str) -> bool {
        self.deployment == tag || self.previous.as_deref() == Some(tag)
    }
}

/// What tells one Stripe account from another. Keys that do not say stand for themselves. Hashed: it is kept in rows.
fn stripe_account(publishable_key: &str) -> String {
    let whole = || publishable_key.splitn(3, '_').nth(2).unwrap_or_default();
    let account = account_of_key(publishable_key).unwrap_or_else(whole);
    hex(&sha256(account.as_bytes())).chars().take(16).collect()
}

/// The environment as JSON: variables and secrets by name, and which bindings there are.
fn environment(env: &JsValue) -> (serde_json::Map<String, serde_json::Value>, Vec<Binding>) {
    let mut vars = serde_json::Map::new();
    let mut bindings = Vec::new();
    for name in Object::keys(env.unchecked_ref_object()).iter().filter_map(|name| name.as_string()) {
        if let Some(binding) = Binding::ALL.into_iter().find(|binding| binding.name() == name) {
            bindings.push(binding);
            continue;
        }
        if !is_setting(&name) {
            continue;
        }
        let value = Reflect::get(env, &name.as_str().into()).unwrap_or_default();
        let json = JSON::stringify(&value).ok().and_then(|text| text.as_string());
        let value = json.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        vars.insert(name, value);
    }
    (vars, bindings)
}

trait AsObject {
    fn unchecked_ref_object(&self) -> &Object;
}

impl AsObject for JsValue {
    fn unchecked_ref_object(&self) -> &Object {
        wasm_bindgen::JsCast::unchecked_ref(self)
    }
}
