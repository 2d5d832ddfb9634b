use super::*;
use stripe402_core::config::path::canonical;

fn reads_as(sent: &str, meant: &str) -> bool {
    let canonical = canonical(sent).unwrap_or_else(|_| sent.to_owned());
    readings(sent, &canonical).is_ok_and(|all| all.iter().any(|reading| reading == meant))
}

#[test]
fn a_careless_reading_is_found() {
    let joke = "/api/joke";
    for sent in [
        "/api/joke",
        "/API/JOKE",
        "/api/joke/",
        "/api%2fjoke",
        "/api%2Fjoke",
        "/api%252fjoke",
        "/api%25252fjoke",
        "/api%5cjoke",
        "/api\\joke",
        "/api//joke",
        "//api/joke",
        "/./api/joke",
        "/x/../api/joke",
        "/x/%2e%2e/api/joke",
        "/x/%252e%252e/api/joke",
        "/api;a=b/joke",
        "/api/joke;jsessionid=1",
        "/api/joke.",
        "/api/joke%20",
        "/api/joke%2e%20.",
        "/api./joke",
        "/api/joke%00",
        "/api/joke%00.png",
        "/api/joke%3fx",
        "/api/joke%23x",
        "/api/joke%09",
        "/api/%0ajoke",
        "/api%c0%afjoke",
        "/api%e0%80%afjoke",
        "/api%f0%80%80%afjoke",
        "/x/%c0%ae%c0%ae/api/joke",
        "/x/..;/api/joke",
        "/api/x/..%5c..%5capi/joke",
        "/api/j%6fke",
        "/%61pi/joke",
        "/api/joke/..;x/../api/joke",
        "/..//../api/joke",
        "/api/joke/.",
        "/api/x/../joke",
        "/api/joke//",
        "/api/%2e/joke",
        "/x/..%20/api/joke",
        "/x/%20../api/joke",
        "/x/..%20./api/joke",
        "/x/..%20%252e/api/joke",
        "/api/..%20/joke",
        "/api/%20joke",
        "/api/joke;/x",
        "/api/joke;/../x",
        "//host.example/api/joke",
        "///host.example/api/joke",
        "/\\host.example/api/joke",
        "//host.example//api/joke",
        "/%2fhost.example/api/joke",
        "/api%ef%bc%8fjoke",
        "/api%e2%88%95joke",
        "/api%ef%bc%bcjoke",
        "/x/%ef%bc%8e%ef%bc%8e/api/joke",
        "/api/jo%e2%84%aae",
        "/api/%ef%bd%8aoke",
        "/api/%ef%bc%aaoke",
        "/x/%252e%252e/api/joke",
        "/x/.../api/joke",
        "/x/... ./api/joke",
        "/x/....%20/api/joke",
        "/.../api/joke",
        "/api/../joke",
        "/api/..%20/joke",
        "/api/joke/...",
        "/api/joke%00?x",
        "/api/joke%252e",
    ] {
        assert!(reads_as(sent, joke), "{sent}");
    }
    for sent in ["//host.example/x/api/joke", "/%ff/api/joke", "/api%ef%bcjoke"] {
        assert!(!reads_as(sent, joke), "{sent}");
    }
    for sent in ["/api/jokes", "/api/jok", "/apijoke", "/api/joke/x", "/ap/i/joke", "/", "/api/j%c3%b6ke"] {
        assert!(!reads_as(sent, joke), "{sent}");
    }
}

#[test]
fn a_literal_of_a_route_is_compared_decoded() {
    let rows = [
        ("a", "a"),
        ("a%2cb", "a,b"),
        ("%40scope", "@scope"),
        ("scope%2fname", "scope/name"),
        ("a%20b", "a b"),
        ("100%2525", "100%"),
        ("caf%c3%a9", "caf%c3%a9"),
        ("caf%c3%89", "caf%c3%a9"),
        ("%ff", "%ff"),
        ("%C5%81%C3%93D%C5%B9", "%c5%82%c3%b3d%c5%ba"),
        ("%D0%A1%D0%81", "%d1%81%d1%91"),
    ];
    for (literal, read) in rows {
        assert_eq!(loose(literal), read, "{literal}");
    }
    for sent in ["/%252e/CAF%C3%89/a%2520b", "/caf%c3%a9/a b", "/CAF%c3%89/a%20b/"] {
        assert!(reads_as(sent, "/caf%c3%a9/a b"), "{sent}");
    }
}

#[test]
fn an_ordinary_path_has_one_reading() {
    for path in
        ["/", "/api/joke", "/v1/images/a.png", "/@scope/name", "/a:b", "/a,b/(c)", "/.hidden/file.txt"]
    {
        assert!(is_plain(path), "{path}");
        assert_eq!(readings(path, path).map(|all| all.len()), Ok(1), "{path}");
    }
    for path in ["/a//b", "/a/../b", "/a/.", "/a./b", "/a;b", "/a%2fb", "/a\\b", "/%c3%a9", "/a b", "/..."] {
        assert!(!is_plain(path), "{path}");
    }
}

#[test]
fn a_url_keeps_what_it_does_not_resolve() {
    for path in ["/", "/a", "/a/", "/a//b", "/a%2F..%2Fb", "/a/.b/c..", "/..."] {
        assert!(is_kept_by_urls(path), "{path}");
    }
    for path in ["/a/../b", "/..", "/a/.", "/./a", "/a\\b", "/a\\..\\b", "/a#b"] {
        assert!(!is_kept_by_urls(path), "{path}");
    }
}

#[test]
fn a_path_of_too_many_readings_is_refused() {
    let path = format!("/%{}41", "25".repeat(400));
    assert_eq!(readings(&path, &path), Err(TooMany));
}

#[test]
fn readings_that_are_too_long_together_are_refused_and_a_long_path_of_few_is_not() {
    let long = |segment: &str| format!("/{}", segment.repeat(4000 / segment.len()));
    for (path, is_read) in [(long("a"), true), (long("%2Fa%20b"), true), (long("/a%2f;b. /%00."), false)] {
        assert_eq!(readings(&path, &path).is_ok(), is_read, "{path}");
    }
    let image = format!("/img/https%3A%2F%2Fcdn.example%2F{}.png", "a%2Fb%20c".repeat(400));
    assert!(readings(&image, &image).is_ok_and(|all| all.len() < 10));
}
