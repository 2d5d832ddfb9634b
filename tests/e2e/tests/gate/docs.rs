//! The samples of `docs/verify-payment.md`, run as they stand there against a proof of a real request and against
//! forged ones. Where Go is installed, `cargo test -p stripe402-e2e --test gate for_go -- --ignored`; nginx's script runs in
//! Node, with the few names that nginx gives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use stripe402_e2e::{Paywall, Request};

use crate::given::{SECRET, before, config, sends};
use crate::scripted::Scripted;

/// The code blocks of a language, in order.
fn samples(language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify-payment.md");
    let text = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A folder for the time of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stripe402-docs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Runs a driver beside a sample; gives what it printed.
    fn runs(&self, program: &str, driver: &str, cases: &Value) -> String {
        let output = Command::new(program)
            .arg(self.0.join(driver))
            .arg(cases.to_string())
            .env("ORIGIN_SECRET", SECRET)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| {
                panic!("{program} cannot be started ({error}): it is needed for this test")
            });
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A proof that the paywall made for `GET /paid/x`, and the origin that it was made for.
fn proof() -> (Paywall, String, String) {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config().secret("ORIGIN_SECRET", SECRET));
    let card = paywall.stripe().card("docs");
    assert_eq!(sends(&paywall, Request::get("/paid/x?q").payment(card.pays())).status, 200);
    let token = origin.last().header("payment-context").unwrap().to_owned();
    (paywall, token, origin.url())
}

/// Tokens with what a sample must say of them: `ok`, or a refusal.
fn cases(token: &str, audience: &str) -> Value {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let claims = |change: Value| {
        let mut claims = json!({"aud": audience, "exp": now + 60, "iat": now, "jti": "a", "method": "GET", "path": "/paid/x"});
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims
    };
    let signed = |change: Value, secret: &str, algorithm: Algorithm| {
        encode(&Header::new(algorithm), &claims(change), &EncodingKey::from_secret(secret.as_bytes()))
            .unwrap()
    };
    let good = signed(json!({"jti": "b"}), SECRET, Algorithm::HS256);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other_body = signed(json!({"amount": 1}), SECRET, Algorithm::HS256);
    let spliced =
        format!("{}.{}.{signature}", head.split('.').next().unwrap(), other_body.split('.').nth(1).unwrap());
    // {"alg":"none"}
    let none = format!("eyJhbGciOiJub25lIn0.{}.", head.split('.').nth(1).unwrap());
    let rows = [
        (token.to_owned(), "ok"),
        (good.clone(), "ok"),
        (spliced, "wrong signature"),
        (format!("{head}.{}", signature.to_lowercase()), "wrong signature"),
        (format!("{head}."), "wrong signature"),
        (head.to_owned(), "no payment-context"),
        (String::new(), "no payment-context"),
        (none, "wrong signature"),
        (signed(json!({}), "another-secret-of-at-least-32-bytes!!", Algorithm::HS256), "wrong signature"),
        (signed(json!({}), SECRET, Algorithm::HS512), "wrong signature"),
        (
            signed(json!({"aud": "https://other.example"}), SECRET, Algorithm::HS256),
            "meant for somebody else",
        ),
        (signed(json!({"exp": now - 1}), SECRET, Algorithm::HS256), "expired"),
        (signed(json!({"path": "/paid/y"}), SECRET, Algorithm::HS256), "paid for another request"),
        (signed(json!({"method": "POST"}), SECRET, Algorithm::HS256), "paid for another request"),
    ];
    json!({"audience": audience, "rows": rows})
}

#[track_caller]
fn assert_said(said: &str, cases: &Value, expected: impl Fn(&str) -> String) {
    let said: Vec<&str> = said.lines().collect();
    let rows = cases["rows"].as_array().unwrap();
    assert_eq!(said.len(), rows.len(), "{said:?}");
    for (said, row) in said.into_iter().zip(rows) {
        assert_eq!(said, expected(row[1].as_str().unwrap()), "{row}");
    }
}

#[test]
fn the_sample_for_node_verifies_and_takes_a_proof_once() {
    let (_paywall, token, audience) = proof();
    let folder = Folder::new("node");
    std::fs::write(folder.0.join("verify.mjs"), &samples("js")[0]).unwrap();
    let driver = "import { verify } from './verify.mjs';
const { audience, rows } = JSON.parse(process.argv[2]);
const secret = process.env.ORIGIN_SECRET;
for (const [token] of rows) {
  try {
    verify(token, { secret, audience, method: 'GET', path: '/paid/x' });
    console.log('ok');
  } catch (error) {
    console.log(error.message);
  }
}";
    std::fs::write(folder.0.join("driver.mjs"), driver).unwrap();
    let mut cases = cases(&token, &audience);
    let said = folder.runs("node", "driver.mjs", &cases);
    assert_said(&said, &cases, ToOwned::to_owned);

    cases["rows"] = json!([[token, "ok"], [token, "used before"]]);
    let said = folder.runs("node", "driver.mjs", &cases);
    assert_said(&said, &cases, ToOwned::to_owned);
}

#[test]
#[ignore = "needs Python, which make test does without: make test-all runs it"]
fn the_sample_for_python_verifies() {
    let (_paywall, token, audience) = proof();
    let folder = Folder::new("python");
    std::fs::write(folder.0.join("verify.py"), &samples("python")[0]).unwrap();
    let driver = "import json, os, sys
from verify import verify
cases = json.loads(sys.argv[1])
for token, _ in cases['rows']:
    try:
        verify(token, secret=os.environ['ORIGIN_SECRET'], audience=cases['audience'], method='GET', path='/paid/x')
        print('ok')
    except ValueError as error:
        print(error)
";
    std::fs::write(folder.0.join("driver.py"), driver).unwrap();
    let cases = cases(&token, &audience);
    assert_said(&folder.runs("python3", "driver.py", &cases), &cases, ToOwned::to_owned);
}

#[test]
#[ignore = "needs Go"]
fn the_sample_for_go_verifies() {
    let (_paywall, token, audience) = proof();
    let folder = Folder::new("go");
    std::fs::create_dir(folder.0.join("payment")).unwrap();
    std::fs::write(folder.0.join("payment/verify.go"), &samples("go")[0]).unwrap();
    std::fs::write(folder.0.join("go.mod"), "module try\n\ngo 1.18\n").unwrap();
    let driver = r#"package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"try/payment"
)

func main() {
	var cases struct {
		Audience string
		Rows     [][2]string
	}
	if err := json.Unmarshal([]byte(os.Args[2]), &cases); err != nil {
		panic(err)
	}
	for _, row := range cases.Rows {
		r, _ := http.NewRequest("GET", "http://origin.example/paid/x?q", nil)
		r.Header.Set("payment-context", row[0])
		if _, err := payment.Verify(r, []byte(os.Getenv("ORIGIN_SECRET")), cases.Audience); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
}
"#;
    std::fs::write(folder.0.join("driver.go"), driver).unwrap();
    let built = Command::new("go").args(["build", "-o", "driver"]).current_dir(&folder.0).status();
    assert!(built.expect("go can be started").success());
    let program = folder.0.join("driver");
    let cases = cases(&token, &audience);
    // `runs` names a driver first, which a program of its own has no use for.
    assert_said(&folder.runs(program.to_str().unwrap(), "", &cases), &cases, ToOwned::to_owned);
}

#[test]
fn the_script_for_nginx_verifies() {
    let (_paywall, token, audience) = proof();
    let folder = Folder::new("nginx");
    let script = samples("js").into_iter().find(|sample| sample.contains("export default")).unwrap();
    std::fs::write(folder.0.join("verify.mjs"), script).unwrap();
    let driver = "import verify from './verify.mjs';
const { audience, rows } = JSON.parse(process.argv[2]);
const variables = { payment_audience: audience, request_method: 'GET', request_uri: '/paid/x?q=1' };
for (const [token] of rows) {
  const headersIn = token ? { 'payment-context': token } : {};
  verify.check({ headersIn, variables, return: (status) => console.log(status) });
}";
    std::fs::write(folder.0.join("driver.mjs"), driver).unwrap();
    let cases = cases(&token, &audience);
    let said = folder.runs("node", "driver.mjs", &cases);
    assert_said(&said, &cases, |expected| if expected == "ok" { "204".into() } else { "403".into() });
}

#[test]
fn every_claim_that_the_table_names_is_there() {
    let (_paywall, token, audience) = proof();
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify-payment.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    let named: Vec<&str> = first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(named.len(), claims.as_object().unwrap().len(), "{named:?} {claims}");
    for name in named {
        assert!(!claims[name].is_null(), "{name}");
    }
}
