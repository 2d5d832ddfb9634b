//! The command `stripe402`, as scripts run it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stripe402_client::protocol::PAYMENT;
use stripe402_client::{FileStore, Origin};
use stripe402_e2e::{Layout, Paywall};

use crate::given::{Folder, command, config, runs, said, shared, url};
use crate::liars::{asks, ours, paid};
use crate::scripted::{Scripted, answer};

/// What must never be said.
fn secret(home: &Folder) -> String {
    let books = FileStore::new(home.join("books.json")).books().unwrap();
    let id = books.clients().next().expect("a client id is kept").1.client_id.clone();
    id.as_str().to_owned()
}

#[test]
fn it_prints_the_joke_charges_once_and_refuses_by_the_rules_name() {
    let (paywall, home) = (shared(), Folder::new());
    let card = paywall.stripe().card("command");
    let joke = url(paywall, "/api/joke");
    let get = ["get", &joke, "--payment-method", card.method.as_str()];
    let first = runs(&home, &get);
    assert_eq!(first.exit, 0, "{first:?}");
    assert!(serde_json::from_str::<Value>(&first.out).unwrap()["joke"].is_string(), "{first:?}");
    assert_eq!(first.err, "stripe402: paid $0.01; the card was charged $5.00; $4.99 left\n");
    let second = runs(&home, &get);
    assert_eq!((second.exit, second.err.as_str()), (0, "stripe402: paid $0.01; $4.98 left\n"));
    let third = runs(&home, &["get", &joke, "-i", "-q"]);
    assert!(
        third.exit == 0 && third.out.starts_with("HTTP/1.1 200 OK\n") && third.err.is_empty(),
        "{third:?}"
    );
    let refused = runs(&home, &[&get[..], &["--budget", "0"]].concat());
    assert_eq!((refused.exit, refused.out.as_str()), (6, ""));
    assert!(refused.err.starts_with("stripe402: budget: "), "{refused:?}");
    let refused = runs(&home, &[&get[..], &["--budget", "0", "--json"]].concat());
    let object: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((refused.exit, &object["error"]["rule"]), (6, &json!("budget")));
    let told = runs(&home, &["get", &joke, "--json"]);
    let object: Value = serde_json::from_str(&told.out).unwrap();
    let expected = json!({"outcome": "paid", "currency": "usd", "price": 100, "creditsRemaining": 49_600});
    assert_eq!((&object["payment"], &object["status"]), (&expected, &json!(200)));
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
    let secret = secret(&home);
    let shown = runs(&home, &["config", "show"]);
    assert!(shown.out.contains("$4.96"), "{shown:?}");
    for said in [first, second, third, refused, told, shown] {
        assert!(!said.out.contains(&secret) && !said.err.contains(&secret), "{said:?}");
    }
}

#[test]
fn a_price_is_told_without_paying() {
    let (paywall, home) = (shared(), Folder::new());
    let card = paywall.stripe().card("quoted");
    let joke = url(paywall, "/api/joke?quoted");
    let quote = runs(&home, &["quote", &joke]);
    assert_eq!(
        (quote.exit, quote.out.as_str()),
        (0, "$0.01 (Random joke); smallest top-up $5.00; allowed\n")
    );
    let dry = ["get", &joke, "--dry-run", "--payment-method", card.method.as_str()];
    assert_eq!(runs(&home, &dry).exit, 0);
    // With a request that was paid for: its price may double, and not more.
    std::fs::write(home.join("config.toml"), "max_price_rise = \"2\"\n[limits.usd]\n").unwrap();
    let times = AtomicUsize::new(0);
    let dearer = Scripted::start(move |asked| match asked.header(PAYMENT) {
        Some(_) => paid(&json!({ "chargeId": "pi_1" })),
        None => {
            asks(&json!({"amount": if times.fetch_add(1, Ordering::SeqCst) == 0 { 100 } else { 201 }}), None)
        }
    });
    assert_eq!(runs(&home, &["get", &dearer.url(), "--payment-method", "pm_a"]).exit, 0);
    let risen = runs(&home, &["get", &dearer.url(), "--dry-run"]);
    assert!(risen.exit == 6 && risen.out.contains("refused, price-rise: "), "{risen:?}");
    assert_eq!(runs(&home, &["config", "forget", &dearer.url()]).out, format!("forgot {}\n", dearer.url()));
    assert_eq!(runs(&home, &["get", &dearer.url()]).exit, 6, "the price is still known");
    std::fs::remove_file(home.join("config.toml")).unwrap();
    assert_eq!(runs(&home, &["get", &dearer.url()]).exit, 4, "the client id is not");
    let refused = runs(&home, &[&dry[..], &["--max-price", "0.0099", "--json"]].concat());
    let object: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((refused.exit, &object["offers"][0]["rule"]), (6, &json!("max-price")));
    let free = runs(&home, &["quote", &url(paywall, "/api/health")]);
    assert_eq!((free.exit, free.out.as_str()), (0, "free: the answer was 200, without a payment\n"));
    assert_eq!(paywall.stripe().calls(&card), [""; 0]);
    let arrived = paywall.origin().arrived();
    assert!(!arrived.iter().any(|one| one.target.ends_with("?quoted")), "{arrived:?}");
}

#[test]
fn every_way_to_fail_has_its_exit_code() {
    let (paywall, home) = (shared(), Folder::new());
    let declined = paywall.stripe().card_like("cmd_declined", "pm_card_chargeCustomerFail");
    let (joke, nowhere) = (url(paywall, "/api/joke"), url(paywall, "/nowhere"));
    let unknown = Scripted::start(|asked| {
        if asked.header(PAYMENT).is_some() { answer(500, &[], "") } else { asks(&json!({}), None) }
    });
    let (unknown, frozen) = (
        unknown.url(),
        Scripted::start(|_| {
            let empty =
                stripe402_client::protocol::encode(&json!({"stripe402Version": 1, "accepts": []})).unwrap();
            answer(
                402,
                &[&format!("payment-required: {empty}")],
                r#"{"success":false,"creditsRemaining":0,"clientId":"","error":"This account is frozen.\u001b[2J"}"#,
            )
        }),
    );
    let frozen = frozen.url();
    let table: [(&[&str], i32, &str); 13] = [
        (&["get", &nowhere], 1, ""),
        (&["get", "ftp://x"], 2, "only http and https"),
        (&["get", "127.0.0.1"], 2, "https://"),
        (&["get", &joke, "--max-price", "0.00001"], 2, "at most four decimals"),
        (&["get", &joke, "-H", "nonsense"], 2, "Name: value"),
        (&["get", &joke, "--payment-method", "pm_a", "--top-up", "10eur"], 2, "--top-up is in eur"),
        (&["get", "http://127.0.0.1:1/"], 3, "no answer"),
        (&["get", &joke], 4, "it costs money: $0.01, smallest top-up $5.00"),
        (&["get", &frozen], 4, "This account is frozen.\u{fffd}[2J"),
        (&["get", &joke, "--payment-method", declined.method.as_str()], 5, "card_declined: "),
        (&["get", &joke, "--payment-method", "pm_a", "--max-top-up", "1"], 6, "max-top-up: "),
        (&["get", &unknown, "--payment-method", "pm_a"], 7, "nobody knows yet"),
        (&["get", &joke, "--config", "/nonexistent.toml"], 2, "/nonexistent.toml"),
    ];
    for (arguments, exit, words) in table {
        let said = runs(&home, arguments);
        assert!(said.exit == exit && said.err.contains(words), "{arguments:?}: {said:?}");
    }
    // Ten dollars and no cents in a file that others can read, and in one that is none.
    std::fs::write(home.join("books.json"), "{}").unwrap();
    assert_eq!(runs(&home, &["get", &joke]).exit, 8);
    std::fs::write(home.join("config.toml"), "max_prize = 1").unwrap();
    let said = runs(&home, &["get", &joke]);
    assert!(said.exit == 2 && said.err.contains("max_prize"), "{said:?}");
}

#[test]
fn requests_are_written_as_for_curl() {
    let (paywall, home) = (shared(), Folder::new());
    let card = paywall.stripe().card("curl");
    let (echo, pay) = (url(paywall, "/echo"), ["--payment-method", card.method.as_str()]);
    let said =
        runs(&home, &[&["post", &echo, "-d", r#"{"a":1}"#, "-H", "X-Visitor: curl"], &pay[..]].concat());
    let arrived = paywall.origin().arrived_from("curl");
    assert_eq!(said.exit, 0, "{said:?}");
    assert_eq!((arrived.len(), arrived[0].method.as_str()), (1, "POST"));
    assert_eq!(arrived[0].header("content-type"), Some("application/json"));
    assert!(arrived[0].header("user-agent").unwrap().starts_with("stripe402/"));
    let (file, out) = (home.join("body"), home.join("out"));
    std::fs::write(&file, "from a file").unwrap();
    let data = format!("@{}", file.display());
    let out_name = out.to_str().unwrap();
    let said = runs(&home, &["request", &echo, "-X", "POST", "-d", &data, "-o", out_name, "-q"]);
    assert!(said.exit == 0 && said.out.is_empty() && said.err.is_empty(), "{said:?}");
    assert!(std::fs::read_to_string(&out).unwrap().contains("from a file"));
}

#[test]
fn a_card_from_the_environment_pays_and_is_never_shown() {
    let (paywall, home) = (shared(), Folder::new());
    paywall.stripe().takes_card_numbers(true);
    let joke = url(paywall, "/api/joke");
    let run = |number: &str| {
        let mut command = command(&home, &["get", &joke, "--card"]);
        command.env("STRIPE402_STRIPE_API", paywall.stripe().url());
        command.env("STRIPE402_CARD_NUMBER", number).env("STRIPE402_CARD_EXPIRY", "09/39");
        said(command.env("STRIPE402_CARD_CVC", "987").output().unwrap())
    };
    let wrong = run("4242424242424241");
    assert_eq!((wrong.exit, wrong.err.as_str()), (2, "stripe402: that is not a card number\n"));
    let declined = run("4000000000000341");
    assert_eq!(declined.exit, 5, "{declined:?}");
    let paid = run("5555 5555 5555 4444");
    assert_eq!(paid.exit, 0, "{paid:?}");
    for said in [wrong, declined, paid] {
        let all = said.out + &said.err;
        assert!(!all.contains("4242") && !all.contains("5555") && !all.contains("987"), "{all}");
    }
}

#[test]
fn accounts_are_asked_for_by_client_id_and_shown_without_it() {
    let home = Folder::new();
    let server = Scripted::start(|asked| {
        if !asked.target().starts_with("/.well-known/stripe402/account") {
            return answer(200, &[], "free");
        }
        let entry = |seq: i64| {
            json!({"id": seq, "type": "deduction", "amount": 100, "currency": "usd", "clientId": ours().as_str(),
            "balance": 49_900 - seq * 100, "resource": "GET /api/joke", "createdAt": "2026-11-20T08:00:00.000Z"})
        };
        let body = json!({"clientId": ours().as_str(), "balances": [{"currency": "usd", "balance": 49_900}],
            "entries": [entry(2), entry(1)], "next": "usd-1.eur-7"});
        answer(200, &["content-type: application/json"], body.to_string())
    });
    let url = format!("{}/api/joke?x", server.url());
    let nothing = runs(&home, &["balance", &url]);
    assert!(nothing.exit == 4 && nothing.err.contains("nothing was paid"), "{nothing:?}");
    let origin = Origin::of(&server.url().parse().unwrap()).unwrap();
    let store = FileStore::new(home.join("books.json"));
    store.change(|books| drop(books.remember(&origin, &ours()).clone())).unwrap();
    let balance = runs(&home, &["balance", &url]);
    assert_eq!((balance.exit, balance.out.as_str()), (0, "$4.99\n"), "{balance:?}");
    let statement =
        runs(&home, &["statement", &url, "--limit", "2", "--before", "usd-3.eur-9", "--currency", "usd"]);
    assert_eq!(
        server.last().target(),
        "/.well-known/stripe402/account?limit=2&before=usd-3.eur-9&currency=usd"
    );
    let lines: Vec<_> = statement.out.lines().collect();
    assert_eq!(lines.len(), 3, "{statement:?}");
    assert!(
        lines[0].contains("deduction") && lines[0].contains("-$0.01") && lines[0].contains("$4.97"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "more with --before usd-1.eur-7");
    let json = runs(&home, &["statement", &url, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["entries"].as_array().unwrap().len(), 2);
    for said in [balance, statement, json] {
        assert!(!said.out.contains(ours().as_str()), "{said:?}");
    }
    // A server that has none, and one to which a client id must not go.
    let old = Scripted::start(|_| answer(404, &[], ""));
    let origin = Origin::of(&old.url().parse().unwrap()).unwrap();
    store.change(|books| drop(books.remember(&origin, &ours()).clone())).unwrap();
    let none = runs(&home, &["statement", &old.url()]);
    assert!(none.exit == 1 && none.err.contains("has no statement"), "{none:?}");
    std::fs::write(home.join("config.toml"), "hosts = [\"api.example\"]\n[limits.usd]\n").unwrap();
    let forbidden = runs(&home, &["statement", &url]);
    assert!(forbidden.exit == 6 && forbidden.err.contains("allowed-hosts"), "{forbidden:?}");
}

#[test]
fn a_statement_of_the_worker_is_read_page_by_page() {
    let (paywall, home) = (shared(), Folder::new());
    let card = paywall.stripe().card("statement");
    let joke = url(paywall, "/api/joke");
    for _ in 0..2 {
        assert_eq!(runs(&home, &["get", &joke, "--payment-method", card.method.as_str()]).exit, 0);
    }
    let balance = runs(&home, &["balance", &joke]);
    assert_eq!((balance.exit, balance.out.as_str()), (0, "$4.98\n"), "{balance:?}");
    let first = runs(&home, &["statement", &joke, "--limit", "1"]);
    let (line, more) = first.out.trim_end().split_once('\n').expect("an entry, and where the next is");
    assert!(
        line.contains("deduction") && line.contains("$4.98") && line.ends_with("GET /api/joke"),
        "{first:?}"
    );
    let before = more.strip_prefix("more with --before ").unwrap();
    let rest = runs(&home, &["statement", &joke, "--before", before, "--currency", "usd", "--json"]);
    let object: Value = serde_json::from_str(&rest.out).unwrap();
    let kinds: Vec<_> = object["entries"].as_array().unwrap().iter().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["deduction", "topup"]);
    let secret = secret(&home);
    for said in [balance, first, rest] {
        assert!(!said.out.contains(&secret), "{said:?}");
    }
    let wrong = runs(&home, &["statement", &joke, "--limit", "501"]);
    assert!(wrong.exit == 1 && wrong.err.contains("answered 400: limit is"), "{wrong:?}");
}

#[test]
fn a_doctor_and_a_check_say_what_is_wrong() {
    let (paywall, home) = (shared(), Folder::new());
    let well = runs(&home, &["doctor", &url(paywall, "/api/joke")]);
    assert!(well.exit == 0 && well.out.contains("STRIPE_WEBHOOK_SECRET"), "{well:?}");
    assert!(well.out.contains("/api/joke asks for payment"), "{well:?}");
    let no_paywall = Scripted::with_headers(&[]);
    let ill = runs(&home, &["doctor", &no_paywall.url(), "--json"]);
    let object: Value = serde_json::from_str(&ill.out).unwrap();
    assert_eq!((ill.exit, &object["findings"][0]["grade"]), (9, &json!("wrong")));
    let quick = ["GET /api/joke", "--rate", "100000", "--most", "300"];
    let closed = runs(&home, &[&["check", &url(paywall, "")], &quick[..]].concat());
    assert!(closed.exit == 0 && closed.out.contains("bypasses 0 ("), "{closed:?}");
    let open = runs(&home, &[&["check", &no_paywall.url(), "--json"], &quick[..]].concat());
    let object: Value = serde_json::from_str(&open.out).unwrap();
    assert_eq!((open.exit, &object["closed"]), (9, &json!(false)));
}

#[test]
fn the_configuration_can_be_tightened_and_not_loosened() {
    let (paywall, home) = (shared(), Folder::new());
    let joke = url(paywall, "/api/joke");
    assert_eq!(runs(&home, &["config", "init"]).exit, 0);
    assert_eq!(runs(&home, &["config", "init"]).exit, 8, "not over one that is there");
    assert_eq!(runs(&home, &["get", &joke, "--dry-run"]).exit, 0);
    std::fs::write(
        home.join("config.toml"),
        "[limits.usd]\nmax_price = \"0.005\"\nbudget = { hour = \"1\" }\n",
    )
    .unwrap();
    assert_eq!(runs(&home, &["get", &joke, "--dry-run", "--max-price", "5"]).exit, 6);
    let euro = runs(&home, &["get", &joke, "--max-price", "5eur"]);
    assert!(euro.exit == 2 && euro.err.contains("no limits for eur"), "{euro:?}");
    std::fs::write(home.join("config.toml"), "[limits.usd]\nbudget = { year = \"1\" }\n").unwrap();
    let wrong = runs(&home, &["config", "show"]);
    assert!(wrong.exit == 2 && wrong.err.contains("limits.usd.budget.year"), "{wrong:?}");
}

#[test]
fn it_says_how_it_is_used() {
    let home = Folder::new();
    let man = runs(&home, &["man"]);
    for words in
        ["EXIT STATUS", "stripe402 quote", "max\\-top\\-up", "STRIPE402_HOME", "The spend policy forbids it"]
    {
        assert!(man.exit == 0 && man.out.contains(words), "{words}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = runs(&home, &["completions", shell]);
        assert!(script.exit == 0 && script.out.contains("statement"), "{shell}");
    }
}

/// Whether a text is what the README says, where an ellipsis stands for what differs.
fn fits(expected: &str, found: &str) -> bool {
    let mut rest = found;
    for (nth, part) in expected.split('…').enumerate() {
        let at = match (nth, rest.find(part)) {
            (0, Some(0)) => 0,
            (0, _) | (_, None) => return false,
            (_, Some(at)) => at,
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn the_commands_of_the_readme_work_as_written() {
    let (paywall, home) = (Paywall::start_raw(config(), Layout::new()), Folder::new());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let section = readme.split("## Paying\n").nth(1).expect("a section").split("\n## ").next().unwrap();
    let block = section.split("```console\n").nth(1).expect("commands").split("```").next().unwrap();
    let mut steps: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ stripe402 ") {
            Some(command) => steps.push((command, Vec::new())),
            None => steps.last_mut().expect("a command first").1.push(line),
        }
    }
    assert!(steps.len() >= 4, "{steps:?}");
    for (command, expected) in steps {
        let command = command.replace("127.0.0.1:8402", &paywall.address().to_string());
        let said = runs(&home, &command.split(' ').collect::<Vec<_>>());
        let out = said.out.trim_end();
        let found =
            [out, said.err.trim_end()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        assert!(fits(&expected.join("\n"), &found.join("\n")), "{command}: {expected:?} {said:?}");
    }
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_manual() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let table =
        readme.split("| exit code | meaning |").nth(1).expect("a table").split("\n\n").next().unwrap();
    let cells = table.lines().skip(2).filter_map(|line| line.split('|').nth(1));
    let codes: Vec<u8> =
        cells.flat_map(|cell| cell.split(',')).map(|code| code.trim().parse().unwrap()).collect();
    let manual = runs(&Folder::new(), &["man"]).out;
    let status = manual.split("EXIT STATUS").nth(1).expect("a section").split(".SH").next().unwrap();
    let told: Vec<u8> = status.lines().filter_map(|line| line.strip_prefix(".B ")?.parse().ok()).collect();
    assert_eq!(codes, told);
}
