//! Who gets a page and who gets JSON: what the `accept` header prefers.

/// Whether a request would rather have HTML than JSON: it weighs more, or as much and only it is named. Programs that
/// take anything get JSON.
pub fn prefers_html(accept: &str) -> bool {
    let html = quality(accept, ["text/html", "text/*"]).max(quality(accept, ["application/xhtml+xml", ""]));
    html > quality(accept, ["application/json", "application/*"])
}

/// How much a type is wanted, in thousandths, and how closely it is named (RFC 9110 §12.5.1): by its name, by its family,
/// or by `*/*`.
fn quality(accept: &str, [exact, family]: [&str; 2]) -> (u16, u8) {
    let mut best = (0_u8, 0_u16);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let rank = match name {
            _ if name.eq_ignore_ascii_case(exact) => 3,
            _ if !family.is_empty() && name.eq_ignore_ascii_case(family) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1_000, thousandths);
        if rank > best.0 || (rank == best.0 && weight > best.1) {
            best = (rank, weight);
        }
    }
    (best.1, if best.1 > 0 { best.0.min(2) } else { 0 })
}

/// `0.8` → 800; what is no weight counts as none.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    match whole {
        "1" => 1_000,
        "0" if fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            // With the zeros that are left out at the end.
            let digits = fraction.bytes().chain(*b"000").take(3);
            digits.fold(0, |sum: u16, digit| sum.saturating_mul(10).saturating_add(u16::from(digit & 15)))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_a_page_and_everybody_else_gets_json() {
        let pages = [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
            "TEXT/HTML",
            "text/*",
            "text/html;level=1;q=0.4, application/json;q=0.3",
            "application/xhtml+xml",
            "application/json;q=0.9, text/html",
            "text/html, */*;q=0",
            "text/html, */*",
            "text/html, application/xhtml+xml, image/jxr, */*",
        ];
        for accept in pages {
            assert!(prefers_html(accept), "{accept}");
        }
        let json = [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "text/html, application/json",
            "text/html;q=0.5, application/json;q=0.5",
            "text/html;q=0.8, */*",
            "text/html;q=0",
            "text/html;q=x",
            "text/html;q=0.1234",
            "application/*, text/html",
            "text/html;q=0, */*;q=0",
            "text/plain",
            "image/avif,image/webp,*/*;q=0.8",
        ];
        for accept in json {
            assert!(!prefers_html(accept), "{accept}");
        }
    }
}
