//! Forms of the path alone: other bytes between its segments, before it, behind it, and for its letters.

use super::{Form, Priced, Rule};

/// What stands between two segments instead of one slash. Each is what some origin reads as a slash, or as nothing.
const BETWEEN: &[(&str, &str)] = &[
    ("encoded slash", "%2f"),
    ("encoded slash, upper case", "%2F"),
    ("slash encoded twice", "%252f"),
    ("slash encoded twice, upper case", "%252F"),
    ("slash encoded three times", "%25252f"),
    ("slash beside an encoded one", "/%2f"),
    ("encoded slash beside a slash", "%2f/"),
    ("backslash", "\\"),
    ("two backslashes", "\\\\"),
    ("backslash and slash", "\\/"),
    ("slash and backslash", "/\\"),
    ("encoded backslash", "%5c"),
    ("encoded backslash, upper case", "%5C"),
    ("backslash encoded twice", "%255c"),
    ("two slashes", "//"),
    ("three slashes", "///"),
    ("dot segment", "/./"),
    ("encoded dot segment", "/%2e/"),
    ("dot segment encoded twice", "/%252e/"),
    ("dot segment and encoded slash", "/.%2f"),
    ("dot segments and slashes", "/.//./"),
    ("up and down", "/x/../"),
    ("up and down, dots encoded", "/x/%2e%2e/"),
    ("up and down, one dot encoded", "/x/.%2e/"),
    ("up and down, upper case", "/x/%2E%2E/"),
    ("up and down, dots encoded twice", "/x/%252e%252e/"),
    ("up and down, all encoded", "%2fx%2f%2e%2e%2f"),
    ("up and down, slash encoded behind", "/x/..%2f"),
    ("up and down, backslash behind", "/x/..\\"),
    ("up and down, backslash before", "/x\\../"),
    ("up and down, encoded backslashes", "/x%5c..%5c"),
    ("up and down, empty segment behind", "/x/..//"),
    ("up and down, empty segment before", "/x//../"),
    ("up and down with a parameter", "/x/..;/"),
    ("up and down with a named parameter", "/x/..;a=b/"),
    ("up and down with an encoded parameter", "/x/..%3b/"),
    ("up and down with a space", "/x/..%20/"),
    ("up and down with a space before", "/x/%20../"),
    ("up and down, full-width dots", "/x/%ef%bc%8e%ef%bc%8e/"),
    ("up and down with a NUL", "/x/..%00/"),
    ("up and down with a tab between", "/x/.%09./"),
    ("twice up and down", "/x/y/../../"),
    ("up and down, overlong dots", "/x/%c0%ae%c0%ae/"),
    ("empty parameter", ";/"),
    ("parameter", ";a=b/"),
    ("parameter alone in a segment", "/;a=b/"),
    ("encoded parameter", "%3ba/"),
    ("parameter encoded twice", "%253ba/"),
    ("parameter with a slash in it", ";a%2fb/"),
    ("trailing dot", "./"),
    ("trailing dots", ".../"),
    ("encoded trailing dot", "%2e/"),
    ("trailing space", "%20/"),
    ("trailing dot and space", ".%20/"),
    ("leading space", "/%20"),
    ("trailing plus", "+/"),
    ("tab behind the slash", "/%09"),
    ("line feed before the slash", "%0a/"),
    ("carriage return and line feed", "%0d%0a/"),
    ("NUL before the slash", "%00/"),
    ("NUL behind the slash", "/%00"),
    ("delete", "%7f/"),
    ("overlong slash, two bytes", "%c0%af"),
    ("overlong slash, three bytes", "%e0%80%af"),
    ("overlong slash, four bytes", "%f0%80%80%af"),
    ("overlong slash, raw", "\u{c0}\u{af}"),
    ("overlong backslash", "%c1%9c"),
    ("overlong slash encoded twice", "%25c0%25af"),
    ("full-width solidus", "%ef%bc%8f"),
    ("full-width solidus, raw", "\u{ef}\u{bc}\u{8f}"),
    ("full-width reverse solidus", "%ef%bc%bc"),
    ("division slash", "%e2%88%95"),
    ("slash as %u", "%u002f"),
    ("malformed percent before", "%/"),
    ("malformed percent behind", "/%zz"),
    ("half a percent escape", "%2/"),
];

/// What stands before the path.
const BEFORE: &[(&str, &str)] = &[
    ("two slashes before", "/"),
    ("three slashes before", "//"),
    ("dot segment before", "/."),
    ("encoded dot segment before", "/%2e"),
    ("above the root", "/.."),
    ("above the root, encoded", "/%2e%2e"),
    ("above the root, often", "/../../../.."),
    ("above the root, with a parameter", "/..;"),
    ("encoded slash before", "/%2f"),
    ("encoded slashes before", "/%2f%2f"),
    ("backslash before", "/\\"),
    ("encoded backslash before", "/%5c"),
    ("parameter before", "/;a=b"),
    ("up and down before", "/x/.."),
    ("up and down before, encoded", "/x/%2e%2e"),
    ("up and down before, slash encoded", "/x%2f.."),
    ("a host before", "//host.example"),
    ("a host before, backslash", "/\\host.example"),
    ("a host before, three slashes", "///host.example"),
    ("a host before, encoded", "/%2fhost.example"),
    ("a URL as the path", "/http://host.example"),
    ("tab before", "/%09"),
    ("NUL before", "/%00"),
    ("byte order mark before", "/%ef%bb%bf"),
    ("a letter outside ASCII before", "/%c3%a9/.."),
    ("a raw letter outside ASCII before", "/\u{c3}\u{a9}/.."),
    ("a raw byte that is no UTF-8 before", "/\u{ff}/.."),
];

/// What stands behind the path.
const BEHIND: &[(&str, &str)] = &[
    ("trailing slash", "/"),
    ("trailing slashes", "//"),
    ("encoded trailing slash", "%2f"),
    ("trailing slash encoded twice", "%252f"),
    ("trailing backslash", "\\"),
    ("encoded trailing backslash", "%5c"),
    ("dot segment behind", "/."),
    ("encoded dot segment behind", "/%2e"),
    ("dot segment and slash behind", "/./"),
    ("up and down behind", "/x/.."),
    ("up and down behind, encoded", "/x/%2e%2e"),
    ("up and down behind, slash encoded", "/x%2f.."),
    ("dot behind", "."),
    ("dots behind", "..."),
    ("encoded dot behind", "%2e"),
    ("dot encoded twice behind", "%252e"),
    ("space behind", "%20"),
    ("space encoded twice behind", "%2520"),
    ("dots and spaces behind", "%20.%20."),
    ("dot and slash behind", "./"),
    ("parameter behind", ";a=b"),
    ("empty parameter behind", ";"),
    ("session parameter behind", ";jsessionid=1"),
    ("encoded parameter behind", "%3ba"),
    ("parameter encoded twice behind", "%253ba"),
    ("parameter with dots behind", ";/../x"),
    ("parameter and another path behind", ";/free"),
    ("NUL behind", "%00"),
    ("NUL and suffix behind", "%00.png"),
    ("NUL encoded twice behind", "%2500"),
    ("tab behind", "%09"),
    ("line feed behind", "%0a"),
    ("carriage return behind", "%0d"),
    ("header injection behind", "%20HTTP/1.1%0d%0ax:%20"),
    ("question mark encoded behind", "%3f"),
    ("query encoded behind", "%3fa=b"),
    ("question mark encoded twice behind", "%253fa"),
    ("hash encoded behind", "%23"),
    ("fragment encoded behind", "%23a"),
    ("fragment behind", "#a"),
    ("fragment with dots behind", "#/../../free"),
    ("malformed percent behind", "%"),
    ("malformed escape behind", "%zz"),
    ("half an escape behind", "%2"),
    ("escape as %u behind", "%u002e"),
    ("raw byte that is no UTF-8 behind", ";\u{ff}"),
    ("stream of a file behind", "::$DATA"),
];

/// Queries, also where the path has one: none of it is the path's.
const QUERIES: &[(&str, &str)] = &[
    ("empty query", "?"),
    ("two question marks", "??"),
    ("query that looks like a path", "?/../../free"),
    ("query that is malformed", "?%zz=%"),
    ("query that names another path", "?path=/free&url=/free"),
    ("query that names another method", "?_method=OPTIONS"),
];

/// Another way to write a path.
type Spelling = fn(&str) -> String;

/// How letters are written.
const LETTERS: &[(&str, Spelling)] = &[
    ("upper case", str::to_ascii_uppercase),
    ("every other letter in upper case", |path| {
        let other =
            |(nth, letter): (usize, char)| if nth % 2 == 0 { letter } else { letter.to_ascii_uppercase() };
        path.chars().enumerate().map(other).collect()
    }),
    ("first letter encoded", |path| once(path, |letter| format!("%{:02x}", u32::from(letter)))),
    ("first letter encoded, upper case", |path| {
        once(path, |letter| format!("%{:02X}", u32::from(letter.to_ascii_uppercase())))
    }),
    ("first letter encoded twice", |path| once(path, |letter| format!("%25{:02x}", u32::from(letter)))),
    ("first letter encoded three times", |path| {
        once(path, |letter| format!("%2525{:02x}", u32::from(letter)))
    }),
    ("all letters encoded", |path| each(path, |letter| format!("%{:02x}", u32::from(letter)))),
    ("all letters encoded twice", |path| each(path, |letter| format!("%25{:02x}", u32::from(letter)))),
    ("all encoded but the first slash", |path| {
        let encoded = path.chars().skip(1).map(|character| format!("%{:02X}", u32::from(character)));
        std::iter::once("/".to_owned()).chain(encoded).collect()
    }),
    ("percent signs encoded four times over", |path| {
        once(path, |letter| format!("%25252525{:02x}", u32::from(letter)))
    }),
    ("first letter overlong", |path| {
        once(path, |letter| format!("%c1%{:02x}", (u32::from(letter) & 0x3f) | 0x80))
    }),
    ("last letter full-width", |path| {
        last(path, |letter| {
            let wide = char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter);
            wide.encode_utf8(&mut [0; 4])
                .bytes()
                .fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
        })
    }),
    ("Kelvin sign for k", |path| path.replace('k', "%e2%84%aa")),
    ("combining mark behind the last letter", |path| format!("{path}%cc%81")),
];

/// Applies to the last segment's first letter.
fn once(path: &str, write: impl Fn(char) -> String) -> String {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut letters = name.chars();
    let first = letters.next().map(write).unwrap_or_default();
    format!("{above}/{first}{}", letters.as_str())
}

fn last(path: &str, write: impl Fn(char) -> String) -> String {
    let mut letters = path.chars();
    let last = letters.next_back().map(write).unwrap_or_default();
    format!("{}{last}", letters.as_str())
}

fn each(path: &str, write: impl Fn(char) -> String) -> String {
    let one = |letter: char| if letter.is_ascii_alphanumeric() { write(letter) } else { letter.to_string() };
    path.chars().map(one).collect()
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for &(name, text) in BETWEEN {
        rules.push(Box::new(move |of, turn| between(name, text, of, turn)));
    }
    rules.push(Box::new(|of, _| {
        let all = |text: &str| format!("/{}{}", of.segments().join(text), of.query);
        ["%2f", "\\", "%5c", "%252f", "//", "/./", ";a/"]
            .into_iter()
            .map(|text| Form::new(format!("everywhere: {text}"), of, all(text)))
            .collect()
    }));
    for &(name, text) in BEFORE {
        rules
            .push(Box::new(move |of, _| vec![Form::new(name, of, format!("{text}{}{}", of.path, of.query))]));
    }
    for &(name, text) in BEHIND {
        rules
            .push(Box::new(move |of, _| vec![Form::new(name, of, format!("{}{text}{}", of.path, of.query))]));
    }
    for &(name, text) in QUERIES {
        rules.push(Box::new(move |of, _| {
            let query = of.query.replace('?', "&");
            vec![Form::new(name, of, format!("{}{text}{query}", of.path))]
        }));
    }
    for &(name, write) in LETTERS {
        rules.push(Box::new(move |of, _| {
            vec![Form::new(name, of, format!("{}{}", write(&of.path), of.query))]
        }));
    }
    rules.push(Box::new(long));
    rules
}

/// Something else in place of one slash: of which one, turns.
fn between(name: &str, text: &str, of: &Priced, turn: usize) -> Vec<Form> {
    let segments = of.segments();
    let Some(gaps) = segments.len().checked_sub(1).filter(|gaps| *gaps > 0) else { return Vec::new() };
    let gap = turn % gaps;
    let mut target = String::new();
    for (nth, segment) in segments.iter().enumerate() {
        target.push_str(if nth > 0 && nth - 1 == gap { text } else { "/" });
        target.push_str(segment);
    }
    vec![Form::new(name, of, target + &of.query)]
}

/// Very long ones, just below and above what a path may be: two at a time, since they fill the file.
fn long(of: &Priced, turn: usize) -> Vec<Form> {
    let padded = |text: &str, length: usize| {
        let times = length.saturating_sub(of.path.len()) / text.len();
        format!("{}{}{}", text.repeat(times), of.path, of.query)
    };
    let forms = [
        ("long: dot segments", padded("/.", 4_000)),
        ("long: slashes", padded("/", 4_000)),
        ("long: up and down", padded("/x/..", 4_000)),
        ("long: too long by a little", padded("/.", 4_200)),
        ("long: percent signs", format!("{}%{}2f", of.path, "25".repeat(1_000))),
        ("long: query", format!("{}?{}", of.path, "a".repeat(6_000))),
    ];
    let of_this_turn = |nth: &usize| nth % 3 == turn % 3;
    let chosen = forms.into_iter().enumerate().filter(|(nth, _)| of_this_turn(nth));
    chosen.map(|(_, (name, target))| Form::new(name, of, target)).collect()
}
