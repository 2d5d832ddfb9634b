//! The limits against card testing, on the platform: the rate limit binding, and this isolate's own bucket.
//!
//! Kept true here: whoever would make us call Stripe passes here first; a limit that cannot be asked lets nobody by
//! where real cards are charged.

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use js_sys::{Object, Reflect};
use stripe402_core::config::{Binding, Mode};
use wasm_bindgen::prelude::*;
use web_sys::Headers;

use super::http::get;
use super::platform::{RateLimit, console_error, describe, now};
use super::setup::Setup;
use crate::gate::limits::{Bucket, CALLS_PER_SECOND, client_key};

/// After how many seconds to come again: the binding's window.
pub(super) const ADDRESS_RETRY: u32 = 60;
/// After how many seconds the bucket has tokens again.
pub(super) const BUCKET_RETRY: u32 = 1;

thread_local! {
    static BUCKET: RefCell<Bucket> = const { RefCell::new(Bucket::new(CALLS_PER_SECOND)) };
}

/// Counts a request of this client that would call Stripe, or that guesses. In how many seconds to come again, if it
/// is one too many.
pub(super) async fn count(env: &JsValue, setup: &Setup, headers: &Headers) -> Result<(), u32> {
    if !setup.settings.limits || !setup.settings.bindings.contains(&Binding::Limiter) {
        return Ok(());
    }
    match ask(env, &address(headers)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ADDRESS_RETRY),
        Err(error) => {
            console_error(&format!("stripe402: the rate limit could not be asked: {}", describe(&error)));
            if setup.settings.mode == Mode::Live { Err(ADDRESS_RETRY) } else { Ok(()) }
        }
    }
}

/// Who a request counts as.
pub(super) fn address(headers: &Headers) -> String {
    let address = get(headers, "cf-connecting-ip");
    let zone = get(headers, "cf-worker");
    client_key(address.as_deref(), zone.as_deref())
}

/// Takes a call to Stripe out of this isolate's bucket.
pub(super) fn take_call(setup: &Setup) -> Result<(), u32> {
    if !setup.settings.limits || BUCKET.with_borrow_mut(|bucket| bucket.take(now())) {
        Ok(())
    } else {
        Err(BUCKET_RETRY)
    }
}

async fn ask(env: &JsValue, key: &str) -> Result<bool, JsValue> {
    let limiter: RateLimit = Reflect::get(env, &"LIMITER".into())?.unchecked_into();
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &key.into())?;
    let outcome = JsFuture::from(limiter.limit(&options)?).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}
