//! The testbed's Stripe, from the tests' side: cards are laid out here, and what a card caused is counted here.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{Card, Request};

/// The Stripe of one paywall.
#[derive(Clone, Copy, Debug)]
pub struct Stripe(SocketAddr);

impl Stripe {
    /// The Stripe at this address.
    pub fn at(url: &str) -> Self {
        Self(address(url))
    }

    /// Its address, as a program is told it.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Whether programs may send card numbers under a publishable key.
    pub fn takes_card_numbers(&self, allowed: bool) {
        self.orders("/_testbed/settings", &json!({ "publishable_key_tokenization": allowed }));
    }

    /// A card that works, named after the test that uses it.
    pub fn card(&self, name: &str) -> Card {
        self.lays_out(name, name, &json!({}))
    }

    /// A card that behaves as a test card of Stripe's does.
    pub fn card_like(&self, name: &str, behaviour: &str) -> Card {
        self.lays_out(name, name, &json!({"behaviour": behaviour}))
    }

    /// Another payment method of a card: the number typed in again.
    pub fn same_card(&self, card: &Card, name: &str) -> Card {
        self.lays_out_method(&format!("pm_{name}"), &card.fingerprint, &json!({}))
    }

    /// A payment method with this name, of the card with this one.
    pub fn lays_out(&self, name: &str, card: &str, more: &Value) -> Card {
        self.lays_out_method(&format!("pm_{name}"), &format!("fp_{card}"), more)
    }

    /// A payment method with this id and fingerprint; `more` is what else the testbed should know of it.
    pub fn lays_out_method(&self, id: &str, fingerprint: &str, more: &Value) -> Card {
        let mut order = json!({"id": id, "fingerprint": fingerprint});
        for (field, value) in more.as_object().expect("fields") {
            order[field] = value.clone();
        }
        self.orders("/_testbed/payment_methods", &order);
        Card::new(id, fingerprint)
    }

    /// The payer answers the bank's question, 3-D Secure, with the right code or not.
    pub fn authenticates(&self, payment_intent: &str, rightly: bool) {
        let outcome = if rightly { "success" } else { "fail" };
        self.orders(
            &format!("/_testbed/payment_intents/{payment_intent}/authenticate"),
            &json!({"outcome": outcome}),
        );
    }

    /// Something goes wrong from now on, as `POST /_testbed/faults` describes it.
    pub fn breaks(&self, fault: &Value) {
        self.orders("/_testbed/faults", fault);
    }

    /// Nothing goes wrong any more.
    pub fn mends(&self) {
        let answer = Request::new("DELETE", "/_testbed/faults").send(self.0).expect("Stripe answers");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Calls Stripe as another of the operator's programs would.
    pub fn posts(&self, path: &str, form: &str) -> Value {
        let request = Request::post(path, form)
            .header("authorization", "Bearer sk_test_other")
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send(self.0).expect("Stripe answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    fn orders(&self, path: &str, order: &Value) {
        let answer = Request::post(path, order.to_string()).send(self.0).expect("Stripe answers");
        assert_eq!(answer.status, 200, "{order}: {answer:?}");
    }

    fn reads(&self, path: &str) -> Value {
        Request::get(path).send(self.0).expect("Stripe answers").json()
    }

    /// Every object that there is.
    fn all(&self, kind: &str) -> Vec<Value> {
        self.reads("/_testbed/state")[kind].as_array().expect("a list").clone()
    }

    fn all_of(&self, kind: &str, card: &Card) -> Vec<Value> {
        let of = |object: &Value| object["metadata"]["stripe402_account"] == card.account.as_str();
        self.all(kind).into_iter().filter(of).collect()
    }

    /// The PaymentIntents of a card's account, oldest first.
    pub fn payment_intents(&self, card: &Card) -> Vec<Value> {
        self.all_of("payment_intents", card)
    }

    /// The refunds that were asked for in the name of a card's account, oldest first.
    pub fn refunds(&self, card: &Card) -> Vec<Value> {
        self.all_of("refunds", card)
    }

    /// The statuses of these.
    pub fn statuses(&self, card: &Card) -> Vec<String> {
        self.payment_intents(card).iter().map(|intent| text(&intent["status"])).collect()
    }

    /// The PaymentIntents of a card's account that moved money: id, amount in the smallest unit, currency.
    pub fn charges(&self, card: &Card) -> Vec<(String, i64, String)> {
        let succeeded = |intent: &&Value| intent["status"] == "succeeded";
        let charge = |intent: &Value| {
            let amount = intent["amount_received"].as_i64().expect("an amount");
            (text(&intent["id"]), amount, text(&intent["currency"]))
        };
        self.payment_intents(card).iter().filter(succeeded).map(charge).collect()
    }

    /// The PaymentIntents that moved money, of every account: whose, id and amount in the smallest unit.
    pub fn all_charges(&self) -> Vec<(String, String, i64)> {
        let succeeded = |intent: &&Value| intent["status"] == "succeeded";
        let charge = |intent: &Value| {
            let amount = intent["amount_received"].as_i64().expect("an amount");
            (text(&intent["metadata"]["stripe402_account"]), text(&intent["id"]), amount)
        };
        self.all("payment_intents").iter().filter(succeeded).map(charge).collect()
    }

    /// The Customers of a card's account.
    pub fn customers(&self, card: &Card) -> Vec<String> {
        self.all_of("customers", card).iter().map(|customer| text(&customer["id"])).collect()
    }

    /// To whom a payment method is attached.
    pub fn owner(&self, card: &Card) -> Option<String> {
        let methods = self.all("payment_methods");
        let method =
            methods.iter().find(|method| method["id"] == card.method.as_str()).expect("it was laid out");
        method["customer"].as_str().map(ToOwned::to_owned)
    }

    /// The calls that a card, its account, its Customers or its PaymentIntents were named in, each in a word.
    pub fn calls(&self, card: &Card) -> Vec<String> {
        let mut names = BTreeSet::from([card.method.as_str().to_owned(), card.account.as_str().to_owned()]);
        names.extend(self.customers(card));
        names.extend(self.payment_intents(card).iter().map(|intent| text(&intent["id"])));
        let names_one = |entry: &&Value| {
            let said = [&entry["path"], &entry["query"], &entry["body"], &entry["idempotency_key"]];
            let said = said.map(Value::to_string).concat();
            said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| names.contains(word))
        };
        self.log().iter().filter(names_one).map(word_for).collect()
    }

    /// The calls whose path holds a text.
    pub fn calls_naming(&self, part: &str) -> Vec<String> {
        self.log().iter().filter(|entry| text(&entry["path"]).contains(part)).map(word_for).collect()
    }

    /// Every call, by the word for it, and its `Request-Id`, oldest first.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.log().iter().map(|entry| (word_for(entry), text(&entry["request"]))).collect()
    }

    /// Idempotency key and body of every write that named an account, by the word for it.
    pub fn writes(&self, card: &Card, word: &str) -> Vec<(String, String)> {
        let written =
            |entry: &&Value| word_for(entry) == word && text(&entry["body"]).contains(card.account.as_str());
        let log = self.log();
        log.iter()
            .filter(written)
            .map(|entry| (text(&entry["idempotency_key"]), text(&entry["body"])))
            .collect()
    }

    fn log(&self) -> Vec<Value> {
        self.reads("/_testbed/requests").as_array().expect("a list").clone()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A call in a word; one that we know no word for, as it stands.
fn word_for(entry: &Value) -> String {
    let (method, path) = (text(&entry["method"]), text(&entry["path"]));
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let word = match (method.as_str(), segments.as_slice()) {
        ("GET", ["v1", "payment_methods", _]) => "retrieve",
        ("POST", ["v1", "customers"]) => "customer",
        ("POST", ["v1", "payment_methods", _, "attach"]) => "attach",
        ("POST", ["v1", "payment_intents"]) => "charge",
        ("GET", ["v1", "payment_intents", _]) => "read",
        ("GET", ["v1", "payment_intents"]) => "list",
        ("POST", ["v1", "payment_intents", _, "cancel"]) => "cancel",
        _ => return format!("{method} {path}"),
    };
    word.to_owned()
}

/// `http://127.0.0.1:PORT` → the address.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").and_then(|rest| rest.parse().ok()).expect("an http URL with an address")
}
