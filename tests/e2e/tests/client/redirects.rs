//! Redirects: followed, but no payment goes along to another host.

use serde_json::json;
use stripe402_client::protocol::{PAYMENT, Units};
use stripe402_client::{Error, NotFollowed, Outcome, Paying, Rule};

use crate::given::{client, outcome};
use crate::liars::{asks, card, known, paid, payment};
use crate::scripted::{Scripted, answer};

fn leads_to(url: String) -> Scripted {
    Scripted::start(move |_| answer(307, &[&format!("location: {url}")], ""))
}

#[tokio::test]
async fn another_host_is_not_paid() {
    let dear = Scripted::start(|asked| {
        if asked.header(PAYMENT).is_some() { paid(&json!({})) } else { asks(&json!({}), None) }
    });
    let first = leads_to(format!("{}/there", dear.url()));
    // We are known at both.
    let store = known(&dear);
    let paying = Paying::new(card()).store(store);
    let request = client(&paying).get(first.url()).header("authorization", "Bearer x").header("x-kept", "y");
    let error = request.send().await.unwrap_err();
    let Some(Error::Refused(refused)) = Error::of(&error) else { panic!("{error:?}") };
    assert_eq!(refused.rule, Rule::Redirect);
    let asked = dear.asked();
    assert_eq!(asked.len(), 1, "asked without a payment, and not again");
    assert_eq!((asked[0].header(PAYMENT), asked[0].header("authorization")), (None, None));
    assert_eq!(asked[0].header("x-kept"), Some("y"));
    // Free things there are fetched.
    let free = Scripted::with_headers(&[]);
    let first = leads_to(format!("{}/there", free.url()));
    let answer = client(&paying).get(first.url()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), outcome(&answer)), (200, Outcome::Free));
}

#[tokio::test]
async fn the_same_host_is_paid_after_a_redirect_and_nobody_after_a_payment() {
    let server = Scripted::start(|asked| match (asked.target(), payment(asked).is_some()) {
        ("/old", _) => answer(308, &["location: /new"], ""),
        ("/new", false) => asks(&json!({}), None),
        ("/new", true) => paid(&json!({})),
        _ => answer(404, &[], ""),
    });
    let paying = Paying::new(card());
    let answer = client(&paying).post(format!("{}/old", server.url())).body("kept").send().await.unwrap();
    assert!(matches!(outcome(&answer), Outcome::Paid(_)), "{:?}", outcome(&answer));
    assert!(server.asked().iter().all(|asked| asked.line.starts_with("POST")));
    let sold = leads_on(format!("{}/new", server.url()));
    let answer = client(&paying).get(sold.url()).send().await.unwrap();
    // It was paid for: an error would say that nothing was.
    let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!((answer.status().as_u16(), paid.charged.map(Units::get)), (303, Some(50_000)));
    let Some(NotFollowed::Failed(why)) = paid.not_followed else { panic!("{paid:?}") };
    assert!(matches!(&*why, Error::Refused(refused) if refused.rule == Rule::Redirect), "{why:?}");
    assert_eq!(server.last().header(PAYMENT), None);
}

/// Asks for payment, and answers it with a redirect and a receipt.
pub(crate) fn leads_on(url: String) -> Scripted {
    Scripted::start(move |asked| {
        if asked.header(PAYMENT).is_none() {
            return asks(&json!({}), None);
        }
        let receipt = String::from_utf8(paid(&json!({"chargeId": "pi_1"}))).unwrap();
        let receipt = receipt.lines().find(|line| line.starts_with("payment-response")).unwrap();
        answer(303, &[&format!("location: {url}"), receipt], "")
    })
}

#[tokio::test]
async fn what_was_paid_for_on_the_way_is_told_at_its_end() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let free = Scripted::with_headers(&[]);
    let other = Scripted::start(|_| answer(402, &[], ""));
    for (url, status, not_followed) in [
        (free.url(), 200, None),
        (other.url(), 303, Some(NotFollowed::AnotherPayment)),
        (nowhere, 303, Some(NotFollowed::NoAnswer)),
    ] {
        let sold = leads_on(url.clone());
        let answer = client(&Paying::new(card())).get(sold.url()).send().await.unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{url}: {:?}", outcome(&answer)) };
        assert_eq!((answer.status().as_u16(), paid.not_followed), (status, not_followed), "{url}");
        assert_eq!(paid.charged.map(Units::get), Some(50_000), "{url}");
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = Scripted::start(|asked| answer(302, &[&format!("location: {}x", asked.target())], ""));
    let error = client(&Paying::new(card())).get(server.url()).send().await.unwrap_err();
    assert_eq!(Error::of(&error), Some(&Error::TooManyRedirects(10)));
    assert_eq!(server.asked().len(), 11);
    let none = Paying::new(card()).redirects(0);
    assert_eq!(client(&none).get(server.url()).send().await.unwrap().status(), 302);
}

#[tokio::test]
async fn a_client_that_follows_redirects_by_itself_is_refused() {
    let server = Scripted::start(|asked| match asked.target() {
        "/old" => answer(307, &["location: /new"], ""),
        _ => asks(&json!({}), None),
    });
    drop(client(&Paying::new(card())));
    let careless =
        reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(Paying::new(card())).build();
    let error = careless.get(format!("{}/old", server.url())).send().await.unwrap_err();
    assert_eq!(Error::of(&error), Some(&Error::ClientFollowsRedirects));
    assert!(server.asked().iter().all(|asked| asked.header(PAYMENT).is_none()));
}
