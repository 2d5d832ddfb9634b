//! What the platform offers and the `worker` crate does not bind, or binds at a cost: small externs, all `catch`.

use std::pin::Pin;

use js_sys::futures::future_to_promise;
use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Headers, Request, RequestInit, Response};

use crate::ledger::{Millis, Op};
use crate::stripe::TopUpId;

#[wasm_bindgen]
extern "C" {
    /// `ctx` of a request, or of a Durable Object.
    #[derive(Clone)]
    pub type Context;
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &Context, promise: &Promise) -> Result<(), JsValue>;

    /// `ctx` of a Durable Object.
    #[derive(Clone)]
    #[wasm_bindgen(extends = Context)]
    pub(super) type ObjectState;
    #[wasm_bindgen(method, getter)]
    pub(super) fn storage(this: &ObjectState) -> Storage;

    /// `ctx.storage`.
    #[derive(Clone)]
    pub(super) type Storage;
    #[wasm_bindgen(method, getter)]
    pub(super) fn sql(this: &Storage) -> Sql;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(super) fn transaction_sync(
        this: &Storage,
        work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(super) fn set_alarm(this: &Storage, at: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAlarm)]
    pub(super) fn delete_alarm(this: &Storage) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    pub(super) fn delete_all(this: &Storage) -> Result<Promise, JsValue>;

    /// `ctx.storage.sql`.
    #[derive(Clone)]
    pub(super) type Sql;
    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &Sql, query: &str, params: &Array) -> Result<Cursor, JsValue>;
    #[wasm_bindgen(method, catch, getter, js_name = databaseSize)]
    pub(super) fn database_size(this: &Sql) -> Result<f64, JsValue>;

    /// What `exec` gives.
    pub(super) type Cursor;
    #[wasm_bindgen(method, catch)]
    pub(super) fn raw(this: &Cursor) -> Result<RawRows, JsValue>;

    /// The rows of a cursor, each an array.
    pub(super) type RawRows;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub(super) fn to_array(this: &RawRows) -> Result<Array, JsValue>;

    /// Whatever can be asked with `fetch`: a service, the global scope.
    pub(super) type Fetcher;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub(super) fn fetch(this: &Fetcher, what: &JsValue, init: &RequestInit) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub(super) fn fetch_url(this: &Fetcher, url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    /// A rate limit binding.
    pub(super) type RateLimit;
    #[wasm_bindgen(method, catch)]
    pub(super) fn limit(this: &RateLimit, options: &Object) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = AbortSignal, js_name = timeout)]
    pub(super) fn abort_after(milliseconds: u32) -> Result<AbortSignal, JsValue>;

    /// The response constructor, with a response for its init: status, text, headers and WebSocket come along.
    #[wasm_bindgen(js_name = Response)]
    pub(super) type ResponseLike;
    #[wasm_bindgen(constructor, js_class = "Response", catch)]
    pub(super) fn like(body: &JsValue, response: &Response) -> Result<ResponseLike, JsValue>;

    #[wasm_bindgen(catch, js_namespace = AbortSignal, js_name = any)]
    fn any_signal(signals: &Array) -> Result<AbortSignal, JsValue>;

    /// An Analytics Engine data set.
    pub(super) type DataSet;
    #[wasm_bindgen(method, catch, js_name = writeDataPoint)]
    pub(super) fn write_data_point(this: &DataSet, point: &Object) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub(super) fn console_log(line: &str);
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub(super) fn console_error(line: &str);

    #[wasm_bindgen(catch, js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Function, milliseconds: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(handle: &JsValue);
}

// What takes few large calls instead of many small ones.
#[wasm_bindgen(module = "/src/worker/platform.js")]
extern "C" {
    /// What the gate needs of a request, in lines.
    pub(super) fn read(request: &Request) -> String;
    /// The names of all headers, each in a line: one crossing, where an iterator would take two for each.
    pub(super) fn names(headers: &Headers) -> String;
    /// The name of an object.
    #[wasm_bindgen(js_name = nameOf)]
    pub(super) fn name_of(state: &ObjectState) -> String;
    /// Asks an account.
    #[wasm_bindgen(catch)]
    pub(super) fn ask(
        env: &JsValue,
        account: &str,
        jurisdiction: Option<&str>,
        call: &str,
    ) -> Result<Promise, JsValue>;
}

/// The promise of what a future gives. All futures become promises here, as one type: each further one would cost the
/// Worker two kilobytes.
pub(super) fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let future: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(future);
    future_to_promise(future)
}

impl Context {
    /// Goes on with something after the answer.
    pub(super) fn go_on(&self, work: impl Future<Output = ()> + 'static) {
        let promise = promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        });
        if let Err(error) = self.wait_until(&promise) {
            console_error(&format!("stripe402: waitUntil failed: {}", describe(&error)));
        }
    }
}

/// A signal that is given when one of two is.
pub(super) fn either(one: &AbortSignal, other: &AbortSignal) -> Result<AbortSignal, JsValue> {
    any_signal(&Array::of2(one, other))
}

/// The global scope, for `fetch`.
pub(super) fn global() -> Fetcher {
    js_sys::global().unchecked_into()
}

/// Now, by the platform's clock: it moves on with I/O only.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a whole number of milliseconds, far below 2^53"
)]
pub(super) fn now() -> Millis {
    Millis(js_sys::Date::now() as i64)
}

/// Sixteen random bytes; none if the platform has no randomness to give.
fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// The name of a new attempt to pay.
pub(super) fn new_op() -> Option<Op> {
    random().map(Op::from_bytes)
}

/// The name of a new top-up.
pub(super) fn new_top_up_id() -> Option<TopUpId> {
    random().map(TopUpId::from_bytes)
}

/// Does something on the next turn of the event loop. At once, if there is no timer to be had.
pub(super) fn next_turn(work: impl FnOnce() + 'static) {
    let callback = Closure::once_into_js(work);
    let function: &Function = callback.unchecked_ref();
    if set_timeout(function, 0).is_err() {
        drop(function.call0(&JsValue::NULL));
    }
}

/// Reads a flag of an error that the platform threw (`retryable`, `overloaded`).
pub(super) fn flag(error: &JsValue, name: &str) -> bool {
    js_sys::Reflect::get(error, &name.into()).is_ok_and(|value| value.is_truthy())
}

/// What an error says, for the log.
pub(super) fn describe(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.to_string()),
        None => error.as_string().unwrap_or_else(|| "unknown error".to_owned()),
    }
}
