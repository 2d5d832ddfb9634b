//! A Worker with a `fetch` event of its own that calls a paid API. What it may spend is said once, below; who asks this
//! Worker decides nothing about money.

#![cfg(target_arch = "wasm32")]

use std::cell::OnceCell;
use stripe402_client::protocol::{Currency, PaymentMethodId, Units};
use stripe402_client::{Budget, Error, FetchError, Limits, Outcome, Paying, Policy, Window};
use wasm_bindgen::JsValue;
use web_sys::{Request, Response, ResponseInit};
use worker::{Context, Env, event};

thread_local! {
    /// One for all requests of this isolate, so that credits are found again and the budget is one. It is forgotten with
    /// the isolate: then the card pays again, out of the credits that it still has. A `Store` of your own (a Durable
    /// Object, KV) would keep it.
    static PAYING: OnceCell<Paying> = const { OnceCell::new() };
}

#[event(fetch)]
async fn fetch(_: Request, env: Env, _: Context) -> Result<Response, worker::Error> {
    match buy(&env).await {
        Ok(response) => Ok(response),
        Err(FetchError::Paying(Error::Refused(refused))) => text(503, &format!("Not bought: {refused}")),
        Err(error) => text(502, &format!("Not bought: {error}")),
    }
}

/// Buys a joke.
async fn buy(env: &Env) -> Result<Response, FetchError> {
    let setting = |name| js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?.as_string();
    let url = setting("PAID_API").unwrap_or_default();
    let Ok(card) = PaymentMethodId::parse(&setting("PAYMENT_METHOD").unwrap_or_default()) else {
        return text(500, "PAYMENT_METHOD is missing: npx wrangler secret put PAYMENT_METHOD")
            .map_err(|error| FetchError::Fetch(error.into()));
    };
    let paying = PAYING.with(|paying| paying.get_or_init(|| Paying::new(card).policy(policy())).clone());
    let request = Request::new_with_str(&url).map_err(FetchError::Fetch)?;
    let fetched = paying.fetch(&request, None).await?;
    match &fetched.outcome {
        Outcome::Paid(paid) => {
            worker::console_log!("bought: price {:?}, charged {:?}", paid.price, paid.charged);
        }
        other => {
            worker::console_log!("not bought: {other:?}");
        }
    }
    Ok(fetched.response)
}

/// At most a cent for a joke, ten cents in an hour, five dollars at a time from the card.
fn policy() -> Policy {
    let limits = Limits { max_price: Units::new(100), max_top_up: Units::new(50_000), budgets: Vec::new() };
    let budget = Units::new(1_000).map(|most| Budget::spending(Window::Hour, most));
    Policy::new().limits(Currency::USD, budget.into_iter().fold(limits, Limits::budget))
}

fn text(status: u16, text: &str) -> Result<Response, worker::Error> {
    let init = ResponseInit::new();
    init.set_status(status);
    Response::new_with_opt_str_and_init(Some(text), &init).map_err(worker::Error::from)
}
