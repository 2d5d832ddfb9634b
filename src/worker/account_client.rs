//! An account as the Worker sees it: calls go out, and are tried again under the same name, so that a debit that went
//! through without an answer is not made twice.
//!
//! Kept true here: a call that fails is no answer, and no answer is never taken for a paid one; a client id or a
//! payment method stands in what is said to the object, never in a URL or a name.

use js_sys::futures::JsFuture;
use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;

use super::platform::{self, console_error, describe, flag, now};

use super::setup::Setup;
use super::watch::{Watch, within};
use crate::ledger::words::{read_answer, to_text};
use crate::ledger::{Answer, Call};

/// How often a call is tried.
const TRIES: u32 = 3;
/// How long all tries of a debit may take together.
const DEBIT_TIME: u32 = 2_000;
/// How long a call may take that may wait for a charge, besides that wait itself.
const PAY_MARGIN: u32 = 2_000;

/// The account could not be asked, or did not answer. Whether it acted is not known.
#[derive(Debug)]
pub(super) struct Unreachable;

/// Asks an account.
pub(super) async fn ask(
    env: &JsValue,
    setup: &Setup,
    watch: &Watch,
    account: &AccountId,
    call: &Call,
) -> Result<Answer, Unreachable> {
    ask_for(env, setup, watch, account, &mut call.clone()).await.map(|(answer, _)| answer)
}

/// Asks an account, and leaves in the call how often that was tried. With the answer comes the id of the request to Stripe
/// that came last for it.
pub(super) async fn ask_for(
    env: &JsValue,
    setup: &Setup,
    watch: &Watch,
    account: &AccountId,
    call: &mut Call,
) -> Result<(Answer, Option<String>), Unreachable> {
    let limit = match call {
        Call::Spend(_)
        | Call::Reverse { .. }
        | Call::Undo { .. }
        | Call::Deliver { .. }
        | Call::Show(_)
        | Call::IsKnown => DEBIT_TIME,
        Call::Pay(_) | Call::Announce(_) | Call::See(..) | Call::Act(_) => {
            setup.settings.top_up_wait_ms.saturating_add(PAY_MARGIN)
        }
    };
    watch.within(tries(env, setup, account, call), limit).await.unwrap_or(Err(Unreachable))
}

async fn tries(
    env: &JsValue,
    setup: &Setup,
    account: &AccountId,
    call: &mut Call,
) -> Result<(Answer, Option<String>), Unreachable> {
    let began = now();
    for nth in 1..=TRIES {
        match once(env, setup, account, call).await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                console_error(&format!(
                    "stripe402: account {} did not answer (try {nth}): {}",
                    account.short(),
                    describe(&error)
                ));
                // An overloaded object gets no second try; a call that waited long has had its time.
                let late = now().since(began) > i64::from(DEBIT_TIME);
                if flag(&error, "overloaded") || late || nth == TRIES {
                    return Err(Unreachable);
                }
            }
        }
        again(call);
        within(std::future::pending::<()>(), nth.saturating_mul(60)).await;
    }
    Err(Unreachable)
}

/// The same call, marked: the first may have gone through.
fn again(call: &mut Call) {
    let order = match call {
        Call::Spend(order) => order,
        Call::Pay(pay) => &mut pay.order,
        // These change nothing when they come twice.
        Call::Reverse { .. }
        | Call::Undo { .. }
        | Call::Deliver { .. }
        | Call::Announce(_)
        | Call::Show(_)
        | Call::IsKnown
        | Call::See(..)
        | Call::Act(_) => return,
    };
    order.retried = true;
    order.nth = order.nth.saturating_add(1);
}

async fn once(
    env: &JsValue,
    setup: &Setup,
    account: &AccountId,
    call: &Call,
) -> Result<(Answer, Option<String>), JsValue> {
    let jurisdiction = setup.settings.jurisdiction.as_deref();
    let answer = JsFuture::from(platform::ask(env, account.as_str(), jurisdiction, &to_text(call))?).await?;
    let text = answer.as_string().unwrap_or_default();
    read_answer(&text).map_err(|error| JsValue::from_str(&error.to_string()))
}
