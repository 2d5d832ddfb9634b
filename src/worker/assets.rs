//! The dashboard's files, out of the binding `ASSETS`.
//!
//! Kept true here: they are there only where there is an `ADMIN_TOKEN` to log in with; whatever the platform says of a file,
//! it is sent under our policy.

use js_sys::Promise;
use stripe402_core::config::Binding;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use super::http::{get, respond};
use super::setup::Setup;
use crate::gate::answer::Answer;
use crate::gate::dashboard::{Static, wanted};
use crate::gate::own::not_found;

// In JavaScript: nothing here is decided, and made from here each of these calls would cost the Worker more than the
// whole of it. A file is kept by browsers and asked about each time, by its version. The library of the charts sets styles
// by script, which the policy lets it, and nothing makes scripts or HTML of text.
#[wasm_bindgen(inline_js = r#"
const policy = {
  "cache-control": "no-cache",
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  vary: "accept",
  "x-content-type-options": "nosniff",
};
export async function file({ ASSETS }, name, asked, missing) {
  const known = asked.headers.get("if-none-match");
  const headers = known ? { "if-none-match": known } : {};
  const found = await ASSETS.fetch(`http://assets/${name}`, { method: asked.method, headers });
  if (found.status !== 200 && found.status !== 304) return missing;
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries(policy)) response.headers.set(name, value);
  return response;
}"#)]
extern "C" {
    fn file(env: &JsValue, name: &str, asked: &Request, missing: &Response) -> Promise;
}

/// What a request for one of the files gets: the file, or why not; none: it asks for something else.
pub(super) fn asked(setup: &Setup, request: &Request, url: &str) -> Option<Result<String, Answer>> {
    setup.settings.secrets.admin_token.as_ref()?;
    let wanted = wanted(&request.method(), url, get(&request.headers(), "accept").as_deref())?;
    Some(match wanted {
        Static::File(name) if setup.settings.bindings.contains(&Binding::Assets) => Ok(name),
        Static::File(_) => Err(Answer::unbound("ASSETS")),
        Static::Slash => {
            // Relative, and so without the query, which the page does not read.
            Err(Answer { status: 302, ..Answer::empty() }.with("location", "admin/"))
        }
        Static::Nothing => Err(not_found()),
    })
}

/// The file of this name, or a response that there is none.
pub(super) fn serve(env: &JsValue, name: &str, request: &Request) -> Result<Promise, JsValue> {
    let missing = respond(&not_found(), &request.method(), None)?;
    Ok(file(env, name, request, &missing))
}
