//! What origins do to a path before they look it up, each in a way of its own: written for this test, and knowing
//! nothing of the gate's.

/// One thing that some origin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    Decode,
    DecodeUnreserved,
    Backslashes,
    CutParameters,
    CutFromSemicolon,
    MergeSlashes,
    CutTrailingDots,
    CutTrailingSpaces,
    CutTrailingDotsAndSpaces,
    CutTrailingDotsToNothing,
    CutTrailingDotsAndSpacesToNothing,
    CutDotSegmentsToo,
    CutDotSegmentsAndSpacesToo,
    Trim,
    Resolve,
    ResolveAndMerge,
    LowerCase,
    CutAtNul,
    CutAtQuestionMark,
    CutAtHash,
    DropNul,
    DropTabsAndLines,
    DropTrailingSlashes,
    DropAuthority,
    OverlongSlashes,
    FullWidth,
    UnicodeLowerCase,
    Reescape,
}

/// All of them.
pub(crate) const ALL: [Habit; 28] = [
    Habit::Decode,
    Habit::DecodeUnreserved,
    Habit::Backslashes,
    Habit::CutParameters,
    Habit::CutFromSemicolon,
    Habit::MergeSlashes,
    Habit::CutTrailingDots,
    Habit::CutTrailingSpaces,
    Habit::CutTrailingDotsAndSpaces,
    Habit::CutTrailingDotsToNothing,
    Habit::CutTrailingDotsAndSpacesToNothing,
    Habit::CutDotSegmentsToo,
    Habit::CutDotSegmentsAndSpacesToo,
    Habit::Trim,
    Habit::Resolve,
    Habit::ResolveAndMerge,
    Habit::LowerCase,
    Habit::CutAtNul,
    Habit::CutAtQuestionMark,
    Habit::CutAtHash,
    Habit::DropNul,
    Habit::DropTabsAndLines,
    Habit::DropTrailingSlashes,
    Habit::DropAuthority,
    Habit::OverlongSlashes,
    Habit::FullWidth,
    Habit::UnicodeLowerCase,
    Habit::Reescape,
];

/// How it reads a path.
pub(crate) fn read(origin: &[Habit], path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    for habit in origin {
        bytes = habit.applied(&bytes);
    }
    // Routers compare text; what is no UTF-8 is no route of anybody's.
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Habit {
    fn applied(self, path: &[u8]) -> Vec<u8> {
        match self {
            Self::Decode => decode(path, |_| true),
            Self::DecodeUnreserved => {
                decode(path, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
            }
            Self::Backslashes => replaced(path, b"\\", b"/"),
            Self::CutParameters => {
                segments(path, |segment| match segment.iter().position(|byte| *byte == b';') {
                    Some(at) => segment[..at].to_vec(),
                    None => segment.to_vec(),
                })
            }
            Self::CutFromSemicolon => until(path, b';'),
            Self::MergeSlashes => {
                let mut path = path.to_vec();
                path.dedup_by(|one, before| *one == b'/' && *before == b'/');
                path
            }
            Self::CutTrailingDots => segments(path, |segment| without_end(segment, b".")),
            Self::CutTrailingSpaces => segments(path, |segment| without_end(segment, b" ")),
            Self::CutTrailingDotsAndSpaces => segments(path, |segment| without_end(segment, b". ")),
            Self::CutTrailingDotsToNothing => segments(path, |segment| to_nothing(segment, ".")),
            Self::CutTrailingDotsAndSpacesToNothing => segments(path, |segment| to_nothing(segment, ". ")),
            Self::CutDotSegmentsToo => segments(path, |segment| trimmed(segment, ".")),
            Self::CutDotSegmentsAndSpacesToo => segments(path, |segment| trimmed(segment, ". ")),
            Self::Trim => segments(path, |segment| {
                let start = segment.iter().take_while(|byte| **byte == b' ').count();
                without_end(&segment[start..], b" ")
            }),
            Self::Resolve => resolved(path, false),
            Self::ResolveAndMerge => resolved(path, true),
            Self::LowerCase => path.to_ascii_lowercase(),
            Self::CutAtNul => until(path, 0),
            Self::CutAtQuestionMark => until(path, b'?'),
            Self::CutAtHash => until(path, b'#'),
            Self::DropNul => path.iter().copied().filter(|byte| *byte != 0).collect(),
            Self::DropTabsAndLines => path.iter().copied().filter(|byte| !b"\t\r\n".contains(byte)).collect(),
            Self::DropTrailingSlashes => {
                let kept = without_end(path, b"/");
                if kept.is_empty() { b"/".to_vec() } else { kept }
            }
            Self::DropAuthority => match path.strip_prefix(b"//") {
                Some(rest) => {
                    let rest = &rest[rest.iter().take_while(|byte| **byte == b'/').count()..];
                    let end = rest.iter().position(|byte| *byte == b'/');
                    end.map_or_else(|| b"/".to_vec(), |end| rest[end..].to_vec())
                }
                None => path.to_vec(),
            },
            Self::OverlongSlashes => {
                let path = replaced(path, b"\xe0\x80\xaf", b"/");
                let path = replaced(&path, b"\xc0\xaf", b"/");
                let path = replaced(&path, b"\xc0\xae", b".");
                replaced(&path, b"\xc1\x9c", b"\\")
            }
            Self::FullWidth => {
                let path = replaced(path, "\u{ff0f}".as_bytes(), b"/");
                let path = replaced(&path, "\u{ff0e}".as_bytes(), b".");
                replaced(&path, "\u{ff4a}".as_bytes(), b"j")
            }
            Self::UnicodeLowerCase => match std::str::from_utf8(path) {
                Ok(text) => text.to_lowercase().into_bytes(),
                Err(_) => path.to_vec(),
            },
            Self::Reescape => path
                .iter()
                .flat_map(|byte| match byte {
                    0x80.. | b' ' => format!("%{byte:02X}").into_bytes(),
                    other => vec![*other],
                })
                .collect(),
        }
    }
}

fn decode(path: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let pair = path.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let number = pair.filter(|_| path[at] == b'%').and_then(|pair| {
            pair.chars().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(pair, 16).unwrap())
        });
        match number {
            Some(byte) if wanted(byte) => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(path[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn replaced(path: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(what) {
            result.extend_from_slice(with);
            rest = after;
        } else {
            result.push(*first);
            rest = &rest[1..];
        }
    }
    result
}

fn segments(path: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let changed: Vec<Vec<u8>> = path.split(|byte| *byte == b'/').map(change).collect();
    changed.join(&b'/')
}

/// Without these bytes at its end; a dot segment is one.
fn without_end(segment: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut kept = segment;
    while let Some((last, before)) = kept.split_last() {
        if !bytes.contains(last) || kept == b"." || kept == b".." {
            break;
        }
        kept = before;
    }
    kept.to_vec()
}

/// As a regular expression does it that spares the dot segments that it is given.
fn to_nothing(segment: &[u8], bytes: &str) -> Vec<u8> {
    if segment == b"." || segment == b".." { segment.to_vec() } else { trimmed(segment, bytes) }
}

/// As one does it that spares none.
fn trimmed(segment: &[u8], bytes: &str) -> Vec<u8> {
    let end = segment.iter().rev().take_while(|byte| bytes.as_bytes().contains(byte)).count();
    segment[..segment.len() - end].to_vec()
}

fn until(path: &[u8], end: u8) -> Vec<u8> {
    path.split(|byte| *byte == end).next().unwrap_or_default().to_vec()
}

fn resolved(path: &[u8], merging: bool) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let rooted = path.first() == Some(&b'/');
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    if rooted {
        parts.next();
    }
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            b"." | b".." => {
                if part == b".." {
                    kept.pop();
                }
                if last && !merging {
                    kept.push(b"");
                }
            }
            b"" if merging => {}
            other => kept.push(other),
        }
    }
    let joined = kept.join(&b'/');
    if rooted { [b"/", joined.as_slice()].concat() } else { joined }
}

#[test]
fn careless_origins_read_what_they_should() {
    use Habit::*;
    let joke = "/api/joke";
    for (origin, path) in [
        (vec![], "/api/joke"),
        (vec![Decode], "/api%2fjoke"),
        (vec![Decode, Decode], "/api%252Fjoke"),
        (vec![DecodeUnreserved], "/%61pi/joke"),
        (vec![Decode, Backslashes], "/api%5cjoke"),
        (vec![CutParameters, MergeSlashes], "/;x/api;a=b/joke;c"),
        (vec![CutFromSemicolon], "/api/joke;/x"),
        (vec![Decode, CutTrailingSpaces, Resolve], "/x/..%20/api/joke"),
        (vec![CutTrailingDotsAndSpaces], "/api. ./joke. "),
        (vec![CutTrailingDots, Resolve], "/x/.../api/joke"),
        (vec![CutTrailingDotsToNothing, MergeSlashes, Resolve], "/x/.././.../api/joke"),
        (vec![CutTrailingDotsAndSpacesToNothing, MergeSlashes], "/api/. ../joke"),
        (vec![CutDotSegmentsToo, MergeSlashes], "/api/../joke..."),
        (vec![CutDotSegmentsAndSpacesToo, MergeSlashes], "/api/.. ./joke"),
        (vec![Resolve], "/x/./../api/joke"),
        (vec![ResolveAndMerge], "//x/..///api//./joke/"),
        (vec![Decode, CutAtNul], "/api/joke%00.png"),
        (vec![Decode, CutAtHash], "/api/joke%23x"),
        (vec![Decode, DropTabsAndLines], "/api/jo%0ake"),
        (vec![DropTrailingSlashes], "/api/joke//"),
        (vec![DropAuthority], "//host/api/joke"),
        (vec![Decode, OverlongSlashes, Resolve], "/x/%c0%ae%c0%ae%c0%afapi/joke"),
        (vec![Decode, FullWidth], "/api%ef%bc%8fjoke"),
        (vec![Decode, UnicodeLowerCase], "/api/jo%e2%84%aae"),
    ] {
        assert_eq!(read(&origin, path), joke, "{origin:?} {path}");
    }
}
