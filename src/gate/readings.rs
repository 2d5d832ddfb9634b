//! How else a path could be read by an origin that is more careless than we are.
//!
//! Kept true here: whatever an origin does of the list below, in any order and as often as it likes, the path that it
//! arrives at is among the readings; where there would be too many to tell, the path is refused. Each of these rules
//! stands for a paywall that fell (`docs/threat-model.md`).

use stripe402_core::config::path::{fold, is_unreserved};

/// More readings than this are refused: no honest path has so many.
const MOST: usize = 256;

/// Nor are they so long together. Without this bound one request of 4 KB could take 50 ms of CPU.
const MOST_BYTES: usize = 128 * 1024;

/// The path could be read in too many ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path can be read in too many ways")]
pub struct TooMany;

/// One way in which an origin may change a path before it looks it up.
type Rule = fn(&[u8]) -> Vec<u8>;

const RULES: [Rule; 25] = [
    decode_once,
    |path| decode(path, is_unreserved),
    decode_overlong,
    look_alikes_as_ascii,
    lower_case,
    backslash_as_slash,
    // `;…` of every segment, as servlet containers do; all from the first one, as others do.
    cut_parameters,
    |path| cut_at(path, b';'),
    drop_authority,
    merge_slashes,
    |path| cut_ends(path, b". ", DotSegments::Stay),
    |path| cut_ends(path, b". ", DotSegments::Appear),
    |path| cut_ends(path, b". ", DotSegments::Vanish),
    // Dots alone: what is left may end in a space, and be a dot segment without it.
    |path| cut_ends(path, b".", DotSegments::Stay),
    |path| cut_ends(path, b".", DotSegments::Appear),
    |path| cut_ends(path, b".", DotSegments::Vanish),
    |path| cut_ends(path, b" ", DotSegments::Stay),
    cut_spaces,
    resolve_dots,
    // A decoded NUL ends a string of C; a decoded `?` or `#` ends a path that is parsed again.
    |path| cut_at(path, 0),
    |path| cut_at(path, b'?'),
    |path| cut_at(path, b'#'),
    // URL parsers of browsers drop tabs and newlines; others drop NUL, or more.
    |path| without(path, |byte| matches!(byte, b'\t' | b'\n' | b'\r')),
    |path| without(path, |byte| byte == 0),
    |path| without(path, |byte| byte.is_ascii_control()),
];

/// Whether a path can be read in one way only: nothing in it means anything else to anybody.
pub fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,:=@/".contains(&byte);
    path.bytes().all(plain) && !path.contains("//") && !path.split('/').any(|segment| segment.ends_with('.'))
}

/// Whether a URL holds a path as it stands: the platform's own resolve dot segments, take a backslash for a slash, and end
/// at a `#`.
pub fn is_kept_by_urls(path: &str) -> bool {
    !path.contains('#') && resolve_dots(&backslash_as_slash(path.as_bytes())) == path.as_bytes()
}

/// All readings of a path, folded, sorted, the given one among them. `raw` as it was sent, `canonical` as the gate reads it.
pub fn readings(raw: &str, canonical: &str) -> Result<Vec<String>, TooMany> {
    let mut known: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0_usize;
    let mut next = vec![raw.as_bytes().to_vec(), canonical.as_bytes().to_vec()];
    while let Some(path) = next.pop() {
        if !insert(&mut known, path.clone()) {
            continue;
        }
        bytes = bytes.saturating_add(path.len());
        if known.len() > MOST || bytes > MOST_BYTES {
            return Err(TooMany);
        }
        for rule in RULES {
            let read = rule(&path);
            if known.binary_search(&read).is_err() {
                next.push(read);
            }
        }
    }
    // Folded in the form of the route table: what is not ASCII is escaped there.
    let mut folded = Vec::new();
    for path in &known {
        insert(&mut folded, fold(&escape(path)));
    }
    Ok(folded)
}

/// Puts an item at its place in a sorted list without repetitions; false if it is there already. The sets of the
/// standard library would each cost the Worker some kilobytes.
pub(super) fn insert<T: Ord>(sorted: &mut Vec<T>, item: T) -> bool {
    let place = sorted.binary_search(&item);
    if let Err(place) = place {
        sorted.insert(place, item);
    }
    place.is_err()
}

/// A literal of a route as a careless origin compares it: decoded until nothing is left to decode, without letter
/// case; in the form of the readings. A slash in it separates segments.
pub fn loose(literal: &str) -> String {
    let mut path = literal.as_bytes().to_vec();
    loop {
        let decoded = decode_once(&path);
        if decoded == path {
            return escape(&lower_case(&path)).to_ascii_lowercase();
        }
        path = decoded;
    }
}

fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.push_str(&stripe402_core::protocol::digest::hex(&[*byte]));
        }
    }
    text
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Every `%xx` becomes its byte, once; what is malformed stays.
fn decode_once(path: &[u8]) -> Vec<u8> {
    decode(path, |_| true)
}

fn decode(path: &[u8], wanted: fn(u8) -> bool) -> Vec<u8> {
    let mut read = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let decoded = (*byte == b'%')
            .then(|| Some((hex_digit(after.first())? << 4) | hex_digit(after.get(1))?))
            .flatten()
            .filter(|byte| wanted(*byte));
        read.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    read
}

/// Overlong UTF-8 for ASCII (`C0 AF` for a slash) becomes what it stands for.
fn decode_overlong(path: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let low = |byte: &u8| (*byte & 0xc0 == 0x80).then_some(*byte & 0x3f);
        let (decoded, length) = match (*byte, after) {
            (0xc0 | 0xc1, [a, ..]) => (low(a).map(|a| ((*byte & 1) << 6) | a), 1),
            (0xe0, [a @ (0x80 | 0x81), b, ..]) => (low(b).map(|b| ((*a & 1) << 6) | b), 2),
            (0xf0, [0x80, a @ (0x80 | 0x81), b, ..]) => (low(b).map(|b| ((*a & 1) << 6) | b), 3),
            _ => (None, 0),
        };
        read.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { after.get(length..).unwrap_or_default() } else { after };
    }
    read
}

/// Changes the characters that are UTF-8; other bytes stay.
fn per_character(path: &[u8], change: fn(char) -> char) -> Vec<u8> {
    let mut read = Vec::with_capacity(path.len());
    for piece in path.utf8_chunks() {
        for character in piece.valid().chars().map(change) {
            read.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        read.extend_from_slice(piece.invalid());
    }
    read
}

/// A character some way further on in Unicode.
fn shifted(character: char, by: u32) -> char {
    char::from_u32(u32::from(character).wrapping_add(by)).unwrap_or(character)
}

/// Characters beyond ASCII that mean, in another case or in their plain form, one of ASCII's: the full-width forms, the
/// Kelvin sign, the long s, and what looks like a slash. As `toLowerCase`, NFKC and Windows' best fit do.
fn look_alikes_as_ascii(path: &[u8]) -> Vec<u8> {
    per_character(path, |character| match character {
        '\u{ff01}'..='\u{ff5e}' => shifted(character, 0x20_u32.wrapping_sub(0xff00)),
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{2216}' | '\u{29f5}' | '\u{fe68}' => '\\',
        _ => character,
    })
}

/// Letters beyond ASCII have a case, too: those of Latin, Greek and Cyrillic (the standard library's tables of all
/// would cost the Worker four kilobytes).
fn lower_case(path: &[u8]) -> Vec<u8> {
    per_character(path, |character| match character {
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => shifted(character, 0x20),
        'Ѐ'..='Џ' => shifted(character, 0x50),
        'Ÿ' => 'ÿ',
        'Ā'..='Ķ' | 'Ŋ'..='ŷ' | 'Ѡ'..='ҁ' | 'Ҋ'..='ҿ' if u32::from(character) % 2 == 0 => {
            shifted(character, 1)
        }
        'Ĺ'..='ň' | 'Ź'..='ž' if u32::from(character) % 2 == 1 => shifted(character, 1),
        _ => character,
    })
}

fn backslash_as_slash(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn per_segment(path: &[u8], cut: impl Fn(&[u8]) -> &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(cut).collect::<Vec<_>>().join(&b'/')
}

fn cut_parameters(path: &[u8]) -> Vec<u8> {
    per_segment(path, |segment| before(segment, b';'))
}

/// `//host/path` is `/path` to whoever resolves the target against a base: `new URL(request.url, "http://localhost")`.
fn drop_authority(path: &[u8]) -> Vec<u8> {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let rest = path.get(slashes..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'/') {
        _ if slashes < 2 => path.to_vec(),
        Some(end) => rest.get(end..).unwrap_or_default().to_vec(),
        None => b"/".to_vec(),
    }
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut read: Vec<u8> = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || read.last() != Some(&b'/') {
            read.push(*byte);
        }
    }
    read
}

/// What becomes of a dot segment where the ends of segments are cut.
#[derive(Clone, Copy)]
enum DotSegments {
    /// One that was sent stays; all others are cut through.
    Stay,
    /// One that is arrived at stays, too: `...` is `..` then.
    Appear,
    /// They are cut like all others: `/api/../joke` is `/api//joke` then.
    Vanish,
}

/// Dots or spaces at the ends of segments, as file systems of Windows ignore them.
fn cut_ends(path: &[u8], ends: &[u8], dot_segments: DotSegments) -> Vec<u8> {
    per_segment(path, |segment| {
        let mut kept = segment;
        while let Some((last, before)) = kept.split_last() {
            let stays = matches!(kept, b"." | b"..")
                && match dot_segments {
                    DotSegments::Stay => kept.len() == segment.len(),
                    DotSegments::Appear => true,
                    DotSegments::Vanish => false,
                };
            if stays || !ends.contains(last) {
                break;
            }
            kept = before;
        }
        kept
    })
}

/// Spaces alone, at both ends of a segment: what is left may be a dot segment.
fn cut_spaces(path: &[u8]) -> Vec<u8> {
    per_segment(path, |segment| {
        let first = segment.iter().position(|byte| *byte != b' ').unwrap_or(segment.len());
        let end = segment.iter().rposition(|byte| *byte != b' ').map_or(first, |last| last.saturating_add(1));
        segment.get(first..end).unwrap_or_default()
    })
}

/// RFC 3986, 5.2.4.
fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let mut read: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            b"." => {}
            b".." => {
                if read.len() > 1 {
                    read.pop();
                }
            }
            other => {
                read.push(other);
                continue;
            }
        }
        if index == last {
            read.push(b"");
        }
    }
    if read.is_empty() {
        return b"/".to_vec();
    }
    read.join(&b'/')
}

/// What comes before the first such byte.
fn before(path: &[u8], end: u8) -> &[u8] {
    path.split(|byte| *byte == end).next().unwrap_or_default()
}

fn cut_at(path: &[u8], end: u8) -> Vec<u8> {
    before(path, end).to_vec()
}

fn without(path: &[u8], dropped: fn(u8) -> bool) -> Vec<u8> {
    path.iter().copied().filter(|byte| !dropped(*byte)).collect()
}

#[cfg(test)]
mod tests;
