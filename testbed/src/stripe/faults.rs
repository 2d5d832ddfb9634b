//! Faults that a test orders: an answer that never comes, a connection that breaks, a wrong status, a delay.

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// The connection is closed without an answer.
    DropResponse,
    /// The connection is reset.
    Reset,
    /// Another answer than the true one.
    Status,
    /// Only the delay.
    Delay,
}

/// A fault, as `POST /_testbed/faults` takes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `METHOD /path`; a path may end in `*` and have `:id` for one segment; the method may be `*`.
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    pub(crate) kind: FaultKind,
    /// How many requests it meets.
    #[serde(default = "one")]
    pub(crate) times: u32,
    /// How many matching requests pass before it.
    #[serde(default)]
    pub(crate) skip: u32,
    /// The status for `status`.
    #[serde(default = "server_error")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// Whether the request is processed before the fault. Without it: yes for `drop_response`, else no.
    #[serde(default)]
    pub(crate) after_commit: Option<bool>,
    /// The status is stored under the idempotency key, and replayed.
    #[serde(default)]
    pub(crate) stored: bool,
    /// The error's code.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// A body in place of Stripe's JSON.
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// `Stripe-Should-Retry`, where it differs from the usual.
    #[serde(default)]
    pub(crate) should_retry: Option<bool>,
}

fn one() -> u32 {
    1
}

fn server_error() -> u16 {
    500
}

impl Fault {
    /// Whether the request is processed before the fault.
    pub(crate) fn after_commit(&self) -> bool {
        self.after_commit.unwrap_or(self.kind == FaultKind::DropResponse)
    }

    /// What is wrong with the order itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        let shape = self
            .pattern
            .split_once(' ')
            .is_some_and(|(method, path)| !method.is_empty() && path.starts_with('/'));
        if !shape {
            return Err(format!("match must be \"METHOD /path\", not {:?}", self.pattern));
        }
        if self.kind == FaultKind::Status && !(200..=599).contains(&self.status) {
            return Err(format!("status must be 200 to 599, not {}", self.status));
        }
        Ok(())
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        let Some((wanted, pattern)) = self.pattern.split_once(' ') else { return false };
        if wanted != "*" && wanted != method {
            return false;
        }
        if let Some(start) = pattern.strip_suffix('*') {
            return path.starts_with(start);
        }
        let (pattern, path): (Vec<&str>, Vec<&str>) =
            (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern.iter().zip(path).all(|(wanted, given)| *wanted == ":id" || *wanted == given)
    }
}

/// The faults in order.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// The fault that meets this request, if any; it is used up by one.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        for fault in self.0.iter_mut().filter(|fault| fault.times > 0) {
            if !fault.fits(method, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            return Some(fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(pattern: &str) -> Fault {
        serde_json::from_value(serde_json::json!({"match": pattern, "kind": "drop_response", "skip": 1}))
            .unwrap()
    }

    #[test]
    fn patterns_fit_paths() {
        assert!(fault("POST /v1/payment_intents").fits("POST", "/v1/payment_intents"));
        assert!(!fault("POST /v1/payment_intents").fits("GET", "/v1/payment_intents"));
        assert!(!fault("POST /v1/payment_intents").fits("POST", "/v1/payment_intents/pi_1"));
        assert!(fault("POST /v1/payment_methods/:id/attach").fits("POST", "/v1/payment_methods/pm_1/attach"));
        assert!(!fault("GET /v1/payment_methods/:id").fits("GET", "/v1/payment_methods/pm_1/attach"));
        assert!(fault("* /v1/*").fits("DELETE", "/v1/customers/cus_1"));
    }

    #[test]
    fn a_fault_skips_then_meets_then_is_used_up() {
        let mut faults = Faults(vec![fault("GET /a")]);
        assert!(faults.take("GET", "/a").is_none());
        assert!(faults.take("GET", "/a").is_some_and(|fault| fault.after_commit()));
        assert!(faults.take("GET", "/a").is_none());
    }
}
