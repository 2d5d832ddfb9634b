//! The paywall: what a page costs, and how to pay for it.

use maud::{Markup, html};
use stripe402_core::config::{Mode, Price, Route, Settings};
use stripe402_core::protocol::{Currency, Units};

use super::{ACCENT, Frame, PAY, Page};
use crate::gate::Target;
use crate::gate::cookie::agreement;

/// Why a person sees the page, where a payment was tried already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence.
    pub sentence: String,
    /// Whether paying now could help.
    pub payable: bool,
}

/// The amounts that are offered: the smallest top-up, and so many times that.
const TIMES: [i64; 3] = [1, 2, 4];

/// The page for a request on a priced route. None: the route is free.
pub fn paywall(
    settings: &Settings,
    origin: &str,
    nonce: &str,
    (route, target): (&Route, &Target),
    method: &str,
    refusal: Option<&Refusal>,
) -> Option<Page> {
    let Price::Paid { amount, currency, min_top_up, max_top_up, .. } = route.price else { return None };
    let can_open = matches!(method, "GET" | "HEAD");
    let pays = can_open && refusal.is_none_or(|refusal| refusal.payable);
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let offer = Offer { settings, route, target, method, amount, currency, min: min_top_up, max: max_top_up };
    let title = route.description.as_deref().unwrap_or(&target.canonical);
    let frame =
        Frame { settings, host, nonce, title, script: if pays { PAY } else { "" }, pays, wide: false };
    let main = html! {
        main {
            h1 { (title) }
            p class="what" { (method) " " (target.canonical) }
            p class="price" { b { (currency.format(amount)) } span class="soft" { "per request" } }
            @match refusal {
                Some(refusal) if !refusal.payable => p class="say bad" role="alert" { (refusal.sentence) },
                _ if pays => (offer.form(refusal)),
                _ => p { "This cannot be opened in a browser: a program asks for it with the method " b { (method) } "." },
            }
            @if can_open {
                details { summary { "Use it from a program" } (offer.calling(origin)) }
            } @else {
                h2 { "How to call it" }
                (offer.calling(origin))
            }
        }
    };
    Some(frame.page(&main))
}

/// What is sold, and for how much.
struct Offer<'a> {
    settings: &'a Settings,
    route: &'a Route,
    target: &'a Target,
    method: &'a str,
    amount: Units,
    currency: Currency,
    min: Units,
    max: Units,
}

impl Offer<'_> {
    fn form(&self, refusal: Option<&Refusal>) -> Markup {
        let Offer { currency, amount, min, max, .. } = *self;
        let method = if self.method == "HEAD" { "GET" } else { self.method };
        let path = &self.target.canonical;
        let agreement = agreement(method, path, &self.target.query, amount, currency);
        let (worth, step) = (currency.units_per_minor(), currency.units_per_step());
        let choices = TIMES.iter().filter_map(|times| min.checked_mul(*times)).filter(|one| *one <= max);
        let price = currency.format(amount);
        // Room for the next few prices; never less than this one.
        let limit = amount.checked_mul(10).unwrap_or(amount);
        let accent = self.settings.paywall.color.as_deref().unwrap_or(ACCENT);
        let code = currency.code().to_ascii_uppercase();
        html! {
            div id="page" hidden data-route={ (method) " " (path) } data-key=(self.settings.publishable_key)
                data-currency=(currency) data-price=(amount) data-min=(min) data-max=(max) data-minor=(worth)
                data-step=(step) data-least=(currency.format(min)) data-most=(currency.format(max))
                data-agreement=(agreement) data-accent=(accent) {}
            div id="have" class="field" hidden {
                p { "You have " b id="balance" {} span id="enough" {} }
                button id="open" class="main" type="button" { "Open for " (price) }
                p id="or" class="fine" hidden { "or " button id="more" class="link" type="button" { "add credits" } }
            }
            form id="pay" novalidate {
                fieldset {
                    legend { "Add credits" }
                    div class="choices" {
                        @for (nth, units) in choices.enumerate() {
                            label class="choice" {
                                input type="radio" name="amount" value=(units) checked[nth == 0];
                                b { (currency.format(units)) }
                                small { (requests(units, amount)) }
                            }
                        }
                        label class="choice other" for="free" {
                            input id="free" type="radio" name="amount" value="";
                            b { "Other amount" }
                            span class="amount" {
                                span { (code) }
                                input id="other" type="text" inputmode="decimal" autocomplete="off"
                                    aria-label={ "Other amount in " (code) ", from " (currency.format(min)) " to " (currency.format(max)) };
                            }
                        }
                    }
                }
                @if self.settings.mode == Mode::Test {
                    p class="fine" { "Test mode: pay with 4242 4242 4242 4242." }
                }
                div id="card" role="group" aria-label="Card" {}
                div class="field" {
                    label class="label" for="email" { "E-mail for a receipt " span class="soft" { "(optional)" } }
                    input id="email" type="email" autocomplete="email" maxlength="254";
                }
                p id="say" class="say bad" role="alert" tabindex="-1" hidden[refusal.is_none()] {
                    (refusal.map_or("", |refusal| refusal.sentence.as_str()))
                }
                button id="submit" class="main" type="submit" { "Pay " (currency.format(min)) }
                p class="fine" { "Your card is charged once, " span id="buys" {} ". Credits do not expire." }
            }
            p class="fine" { b { "Every time you open this page, reloading it too, takes " (price) " from your credits." } }
            div class="ask" {
                label for="limit" { "Ask me before a page costs more than" }
                span class="amount" {
                    span { (code) }
                    input id="limit" type="text" inputmode="decimal" autocomplete="off" aria-describedby="unread"
                        value=(limit.to_decimal());
                }
            }
            p id="unread" class="say bad" role="alert" hidden {
                "Write a plain number here, like 0.50: above it you are asked. Leave it empty, and you are never asked."
            }
            noscript { p class="say bad" { "Paying here needs JavaScript, for Stripe's card form." } }
        }
    }

    /// How a program calls it.
    fn calling(&self, origin: &str) -> Markup {
        let (path, query) = (&self.target.canonical, &self.target.query);
        let url = origin.replace('\'', "%27") + &in_quotes(&format!("{path}{query}"));
        let method = if self.method == "GET" { String::new() } else { format!("-X {} ", self.method) };
        let payment = r#"{"stripe402Version":1,"paymentMethodId":"pm_…"}"#;
        html! {
            pre tabindex="0" aria-label="A call with curl" {
                "curl " (method) "'" (url) "' \\\n  -H \"payment: $(printf '" (payment) "' | base64 | tr -d '\\n')\""
            }
            p class="fine" {
                code { "paymentMethodId" } " is a card at Stripe, made with the key "
                code { (self.settings.publishable_key) } ". The answer's " code { "payment-response" }
                " names a " code { "clientId" } ": send that instead the next time, and the price is taken from the "
                "credits. The route is " code { (self.route.key) } "."
            }
        }
    }
}

/// A path and query as they stand between single quotes after `curl`. There nothing but a quote means anything to a shell, and to
/// curl brackets and braces do: with them one command would be many requests.
fn in_quotes(target: &str) -> String {
    let mut text = String::with_capacity(target.len());
    for character in target.chars() {
        match character {
            '\'' => text.push_str("%27"),
            '[' => text.push_str("%5B"),
            ']' => text.push_str("%5D"),
            '{' => text.push_str("%7B"),
            '}' => text.push_str("%7D"),
            other => text.push(other),
        }
    }
    text
}

/// How many requests an amount pays for.
fn requests(units: Units, price: Units) -> String {
    let count = units.get().checked_div(price.get()).unwrap_or(0).to_string();
    let mut text = String::new();
    for (nth, digit) in count.chars().enumerate() {
        if nth > 0 && count.len().saturating_sub(nth) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(if count == "1" { " request" } else { " requests" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_stays_within_its_quotes_and_is_one_request() {
        let rows = [
            ("/a?q=1&r=%27", "/a?q=1&r=%27"),
            ("/a'b?q=';id;'", "/a%27b?q=%27;id;%27"),
            ("/a?x[]={1,2}&$(id)`id`", "/a?x%5B%5D=%7B1,2%7D&$(id)`id`"),
        ];
        for (target, text) in rows {
            assert_eq!(in_quotes(target), text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        let rows = [
            (50_000, 100, "500 requests"),
            (100_000, 100, "1,000 requests"),
            (12_345_678, 10, "1,234,567 requests"),
            (199, 100, "1 request"),
            (99, 100, "0 requests"),
        ];
        for (units, price, text) in rows {
            assert_eq!(requests(Units::new(units).unwrap(), Units::new(price).unwrap()), text);
        }
    }
}
