//! Whatever is broken, a priced route stays closed: never an answer of the origin's without a receipt.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{config, sends};

/// Asks for the priced route in every way that could open it; gives the statuses.
fn tries(paywall: &Paywall) -> Vec<u16> {
    let card = paywall.stripe().card("closed");
    let requests = [
        Request::get("/api/joke"),
        Request::get("/api/joke").payment(card.spends()),
        Request::get("/api/joke").payment(card.pays()),
        Request::get("/api/joke").payment(card.spends_or_pays()),
        Request::get("/api/joke").payment(card.spends()).header("idempotency-key", "k"),
        Request::new("HEAD", "/api/joke").payment(card.spends()),
        Request::post("/paid/x", "body").payment(card.pays()),
    ];
    requests.into_iter().map(|request| sends(paywall, request).status).collect()
}

#[track_caller]
fn assert_closed(paywall: &Paywall, unpaid: u16, paid: u16) {
    assert_eq!(tries(paywall), [unpaid, paid, paid, paid, paid, paid, paid], "{}", paywall.said());
    assert_eq!(paywall.origin().arrived(), [], "the origin was asked");
}

#[test]
fn accounts_that_throw_as_a_panic_does_are_503() {
    let throws = "import { DurableObject } from 'cloudflare:workers';
      export class Account extends DurableObject { ask() { throw new WebAssembly.RuntimeError('unreachable'); } }
      export default {};";
    let paywall = Paywall::start_raw(config(), Layout::new().accounts_of(throws));
    assert_closed(&paywall, 402, 503);
    let card = paywall.stripe().card("throws");
    let answer = sends(&paywall, Request::get("/api/joke").payment(card.spends()));
    assert_eq!(answer.failure().error_code, Some(ErrorCode::PaymentFailed));
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(
        !answer.text().contains("unreachable"),
        "what went wrong inside is for the log: {}",
        answer.text()
    );
    assert_eq!(sends(&paywall, Request::get("/api/health")).status, 200, "what is free needs no account");
}

#[test]
fn accounts_that_cannot_be_made_are_503() {
    let broken = "export class Account { constructor() { throw new Error('no'); } }
      export default {};";
    assert_closed(&Paywall::start_raw(config(), Layout::new().accounts_of(broken)), 402, 503);
}

#[test]
fn accounts_that_never_answer_are_503_in_time() {
    let hangs = "import { DurableObject } from 'cloudflare:workers';
      export class Account extends DurableObject {
        async ask() { await new Promise((done) => setTimeout(done, 60_000)); return 'late'; }
      }
      export default {};";
    let paywall = Paywall::start_raw(config().var("TOP_UP_WAIT_MS", 500), Layout::new().accounts_of(hangs));
    let card = paywall.stripe().card("hangs");
    for payment in [card.spends(), card.pays()] {
        let began = std::time::Instant::now();
        let answer = sends(&paywall, Request::get("/api/joke").payment(payment));
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    }
    assert_eq!(paywall.origin().arrived(), []);
}

#[test]
fn accounts_that_say_something_else_are_503() {
    for said in [
        "'ok'",
        "'{\"paid\":true}'",
        "{ paid: { balance: 49900, seq: 2 } }",
        "undefined",
        "() => '{\"paid\":{\"balance\":49900,\"seq\":2}}'",
        "new Response('{\"paid\":{\"balance\":49900,\"seq\":2}}')",
    ] {
        let module = format!(
            "import {{ DurableObject }} from 'cloudflare:workers';
            export class Account extends DurableObject {{ ask() {{ return {said}; }} }}
            export default {{}};"
        );
        let paywall = Paywall::start_raw(config(), Layout::new().accounts_of(module.leak()));
        assert_closed(&paywall, 402, 503);
    }
}

#[test]
fn an_overloaded_account_is_503_and_is_not_asked_again() {
    for (overloaded, tries) in [(true, 1), (false, 3)] {
        let around = format!(
            "import worker, {{ Account }} from './index.js';
            let tries = 0;
            const refuse = (call) => {{
              if (JSON.parse(call).spend) tries += 1;
              throw Object.assign(new Error('Durable Object is overloaded.'), {{ overloaded: {overloaded} }});
            }};
            const ACCOUNTS = {{ getByName: () => ({{ ask: async (call) => refuse(call) }}) }};
            export {{ Account }};
            export default {{
              fetch(request, env, ctx) {{
                if (request.url.endsWith('/_tries')) return Response.json(tries);
                return worker.fetch(request, {{ ...env, ACCOUNTS }}, ctx);
              }},
            }};"
        );
        let paywall = Paywall::start_raw(config(), Layout::new().around_is(around.leak()));
        let card = paywall.stripe().card("overloaded");
        let answer = sends(&paywall, Request::get("/api/joke").payment(card.spends()));
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{answer:?}");
        assert_eq!(sends(&paywall, Request::get("/_tries")).json(), tries);
        assert_eq!(paywall.origin().arrived(), []);
    }
}

/// In place of the WebAssembly module: says how often it was started anew, and how often when the account was made.
const MODULE: &str = r#"
const shared = { criticalError: false, instanceId: 0 };
const trap = () => { throw new WebAssembly.RuntimeError("unreachable"); };
let anew = 0;
const module = {
  __worker_init_state: () => shared,
  __wbg_reset_state: () => { anew += 1; },
  fetch(request, env, ctx, yes) {
    const path = new URL(request.url).pathname.slice(1);
    if (path === "trap") trap();
    if (path === "throw") throw new Error("no");
    if (!path.startsWith("account")) return yes(new Response(`${anew}`));
    const said = env.ACCOUNTS.getByName("one").ask(path);
    said.then((text) => yes(new Response(text)), () => yes(new Response("", { status: 503 })));
  },
  Account: class {
    made = anew;
    ask(call, yes) {
      if (call === "account-trap") trap();
      yes(`${this.made} of ${anew}`);
    }
  },
};
"#;

#[test]
fn a_module_that_trapped_is_asked_nothing_before_it_has_started_anew() {
    let shim = std::fs::read_to_string(stripe402_e2e::project().join("src/worker/shim.js")).unwrap();
    let import = "import * as module from \"./index.js\";";
    assert!(shim.contains(import), "the shim imports the module in another way");
    let shim = shim.replace(import, MODULE).leak();
    let paywall = Paywall::start_raw(config(), Layout::new().around_is(shim));
    let says = |path: &str| {
        let answer = sends(&paywall, Request::get(path));
        (answer.status, answer.text())
    };
    let ok = |text: &str| (200, text.to_owned());
    assert_eq!((says("/"), says("/account")), (ok("0"), ok("0 of 0")));
    assert_eq!(says("/throw").0, 500);
    assert_eq!((says("/"), says("/account")), (ok("0"), ok("0 of 0")), "an exception is no trap");
    assert_eq!(says("/trap").0, 500);
    assert_eq!((says("/"), says("/account")), (ok("1"), ok("1 of 1")));
    assert_eq!(says("/account-trap").0, 503);
    assert_eq!((says("/account"), says("/")), (ok("2 of 2"), ok("2")));
}

#[test]
fn a_disk_that_takes_nothing_is_503() {
    let paywall = Paywall::start_raw(config(), Layout::new().with_a_full_disk());
    let card = paywall.stripe().card("full");
    for request in [
        Request::get("/api/joke").payment(card.pays()),
        Request::get("/api/joke").payment(card.spends_or_pays()),
        Request::post("/paid/x", "body").payment(card.pays()),
    ] {
        let answer = sends(&paywall, request);
        assert_eq!(answer.status, 503, "{}\n{}", answer.text(), paywall.said());
    }
    // Without an account to write to, there are no credits either.
    let answer = sends(&paywall, Request::get("/api/joke").payment(card.spends()));
    assert!(matches!(answer.status, 402 | 503), "{answer:?}");
    assert_eq!(paywall.origin().arrived(), []);
    assert!(
        paywall.stripe().charges(&card).is_empty(),
        "nothing is charged that cannot be written down first"
    );
}

#[test]
fn without_accounts_or_routes_or_keys_every_path_is_500_with_the_name_of_the_setting() {
    let empty = || Config::new().without("ROUTES");
    for (setting, config, layout) in [
        ("ACCOUNTS", config(), Layout::new().without_accounts()),
        ("ROUTES", empty(), Layout::new()),
        ("ROUTES", empty().var("ROUTES", json!({})), Layout::new()),
        ("ROUTES", empty().var("ROUTES", "{\"GET /api/joke\":"), Layout::new()),
        ("ROUTES", empty().var("ROUTES", json!({ "GET /api/joke": { "amount": 0 } })), Layout::new()),
        ("ROUTES", empty().var("ROUTES", json!({ "GET /api/joke": { "amount": -1 } })), Layout::new()),
        ("SERVER_SECRET", config().secret("SERVER_SECRET", "short"), Layout::new()),
        ("STRIPE_SECRET_KEY", config().secret("STRIPE_SECRET_KEY", "pk_test_x"), Layout::new()),
        ("ORIGIN_URL", config().var("ORIGIN_URL", "ftp://origin"), Layout::new()),
        ("ORIGIN_SECRET", config().secret("ORIGIN_SECRET", "short"), Layout::new()),
    ] {
        let paywall = Paywall::start_raw(config, layout.with_health(500));
        for target in ["/api/joke", "/api/health", "/", "/.well-known/stripe402/health"] {
            let answer = sends(&paywall, Request::get(target));
            assert_eq!(answer.status, 500, "{setting} {target}");
            let named = answer.json()["setting"].as_str().unwrap_or_default().to_owned();
            assert!(named.starts_with(setting), "{target}: {named} for {setting}");
        }
        assert_closed(&paywall, 500, 500);
    }
}
