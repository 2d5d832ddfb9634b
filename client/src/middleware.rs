//! Middleware for reqwest: `reqwest_middleware::ClientBuilder::new(client).with(paying)`, or [`Paying::client`].

use crate::books::{Millis, Target};
use crate::error::Error;
use crate::exchange::{Answer, Arrived, Outcome};
use crate::origin::Origin;
use crate::paying::{Asked, Failure, Lost, Paying, Wire};
use crate::redirect::{self, CREDENTIALS, Next as Redirect, OF_A_BODY};
use async_trait::async_trait;
use http::{Extensions, HeaderValue, Method};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Middleware, Next};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stripe402_core::protocol::PAYMENT;

impl Paying {
    /// A client that pays, made of a reqwest builder with whatever else it should do. Redirects are followed by the
    /// middleware, so that no payment goes along to another host.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use stripe402_client::{Outcome, Paying};
    /// use stripe402_core::protocol::PaymentMethodId;
    ///
    /// let paying = Paying::new(PaymentMethodId::parse("pm_card_visa")?);
    /// let client = paying.client(reqwest::Client::builder())?;
    /// let answer = client.get("http://127.0.0.1:8402/api/joke").send().await?;
    /// if let Some(Outcome::Paid(paid)) = answer.extensions().get() {
    ///     println!("paid {:?}", paid.price);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn client(&self, builder: reqwest::ClientBuilder) -> reqwest::Result<ClientWithMiddleware> {
        provide_tls();
        let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(reqwest_middleware::ClientBuilder::new(client).with(self.clone()).build())
    }
}

/// Where `tls` is on, reqwest takes the cryptography that the process has; it has none before somebody says which.
pub(crate) fn provide_tls() {
    #[cfg(feature = "tls")]
    // An error says that the program has made its choice.
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Error {
    /// The error of this crate in one of reqwest-middleware's, if it is one.
    pub fn of(error: &reqwest_middleware::Error) -> Option<&Error> {
        match error {
            reqwest_middleware::Error::Middleware(error) => error.downcast_ref(),
            reqwest_middleware::Error::Reqwest(_) => None,
        }
    }
}

/// Why there is no answer. The innermost reason says the most; a URL in it could hold a password.
pub(crate) fn reason(error: reqwest_middleware::Error) -> String {
    let error = match error {
        reqwest_middleware::Error::Reqwest(error) if error.is_timeout() => {
            return "it took too long".to_owned();
        }
        reqwest_middleware::Error::Reqwest(error) => error.without_url(),
        reqwest_middleware::Error::Middleware(error) => return error.to_string(),
    };
    let mut reason: &dyn std::error::Error = &error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    reason.to_string()
}

fn failed(error: Error) -> reqwest_middleware::Error {
    reqwest_middleware::Error::middleware(error)
}

#[async_trait]
impl Middleware for Paying {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        // Who brings a payment knows what to do with its answer.
        if request.headers().contains_key(PAYMENT) {
            return next.run(request, extensions).await;
        }
        let mut connection = Connection { request: Some(request), extensions, next };
        // A redirect that was paid for.
        let mut paid = None;
        let end = self.along(&mut connection, &mut paid).await;
        let (mut reply, outcome) = redirect::arrive(paid, end).map_err(|failure| match failure {
            Failure::Lost { error, paid } if !paid || Error::of(&error).is_some() => error,
            Failure::Lost { error, .. } => failed(Error::LostAfterPayment(reason(error))),
            Failure::Paying(error) => failed(error),
        })?;
        reply.extensions_mut().insert(outcome);
        Ok(reply)
    }
}

impl Paying {
    /// Follows redirects to their end, and keeps the one that was paid for.
    async fn along(
        &self,
        connection: &mut Connection<'_>,
        paid: &mut Option<(Response, Outcome)>,
    ) -> Result<(Response, Outcome), Failure<reqwest_middleware::Error>> {
        let mut redirected = false;
        for _ in 0..=self.most_redirects() {
            let (asked, again) = connection.asked(redirected)?;
            let (reply, outcome) = self.exchange(asked, connection).await?;
            let following = again.and_then(|request| follow(request, &reply));
            let (Some((request, elsewhere)), 1..) = (following, self.most_redirects()) else {
                return Ok((reply, outcome));
            };
            redirected = redirected || elsewhere;
            if !matches!(outcome, Outcome::Free) {
                redirected = true;
                *paid = Some((reply, outcome));
            }
            connection.request = Some(request);
        }
        Err(Error::TooManyRedirects(self.most_redirects()).into())
    }
}

/// The request that follows a redirect, and whether it goes to another host.
fn follow(mut request: Request, reply: &Response) -> Option<(Request, bool)> {
    let location = reply.headers().get("location").and_then(|value| value.to_str().ok());
    let status = reply.status().as_u16();
    let Redirect { url, as_get, elsewhere, .. } =
        redirect::next(status, request.method().as_str(), request.url(), location)?;
    let unwanted = [(elsewhere, &CREDENTIALS), (as_get, &OF_A_BODY)];
    for name in unwanted.into_iter().filter(|(unwanted, _)| *unwanted).flat_map(|(_, names)| names) {
        request.headers_mut().remove(*name);
    }
    if as_get {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
    }
    *request.url_mut() = url;
    Some((request, elsewhere))
}

struct Connection<'a> {
    request: Option<Request>,
    extensions: &'a mut Extensions,
    next: Next<'a>,
}

impl Connection<'_> {
    /// What is to be known of the request, and a copy of it, if it can be copied.
    fn asked(&self, redirected: bool) -> Result<(Asked, Option<Request>), Error> {
        let request = self.request.as_ref().ok_or(Error::Confused)?;
        let url = request.url();
        let origin = Origin::of(url).ok_or(Error::NotHttp)?;
        let again = request.try_clone();
        let asked = Asked {
            target: Target::new(origin, request.method().as_str(), url.path()),
            redirected,
            replayable: again.is_some(),
            idempotent: request.method().is_idempotent(),
            has_key: request.headers().contains_key("idempotency-key"),
        };
        Ok((asked, again))
    }
}

#[async_trait]
impl Wire for Connection<'_> {
    type Reply = Response;
    type Error = reqwest_middleware::Error;

    async fn send(
        &mut self,
        headers: &[(&'static str, String)],
    ) -> Result<(Answer, Response), Lost<Self::Error>> {
        let lost = |error, arrived| Lost { error, arrived };
        let copy = self.request.as_ref().and_then(Request::try_clone);
        let request = copy.or_else(|| self.request.take());
        let mut request = request.ok_or_else(|| lost(failed(Error::BodyNotReplayable), Arrived::No))?;
        for (name, value) in headers {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| lost(failed(Error::Confused), Arrived::No))?;
            value.set_sensitive(true);
            request.headers_mut().insert(*name, value);
        }
        let mut url = request.url().clone();
        let reply = self.next.clone().run(request, self.extensions).await.map_err(|error| {
            let not_sent = matches!(&error, reqwest_middleware::Error::Reqwest(error)
                if error.is_connect() || error.is_builder());
            lost(error, if not_sent { Arrived::No } else { Arrived::Perhaps })
        })?;
        let mut led_to = reply.url().clone();
        url.set_fragment(None);
        led_to.set_fragment(None);
        if url != led_to {
            return Err(lost(failed(Error::ClientFollowsRedirects), Arrived::Yes));
        }
        let all = |name| {
            let values = reply.headers().get_all(name).into_iter();
            values.map(|value| value.to_str().unwrap_or("\u{fffd}").to_owned()).collect()
        };
        Ok((Answer::read(reply.status().as_u16(), all), reply))
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[expect(clippy::disallowed_methods, reason = "never on wasm32: this is the native flavour")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
