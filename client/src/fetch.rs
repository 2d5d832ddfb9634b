//! `fetch` for Rust Workers: requests of `web_sys`, which the crate `worker` turns into its own and back.

use crate::books::{Millis, Target};
use crate::error::Error;
use crate::exchange::{Answer, Arrived, Outcome};
use crate::origin::Origin;
use crate::paying::{Asked, Failure, Lost, Paying, Wire};
use crate::redirect::{self, CREDENTIALS, Next, OF_A_BODY};
use async_trait::async_trait;
use js_sys::{Date, Function, Promise, Uint8Array};
use std::time::Duration;
use stripe402_core::protocol::PAYMENT;
use url::Url;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, RequestRedirect, Response};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(request: &Request) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(then: &Function, milliseconds: f64) -> JsValue;
}

/// An answer, and what became of the payment.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The answer.
    pub response: Response,
    /// What became of the request.
    pub outcome: Outcome,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// It was not paid, or could not be.
    #[error(transparent)]
    Paying(#[from] Error),
    /// The runtime's `fetch` failed.
    #[error("fetch failed: {0:?}")]
    Fetch(JsValue),
}

impl Paying {
    /// Sends a request, and pays for it where it must and may.
    ///
    /// A body is given as bytes, so that it can be sent a second time. A request that has a body of its own, a stream, is
    /// sent once as it is: if the server then asks for payment, the error is
    /// [`BodyNotReplayable`](Error::BodyNotReplayable).
    pub async fn fetch(&self, request: &Request, body: Option<&[u8]>) -> Result<Fetched, FetchError> {
        let url = Url::parse(&request.url()).map_err(|_| Error::NotHttp)?;
        let body = body.map(Uint8Array::from);
        let mut connection =
            Connection { method: request.method(), request: Clone::clone(request), url, body };
        let ready_made = request.headers().has(PAYMENT).map_err(FetchError::Fetch)?;
        if ready_made {
            let copy = connection.copy().map_err(FetchError::Fetch)?;
            let response = send(&copy).await.map_err(FetchError::Fetch)?;
            return Ok(Fetched { response, outcome: Outcome::Free });
        }
        // A redirect that was paid for.
        let mut paid = None;
        let end = self.along(&mut connection, &mut paid).await;
        let (response, outcome) = redirect::arrive(paid, end).map_err(|failure| match failure {
            Failure::Lost { paid: true, .. } => {
                FetchError::Paying(Error::LostAfterPayment("no answer came".to_owned()))
            }
            Failure::Lost { error, paid: false } => FetchError::Fetch(error),
            Failure::Paying(error) => FetchError::Paying(error),
        })?;
        Ok(Fetched { response, outcome })
    }

    /// Follows redirects to their end, and keeps the one that was paid for.
    async fn along(
        &self,
        connection: &mut Connection,
        paid: &mut Option<(Response, Outcome)>,
    ) -> Result<(Response, Outcome), Failure<JsValue>> {
        let mut redirected = false;
        for _ in 0..=self.most_redirects() {
            let asked = connection.asked(redirected)?;
            let replayable = asked.replayable;
            let (response, outcome) = self.exchange(asked, connection).await?;
            let location = header(&response, "location").into_iter().next();
            let next =
                redirect::next(response.status(), &connection.method, &connection.url, location.as_deref());
            let next = next.filter(|next| self.most_redirects() > 0 && (replayable || next.as_get));
            let Some(next) = next else { return Ok((response, outcome)) };
            redirected = redirected || next.elsewhere;
            if !matches!(outcome, Outcome::Free) {
                redirected = true;
                *paid = Some((response, outcome));
            }
            connection.follow(next).map_err(unpaid)?;
        }
        Err(Error::TooManyRedirects(self.most_redirects()).into())
    }
}

struct Connection {
    request: Request,
    method: String,
    url: Url,
    body: Option<Uint8Array>,
}

impl Connection {
    /// A request that can be sent, and that follows no redirects. It takes a stream along.
    fn copy(&self) -> Result<Request, JsValue> {
        let init = RequestInit::new();
        init.set_redirect(RequestRedirect::Manual);
        if let Some(body) = &self.body {
            init.set_body(body);
        }
        Request::new_with_request_and_init(&self.request, &init)
    }

    fn asked(&self, redirected: bool) -> Result<Asked, Failure<JsValue>> {
        let origin = Origin::of(&self.url).ok_or(Error::NotHttp)?;
        Ok(Asked {
            target: Target::new(origin, &self.method, self.url.path()),
            redirected,
            replayable: self.body.is_some() || self.request.body().is_none(),
            idempotent: matches!(self.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS"),
            has_key: self.request.headers().has("idempotency-key").map_err(unpaid)?,
        })
    }

    fn follow(&mut self, next: Next) -> Result<(), JsValue> {
        let Next { url, as_get, elsewhere, .. } = next;
        let init = RequestInit::new();
        let headers = self.request.headers();
        let unwanted = [(elsewhere, &CREDENTIALS), (as_get, &OF_A_BODY)];
        for name in unwanted.into_iter().filter(|(unwanted, _)| *unwanted).flat_map(|(_, names)| names) {
            headers.delete(name)?;
        }
        if as_get {
            "GET".clone_into(&mut self.method);
            self.body = None;
        }
        init.set_method(&self.method);
        init.set_headers(&headers);
        self.request = Request::new_with_str_and_init(url.as_str(), &init)?;
        self.url = url;
        Ok(())
    }
}

#[async_trait(?Send)]
impl Wire for Connection {
    type Reply = Response;
    type Error = JsValue;

    async fn send(
        &mut self,
        headers: &[(&'static str, String)],
    ) -> Result<(Answer, Response), Lost<JsValue>> {
        let not_sent = |error| Lost { error, arrived: Arrived::No };
        let request = self.copy().map_err(not_sent)?;
        for (name, value) in headers {
            request.headers().set(name, value).map_err(not_sent)?;
        }
        let sent = send(&request).await;
        let response = sent.map_err(|error| Lost { error, arrived: Arrived::Perhaps })?;
        let answer = Answer::read(response.status(), |name| header(&response, name));
        Ok((answer, response))
    }

    async fn sleep(&self, time: Duration) {
        let wait = Promise::new(&mut |done, _| drop(set_timeout(&done, time.as_secs_f64() * 1_000.0)));
        drop(JsFuture::from(wait).await);
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "whole milliseconds, far below 2^53"
    )]
    fn now(&self) -> Millis {
        Date::now() as Millis
    }
}

/// The value of a header; several are joined by commas there.
fn header(response: &Response, name: &str) -> Vec<String> {
    response.headers().get(name).ok().flatten().into_iter().collect()
}

async fn send(request: &Request) -> Result<Response, JsValue> {
    JsFuture::from(global_fetch(request)?).await?.dyn_into()
}

/// POST, through no redirect.
pub(crate) async fn post(
    url: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(u16, Vec<u8>), JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_redirect(RequestRedirect::Manual);
    init.set_body(&JsValue::from_str(body));
    let request = Request::new_with_str_and_init(url, &init)?;
    for (name, value) in headers {
        request.headers().set(name, value)?;
    }
    let response = send(&request).await?;
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    Ok((response.status(), Uint8Array::new(&bytes).to_vec()))
}

/// What went wrong before any payment.
fn unpaid(error: JsValue) -> Failure<JsValue> {
    Failure::Lost { error, paid: false }
}
