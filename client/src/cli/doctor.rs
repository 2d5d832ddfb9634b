//! `doctor`: what a server's health says, and what that means for its operator.

use super::args::Message;
use super::card;
use super::exit::{Exit, Failed};
use super::request::{builder, parse_url};
use super::say::{Say, plain};
use crate::protocol::PAYMENT_REQUIRED;
use crate::{Ask, Card, CardError, Challenge, Origin, Payer, PayerError};
use serde_json::{Value, json};

const HEALTH: &str = "/.well-known/stripe402/health";

/// What was found, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    Hint,
    Wrong,
}

impl Grade {
    const fn word(self) -> &'static str {
        match self {
            Grade::Good => "ok",
            Grade::Hint => "hint",
            Grade::Wrong => "WRONG",
        }
    }
}

type Finding = (Grade, String);

/// Looks at a server.
pub(crate) async fn run(url: &str, tokenization: bool, say: Say) -> Result<Exit, Failed> {
    let url = parse_url(url)?;
    let origin =
        Origin::of(&url).ok_or_else(|| Failed::usage("only http and https URLs can be looked at"))?;
    let http = builder(&Message { timeout: 30, ..Message::default() });
    let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
    let health = url.join(HEALTH).map_err(|error| Failed::usage(error.to_string()))?;
    let answer = http.get(health).send().await?;
    let status = answer.status().as_u16();
    let report: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
    let mut found = judge(status, &report);
    if !origin.is_private() {
        found.push((
            Grade::Wrong,
            "plain http: whoever is on the way can read and spend client ids".to_owned(),
        ));
    }
    if url.path() != "/" {
        let answer = http.get(url.clone()).send().await?;
        let headers = answer.headers().get_all(PAYMENT_REQUIRED).iter();
        let headers: Vec<&str> = headers.map(|value| value.to_str().unwrap_or_default()).collect();
        let challenge = Challenge::read(headers);
        found.push(match &challenge {
            Ok(_) if answer.status().as_u16() == 402 => {
                (Grade::Good, format!("{} asks for payment", url.path()))
            }
            _ => (
                Grade::Hint,
                format!("{} is not priced: it answers {}", url.path(), answer.status().as_u16()),
            ),
        });
        if let Ok(challenge) = challenge {
            found.extend(mode(&report, &challenge));
            if tokenization {
                found.push(try_a_card(&origin, &challenge).await);
            }
        }
    } else if tokenization {
        return Err(Failed::usage("--tokenization needs the URL of something that is priced"));
    }
    let worst = found.iter().map(|(grade, _)| *grade).max().unwrap_or(Grade::Good);
    say.result(
        || found.iter().map(|(grade, text)| format!("{:<6}{text}", grade.word())).collect::<Vec<_>>().join("\n"),
        || {
            let one = |(grade, text): &Finding| json!({"grade": grade.word().to_ascii_lowercase(), "text": text});
            json!({"origin": origin.as_str(), "findings": found.iter().map(one).collect::<Vec<_>>(), "health": report})
        },
    );
    Ok(if worst == Grade::Wrong { Exit::Found } else { Exit::Ok })
}

/// What the report says.
fn judge(status: u16, report: &Value) -> Vec<Finding> {
    let text = |name: &str| report.get(name).and_then(Value::as_str).map(plain);
    let on = |name: &str| report.get(name).and_then(Value::as_bool).unwrap_or(false);
    let mut found = Vec::new();
    if status != 200 || text("status").as_deref() != Some("ok") {
        let setting = text("setting").map(|setting| format!(": the setting {setting} is missing or wrong"));
        let why = setting.unwrap_or_else(|| ": is a stripe402 paywall there?".to_owned());
        found.push((Grade::Wrong, format!("health answers {status}{why}")));
        return found;
    }
    let unknown = || "unknown".to_owned();
    found.push((Grade::Good, format!("healthy, version {}", text("version").unwrap_or_else(unknown))));
    let routes = report.get("routes").and_then(Value::as_u64).unwrap_or(0);
    found.push((
        Grade::Good,
        format!("{routes} priced routes, origin: {}", text("origin").unwrap_or_else(unknown)),
    ));
    let live = text("mode").as_deref() == Some("live");
    found.push(if live {
        (Grade::Good, "live keys: real cards are charged".to_owned())
    } else {
        (Grade::Hint, "test keys: only Stripe's test cards work".to_owned())
    });
    let switched = [
        (
            "webhooks",
            "refunds and disputes reach the balances",
            "STRIPE_WEBHOOK_SECRET is not set: a refunded credit stays \
          spendable",
        ),
        (
            "rateLimit",
            "attempts that call Stripe are limited",
            "LIMITER is not bound, or LIMITS is off: stolen cards can be tried out",
        ),
        (
            "originProof",
            "the origin can verify payments",
            "ORIGIN_SECRET is not set: the origin cannot tell who paid; it \
          has to be closed to everybody else",
        ),
        (
            "reports",
            "what is earned is reported",
            "REPORTS is not bound: the dashboard has no figures, only clients",
        ),
    ];
    for (name, good, hint) in switched {
        found.push(if on(name) { (Grade::Good, good.to_owned()) } else { (Grade::Hint, hint.to_owned()) });
    }
    found.push((
        Grade::Hint,
        "programs can pay with card numbers only if the Stripe account allows publishable key card tokenization: \
         --tokenization tries it"
            .to_owned(),
    ));
    found
}

/// Whether the key in the challenge fits what the health says.
fn mode(report: &Value, challenge: &Challenge) -> Option<Finding> {
    let live = report.get("mode")?.as_str()? == "live";
    let key = &challenge.offers.first()?.publishable_key;
    let fits = key.starts_with(if live { "pk_live_" } else { "pk_test_" });
    (!fits).then(|| (Grade::Wrong, "the publishable key in the challenge is of the other mode".to_owned()))
}

async fn try_a_card(origin: &Origin, challenge: &Challenge) -> Finding {
    let Some(offer) = challenge.offers.first() else {
        return (Grade::Hint, "nothing is offered, so no card was tried".to_owned());
    };
    if !offer.publishable_key.starts_with("pk_test_") {
        return (Grade::Hint, "no card was tried: that is done with a test key only".to_owned());
    }
    let ask = Ask { origin, resource: &challenge.resource, offer, error: None };
    // Stripe's test card, for ever valid.
    let payer = Card::parse("4242424242424242", "12/60", Some("123")).and_then(card::payer);
    let made = match payer {
        Ok(payer) => payer.pay(&ask).await,
        Err(error) => Err(error.into()),
    };
    match made {
        Ok(_) => (
            Grade::Good,
            "programs can pay with card numbers (a test card became a payment method)".to_owned(),
        ),
        Err(PayerError::Card(error @ CardError::TokenizationOff)) => (Grade::Hint, error.to_string()),
        Err(error) => (Grade::Hint, format!("a test card could not be tried: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(found: &[Finding]) -> Grade {
        found.iter().map(|(grade, _)| *grade).max().unwrap()
    }

    #[test]
    fn a_report_is_judged() {
        let good = json!({"status": "ok", "version": "0.1.0", "mode": "live", "routes": 2, "origin": "url",
            "rateLimit": true, "webhooks": true, "originProof": true, "reports": true});
        let found = judge(200, &good);
        assert_eq!(found.iter().filter(|(grade, _)| *grade == Grade::Hint).count(), 1, "{found:?}");
        let mut test = good.clone();
        test["mode"] = "test".into();
        test["webhooks"] = false.into();
        let found = judge(200, &test);
        assert!(found.iter().any(|(_, text)| text.contains("STRIPE_WEBHOOK_SECRET")), "{found:?}");
        assert!(!found.iter().any(|(_, text)| text.contains("REPORTS")), "{found:?}");
        assert_eq!(worst(&found), Grade::Hint);
        test["reports"] = false.into();
        assert!(judge(200, &test).iter().any(|(_, text)| text.contains("REPORTS")));
        let found = judge(500, &json!({"setting": "ROUTES\u{7}"}));
        assert_eq!(worst(&found), Grade::Wrong);
        assert!(found[0].1.contains("ROUTES\u{fffd}"), "{found:?}");
        assert_eq!(worst(&judge(200, &Value::Null)), Grade::Wrong);
    }
}
