//! The dashboard's own files: which of them a request asks for. They hold nothing about anybody, so no token is needed.
//!
//! Kept true here: a file is named in one spelling only, and nothing that could mean a folder is a name; programs are told
//! what they are told on every other path.

use super::negotiation::prefers_html;
use super::own::OWN_PREFIX;
use super::path::Target;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Static {
    /// One of the files, by its name.
    File(String),
    /// The page, by its address without the slash at the end, from which its links would lead astray.
    Slash,
    /// Something below the files' path that is no name of a file.
    Nothing,
}

/// The page's name.
pub const PAGE: &str = "index.html";

/// Which of the files a request asks for; none: it asks for something else.
pub fn wanted(method: &str, url: &str, accept: Option<&str>) -> Option<Static> {
    let target = Target::of_url(url).ok().filter(|_| matches!(method, "GET" | "HEAD"))?;
    let path = target.raw.strip_prefix(OWN_PREFIX)?.strip_prefix("/admin")?;
    if let Some(name) = path.strip_prefix("/assets/") {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let stem = name.strip_suffix(".js").or_else(|| name.strip_suffix(".css"));
        let good = stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(letter));
        return Some(if good { Static::File(name.to_owned()) } else { Static::Nothing });
    }
    let by_person = accept.is_some_and(prefers_html);
    match path {
        "/" if by_person => Some(Static::File(PAGE.to_owned())),
        "" if by_person => Some(Static::Slash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: Option<&str> = Some("text/html,application/xhtml+xml,*/*;q=0.8");

    fn asks(path: &str) -> Option<Static> {
        wanted("GET", &format!("https://a.example/.well-known/stripe402{path}"), HTML)
    }

    #[test]
    fn a_person_gets_the_page_and_programs_do_not() {
        assert_eq!(asks("/admin/"), Some(Static::File(PAGE.to_owned())));
        assert_eq!(asks("/admin/?from=1"), Some(Static::File(PAGE.to_owned())));
        assert_eq!(asks("/admin"), Some(Static::Slash));
        let url = "https://a.example/.well-known/stripe402/admin/";
        for accept in [None, Some("*/*"), Some("application/json"), Some("")] {
            assert_eq!(wanted("GET", url, accept), None, "{accept:?}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            assert_eq!(wanted(method, url, HTML), None, "{method}");
        }
        assert_eq!(wanted("HEAD", url, HTML), Some(Static::File(PAGE.to_owned())));
    }

    #[test]
    fn a_file_has_one_spelling_and_no_folder() {
        for name in ["dashboard.js", "uPlot.js", "a-b_1.css"] {
            assert_eq!(asks(&format!("/admin/assets/{name}")), Some(Static::File(name.to_owned())));
        }
        for name in [
            "",
            ".",
            "..",
            "index.html",
            "a.txt",
            "a",
            ".js",
            "a.JS",
            "a.b.js",
            "a/b.js",
            "../a.js",
            "%2e%2e%2fa.js",
            "a%2ejs",
            "a.js/",
            "a.js%00",
            "a\\b.js",
            "ä.js",
            "a.js;x",
            "//a.js",
        ] {
            assert_eq!(asks(&format!("/admin/assets/{name}")), Some(Static::Nothing), "{name}");
        }
        for path in [
            "/ADMIN/",
            "/admin//",
            "/admin/assets",
            "/admin/Assets/a.js",
            "/admin/index.html",
            "/%61dmin/",
            "/adminx",
            "/admin/clients",
            "",
            "/",
        ] {
            assert_eq!(asks(path), None, "{path}");
        }
        assert_eq!(wanted("GET", "https://a.example/admin/", HTML), None);
    }
}
