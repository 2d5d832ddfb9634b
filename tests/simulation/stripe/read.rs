//! What can be read at Stripe: the truth, unless the read itself goes wrong.

use super::{DEPLOYMENT, Intent, Refund, Said, Side, Stripe, answered, error};
use crate::simulation::dice::Dice;
use stripe402_edge::stripe::Reply;

impl Stripe {
    /// Answers a GET; `trouble`: how often in a thousand it goes wrong.
    pub(crate) fn get(&mut self, side: usize, path: &str, trouble: u64, dice: &mut Dice) -> Said {
        if dice.fault(trouble) {
            return match dice.below(4) {
                0 => (answered(500, error("api_error", "", "", "trouble")), "500"),
                1 => (answered(429, error("invalid_request_error", "rate_limit", "", "too many")), "429"),
                2 => (answered(502, "<html>bad gateway</html>".to_owned()), "html"),
                _ => (Reply::Lost, "nothing"),
            };
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts = path.split('/').skip(2);
        let (kind, id) = (parts.next().unwrap_or_default(), parts.next());
        let of = &mut self.sides[side];
        match (kind, id) {
            ("payment_methods", Some(id)) => of.method(id),
            ("payment_intents", Some(id)) => {
                match of.intents.iter().find(|one| one.visible && one.id == id) {
                    Some(intent) => (answered(200, of.write(intent)), intent.told()),
                    None => missing("intent"),
                }
            }
            ("payment_intents", None) => of.list(query),
            ("refunds", None) => of.refunds(query),
            ("disputes", Some(id)) => of.dispute(id),
            _ => missing("path"),
        }
    }
}

impl Intent {
    /// Its status in a word. A success that tells of no money yet is told apart.
    pub(crate) fn told(&self) -> &'static str {
        if self.status == "succeeded" && self.received == 0 {
            "succeeded, nothing received"
        } else {
            self.status
        }
    }
}

impl Refund {
    /// As JSON.
    pub(super) fn write(&self) -> String {
        let ours = self.ours.as_ref().map(|id| format!(r#""stripe402_refund":"{id}""#)).unwrap_or_default();
        let (amount, status) = (self.amount, self.status);
        format!(r#"{{"id":"re_1","amount":{amount},"status":"{status}","metadata":{{{ours}}}}}"#)
    }
}

impl Side {
    /// A PaymentMethod with its Customer. An alias becomes a new object at every retrieve.
    fn method(&mut self, id: &str) -> Said {
        let nth = match id.strip_prefix("pm_alias").and_then(|card| card.parse::<usize>().ok()) {
            Some(card) => {
                let id = format!("{id}n{}", self.methods.len());
                self.methods.push(super::Method { id, card, customer: None, spent: false });
                Some(self.methods.len() - 1)
            }
            None => self.methods.iter().position(|method| method.id == id),
        };
        let Some(nth) = nth else { return missing("method") };
        (answered(200, self.write_method(nth)), "method")
    }

    /// A PaymentMethod as JSON, its Customer expanded.
    pub(super) fn write_method(&self, nth: usize) -> String {
        let method = &self.methods[nth];
        let customer = method.customer.map(|nth| &self.customers[nth]).map_or_else(
            || "null".to_owned(),
            |customer| {
                format!(
                    r#"{{"id":"{}","metadata":{{"stripe402_account":"{}","stripe402_deployment":"{DEPLOYMENT}"}}}}"#,
                    customer.id, customer.account
                )
            },
        );
        format!(
            r#"{{"id":"{}","livemode":{},"card":{{"fingerprint":"{}"}},"customer":{customer}}}"#,
            method.id,
            self.name.live,
            super::fingerprint(method.card)
        )
    }

    /// A PaymentIntent as JSON.
    pub(super) fn write(&self, intent: &Intent) -> String {
        format!(
            r#"{{"id":"{id}","status":"{}","amount":{},"amount_received":{},"currency":"{}","livemode":{},"client_secret":"{id}_secret","metadata":{{"stripe402_account":"{}","stripe402_top_up":"{}","stripe402_deployment":"{DEPLOYMENT}"}}}}"#,
            intent.status,
            intent.amount,
            intent.received,
            intent.currency,
            self.name.live,
            intent.account,
            intent.top_up,
            id = intent.id,
        )
    }

    fn list(&self, query: &str) -> Said {
        let (mut customer, mut since) = (String::new(), 0);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "customer" => customer = value.into_owned(),
                "created[gte]" => since = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let Some(customer) = self.customers.iter().position(|one| one.id == customer) else {
            return missing("customer");
        };
        let found: Vec<&Intent> = self
            .intents
            .iter()
            .filter(|one| one.visible && one.customer == customer && one.created >= since)
            .collect();
        let data: Vec<String> = found.iter().rev().map(|intent| self.write(intent)).collect();
        (answered(200, format!(r#"{{"data":[{}],"has_more":false}}"#, data.join(","))), "list")
    }

    fn refunds(&self, query: &str) -> Said {
        let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "payment_intent");
        let id = id.map(|(_, id)| id.into_owned()).unwrap_or_default();
        let intent = self.intents.iter().find(|intent| intent.id == id);
        let data: Vec<String> =
            intent.into_iter().flat_map(|intent| &intent.refunds).map(Refund::write).collect();
        (answered(200, format!(r#"{{"data":[{}],"has_more":false}}"#, data.join(","))), "refunds")
    }

    fn dispute(&self, id: &str) -> Said {
        for intent in &self.intents {
            if let Some(dispute) = intent.disputes.iter().find(|dispute| dispute.id == id) {
                let body = format!(
                    r#"{{"id":"{id}","amount":{},"currency":"{}","status":"{}"}}"#,
                    dispute.amount, intent.currency, dispute.status
                );
                return (answered(200, body), "dispute");
            }
        }
        missing("dispute")
    }
}

fn missing(param: &str) -> Said {
    (answered(404, error("invalid_request_error", "resource_missing", param, "No such object")), "missing")
}
