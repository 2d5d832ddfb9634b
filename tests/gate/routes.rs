//! The rules about routes, each as a table: what an operator writes, what is asked, and on which route that is.

use serde_json::json;

use super::given::{decide, gate, gate_of};

/// Asserts where each path leads: to the price of a route, or through free.
fn leads(routes: &[(&str, i64)], rows: &[(&str, &str, &str)]) {
    let gate = gate_of(routes);
    for (method, path, expected) in rows {
        assert_eq!(decide(&gate, method, path), *expected, "{method} {path}");
    }
}

#[test]
fn a_request_on_no_route_passes_free_as_it_was_sent() {
    leads(
        &[("GET /api/joke", 100)],
        &[
            ("GET", "/api/joke", "402 for 100"),
            ("GET", "/", "pass /"),
            ("GET", "/api", "pass /api"),
            ("GET", "/api/jokes", "pass /api/jokes"),
            ("GET", "/api/joke/1", "pass /api/joke/1"),
            ("GET", "/v1/api/joke", "pass /v1/api/joke"),
            ("POST", "/Other%2dPath?x=1", "pass /Other%2dPath"),
        ],
    );
}

#[test]
fn letter_case_and_one_trailing_slash_and_escapes_of_plain_characters_do_not_matter() {
    leads(
        &[("GET /API/Joke/", 100), ("GET /Zürich", 200), ("GET /a-b", 300)],
        &[
            ("GET", "/api/joke", "402 for 100"),
            ("GET", "/API/JOKE", "402 for 100"),
            ("GET", "/Api/Joke/", "402 for 100"),
            ("GET", "/api/%6aoke", "402 for 100"),
            ("GET", "/api/%4A%6F%6b%65/?q", "402 for 100"),
            ("GET", "/z%C3%BCrich", "402 for 200"),
            ("GET", "/Z%c3%bcRICH/", "402 for 200"),
            ("GET", "/zürich", "402 for 200"),
            ("GET", "/a%2Db", "402 for 300"),
        ],
    );
}

#[test]
fn a_name_stands_for_one_segment_that_is_not_empty() {
    leads(
        &[("GET /users/:id/posts", 100)],
        &[
            ("GET", "/users/7/posts", "402 for 100"),
            ("GET", "/users/a%2Fb/posts", "402 for 100"),
            ("GET", "/users/posts", "pass /users/posts"),
            ("GET", "/users/7/8/posts", "pass /users/7/8/posts"),
            ("GET", "/users/7", "pass /users/7"),
        ],
    );
}

#[test]
fn a_star_at_the_end_is_the_path_itself_and_all_below() {
    leads(
        &[("GET /files/*", 100)],
        &[
            ("GET", "/files", "402 for 100"),
            ("GET", "/files/", "402 for 100"),
            ("GET", "/files/a", "402 for 100"),
            ("GET", "/files/a/b/c", "402 for 100"),
            ("GET", "/filesystem", "pass /filesystem"),
            ("GET", "/", "pass /"),
        ],
    );
    leads(
        &[("GET /*", 100)],
        &[("GET", "/", "402 for 100"), ("GET", "/x", "402 for 100"), ("GET", "/x/y", "402 for 100")],
    );
}

#[test]
fn the_root_is_a_path_like_any_other() {
    leads(
        &[("GET /", 100)],
        &[("GET", "/", "402 for 100"), ("GET", "/?a=b", "402 for 100"), ("GET", "/x", "pass /x")],
    );
}

#[test]
fn a_literal_wins_over_a_name_and_a_name_over_a_star_segment_by_segment() {
    leads(
        &[
            ("GET /a/b/c", 1),
            ("GET /a/b/:x", 2),
            ("GET /a/:x/c", 3),
            ("GET /a/:x/:y", 4),
            ("GET /a/b/*", 5),
            ("GET /a/*", 6),
            ("GET /:x/b/c", 7),
            ("GET /*", 8),
        ],
        &[
            ("GET", "/a/b/c", "402 for 1"),
            ("GET", "/a/b/z", "402 for 2"),
            ("GET", "/a/z/c", "402 for 3"),
            ("GET", "/a/z/z", "402 for 4"),
            ("GET", "/a/b", "402 for 5"),
            ("GET", "/a/b/c/d", "402 for 5"),
            ("GET", "/a/z", "402 for 6"),
            ("GET", "/a", "402 for 6"),
            ("GET", "/a/z/c/d", "402 for 6"),
            ("GET", "/z/b/c", "402 for 7"),
            ("GET", "/z/b/z", "402 for 8"),
            ("GET", "/", "402 for 8"),
        ],
    );
}

#[test]
fn an_earlier_segment_weighs_more_than_all_later_ones() {
    leads(
        &[("GET /a/*", 1), ("GET /:x/b/c/d", 2)],
        &[("GET", "/a/b/c/d", "402 for 1"), ("GET", "/z/b/c/d", "402 for 2")],
    );
    // A dead end behind a literal leads back to the name.
    leads(
        &[("GET /a/b", 1), ("GET /:x/c", 2)],
        &[("GET", "/a/c", "402 for 2"), ("GET", "/a/b", "402 for 1")],
    );
}

#[test]
fn a_path_that_ends_wins_over_a_star_that_takes_nothing() {
    leads(
        &[("GET /a", 1), ("GET /a/*", 2)],
        &[("GET", "/a", "402 for 1"), ("GET", "/a/", "402 for 1"), ("GET", "/a/b", "402 for 2")],
    );
}

#[test]
fn an_amount_of_zero_makes_a_path_free_below_a_dearer_star() {
    leads(
        &[("GET /v1/*", 100), ("GET /v1/logo", 0)],
        &[
            ("GET", "/v1/logo", "free /v1/logo on GET /v1/logo"),
            ("HEAD", "/v1/Logo/", "free /v1/Logo/ on GET /v1/logo"),
            ("GET", "/v1/logo/x", "402 for 100"),
            ("GET", "/v1/other", "402 for 100"),
        ],
    );
}

#[test]
fn all_tables_of_routes_count_together() {
    let gate = gate(json!({
        "ROUTES": { "GET /a": { "amount": 1 } },
        "ROUTES_MORE": { "GET /b": { "amount": 2 } },
    }));
    assert_eq!(decide(&gate, "GET", "/a"), "402 for 1");
    assert_eq!(decide(&gate, "GET", "/b"), "402 for 2");
    assert_eq!(gate.routes().len(), 2);
}

#[test]
fn a_path_of_many_readings_costs_what_its_own_method_costs() {
    let gate =
        gate_of(&[("GET /files/*", 200), ("POST /files/*", 700), ("GET /v/:id", 100), ("PUT /v/:id", 900)]);
    for (method, path, expected) in [
        ("GET", "/files/a%20b", "pay"),
        ("HEAD", "/files/a%2Fb//c", "pay"),
        ("POST", "/files/a%20b", "pay"),
        ("GET", "/v/a%20b;c", "pay"),
        ("GET", "/v/@scope%2fname", "pay"),
        ("DELETE", "/files/a%20b", "405"),
    ] {
        let found = decide(&gate, method, path);
        assert!(
            found.starts_with(if expected == "pay" { "402 for" } else { expected }),
            "{method} {path}: {found}"
        );
    }
}

#[test]
fn what_is_paid_for_is_forwarded_as_it_was_judged() {
    // A URL of the platform's would make another path of these: not the one that the receipt and the proof name.
    let gate = gate_of(&[("GET /files/*", 200), ("GET /v/:id", 100), ("GET /free/*", 0)]);
    for path in ["/files/x/../y", "/files/./y", "/files/a\\b", "/files/x/..", "/v/..", "/v/%2e%2e", "/v/a\\b"]
    {
        assert_eq!(decide(&gate, "GET", path), "400", "{path}");
    }
    assert_eq!(decide(&gate, "GET", "/files/..x/y..z"), "402 for 200");
    assert!(decide(&gate, "GET", "/free/x/../y").starts_with("free "));
}

#[test]
fn a_route_written_with_escapes_is_closed_to_other_spellings_of_the_same_path() {
    let gate = gate_of(&[
        ("GET /%40scope/pkg", 100),
        ("GET /a%2Cb", 100),
        ("POST /a%20b", 100),
        ("GET /c%2Fd", 100),
    ]);
    for (method, path, expected) in [
        ("GET", "/%40scope/pkg", "402 for 100"),
        ("GET", "/@scope/pkg", "400"),
        ("GET", "/@Scope/pkg/", "400"),
        ("GET", "/@scope/pkg/x", "pass /@scope/pkg/x"),
        ("GET", "/a%2cb", "402 for 100"),
        ("GET", "/a,b", "400"),
        ("GET", "/a%252cb", "400"),
        ("POST", "/a%20b", "402 for 100"),
        ("GET", "/a%20b", "405 allow POST"),
        ("GET", "/c%2fd", "402 for 100"),
        ("GET", "/c/d", "400"),
        ("GET", "/c/e", "pass /c/e"),
    ] {
        assert_eq!(decide(&gate, method, path), expected, "{method} {path}");
    }
}

#[test]
fn what_is_on_no_route_is_404_where_the_operator_says_so() {
    let gate = gate(json!({
        "UNMATCHED": "deny",
        "ROUTES": { "GET /paid": { "amount": 1 }, "GET /free": { "amount": 0 } },
    }));
    let rows = [
        ("GET", "/other", "404"),
        ("GET", "/", "404"),
        ("OPTIONS", "/other", "404"),
        ("GET", "/paid", "402 for 1"),
        ("GET", "/free", "free /free on GET /free"),
        ("POST", "/paid", "405 allow GET, HEAD"),
        ("OPTIONS", "/paid", "405 allow GET, HEAD"),
        ("POST", "/free", "404"),
        ("GET", "/.well-known/stripe402/health", "health"),
    ];
    for (method, path, expected) in rows {
        assert_eq!(decide(&gate, method, path), expected, "{method} {path}");
    }
}
