//! An HTTP client of a few lines, which sends exactly what a test says and shows how a connection ended.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Index;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe402_testbed::{Options, Testbed};

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    json: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The object's id.
    pub(crate) fn id(&self) -> String {
        self["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.text())).to_owned()
    }

    pub(crate) fn value(&self) -> &Value {
        &self.json
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// `error.code`, `error.param` and `error.message`.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: Option<&str>, param: Option<&str>, message: &str) -> Self {
        let reply = self.expect(status);
        let error = &reply["error"];
        assert_eq!(error["code"].as_str(), code, "code in {error}");
        assert_eq!(error["param"].as_str(), param, "param in {error}");
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains(message), "{said:?} does not contain {message:?}");
        reply
    }
}

impl Index<&str> for Reply {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() || method == "POST" {
        head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> io::Result<Reply> {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut body = answer[end + 4..].to_vec();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = unchunked(&body);
    }
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Reply { status, headers, body, json })
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

/// A form, encoded.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A running testbed, and calls to it.
pub(crate) struct Bed {
    _testbed: Testbed,
    pub(crate) stripe: String,
    pub(crate) origin: String,
}

/// The fields of a charge that needs nothing else.
pub(crate) const CHARGE: [(&str, &str); 4] =
    [("amount", "500"), ("currency", "usd"), ("confirm", "true"), ("payment_method_types[0]", "card")];

impl Bed {
    pub(crate) fn start() -> Self {
        let testbed = Testbed::start(Options::default()).unwrap();
        let address = |url: String| url.strip_prefix("http://").unwrap().to_owned();
        Self {
            stripe: address(testbed.stripe_url()),
            origin: address(testbed.origin_url()),
            _testbed: testbed,
        }
    }

    pub(crate) fn call(
        &self,
        key: &str,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> io::Result<Reply> {
        let bearer = format!("Bearer {key}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        if fields.is_empty() {
            return send(&self.stripe, method, target, &all, b"");
        }
        all.push(("content-type", "application/x-www-form-urlencoded"));
        send(&self.stripe, method, target, &all, form(fields).as_bytes())
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.call("sk_test_testbed", "GET", target, &[], &[]).unwrap()
    }

    pub(crate) fn post(&self, target: &str, fields: &[(&str, &str)]) -> Reply {
        self.call("sk_test_testbed", "POST", target, &[], fields).unwrap()
    }

    /// A POST with an idempotency key.
    pub(crate) fn keyed(&self, key: &str, target: &str, fields: &[(&str, &str)]) -> io::Result<Reply> {
        self.call("sk_test_testbed", "POST", target, &[("idempotency-key", key)], fields)
    }

    /// A call to `/_testbed`, which must succeed.
    #[track_caller]
    pub(crate) fn order(&self, path: &str, body: &Value) -> Value {
        let target = format!("/_testbed{path}");
        send(&self.stripe, "POST", &target, &[], body.to_string().as_bytes()).unwrap().expect(200).json
    }

    pub(crate) fn state(&self) -> Value {
        send(&self.stripe, "GET", "/_testbed/state", &[], b"").unwrap().json
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        let log = send(&self.stripe, "GET", "/_testbed/requests", &[], b"").unwrap().json;
        log.as_array().unwrap().clone()
    }

    pub(crate) fn fault(&self, fault: &Value) {
        self.order("/faults", fault);
    }

    /// The types of all events so far, oldest first.
    pub(crate) fn events(&self) -> Vec<String> {
        let state = self.state();
        let events = state["events"].as_array().unwrap().iter();
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// How many of the state's objects there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.state()[kind].as_array().unwrap().len()
    }

    pub(crate) fn customer(&self) -> String {
        self.post("/v1/customers", &[]).expect(200).id()
    }

    /// A new payment method of a test alias, attached to nobody.
    pub(crate) fn method(&self, alias: &str) -> String {
        self.get(&format!("/v1/payment_methods/{alias}")).expect(200).id()
    }

    pub(crate) fn attach(&self, method: &str, customer: &str) -> Reply {
        self.post(&format!("/v1/payment_methods/{method}/attach"), &[("customer", customer)])
    }

    /// A customer with a payment method of this alias.
    pub(crate) fn payer(&self, alias: &str) -> (String, String) {
        let (customer, method) = (self.customer(), self.method(alias));
        self.attach(&method, &customer).expect(200);
        (customer, method)
    }

    /// Charges a customer's payment method $5.00, with more fields if given.
    pub(crate) fn charge(&self, payer: &(String, String), more: &[(&str, &str)]) -> Reply {
        let mut fields = CHARGE.to_vec();
        fields.extend([("customer", payer.0.as_str()), ("payment_method", payer.1.as_str())]);
        fields.extend_from_slice(more);
        self.post("/v1/payment_intents", &fields)
    }

    /// A payment of $5.00 that has succeeded.
    pub(crate) fn paid(&self, alias: &str) -> Reply {
        self.charge(&self.payer(alias), &[]).expect(200)
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !holds(self) {
            assert!(Instant::now() < end, "{what} did not come true in 10 s");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// One row of a table: which rule, and the proof.
pub(crate) type Row = (&'static str, fn(&Bed));

/// Proves every row on a world of its own, and names all that fail.
pub(crate) fn prove(rows: &[Row]) {
    let bed = Bed::start();
    let mut failed = Vec::new();
    for (label, proof) in rows {
        bed.order("/reset", &json!({}));
        if catch_unwind(AssertUnwindSafe(|| proof(&bed))).is_err() {
            failed.push(*label);
        }
    }
    assert!(failed.is_empty(), "{} of {} rows fail:\n{}", failed.len(), rows.len(), failed.join("\n"));
}
