// The operator's dashboard: logging in and out, and which of its two views is shown. The address after the # says which:
// #/ is the overview, #/client/<account> a client.

import { look, session, site } from "./api.js";
import { find, show } from "./client.js";
import { isBeginning, isId } from "./money.js";
import { leave, load, onFailure, prepare } from "./overview.js";

const $ = (id) => document.getElementById(id);
const views = ["login", "overview", "client"];

const say = (text, kind = "bad") => {
  $("say").hidden = !text;
  $("say").className = `say ${kind}`;
  $("say").textContent = text;
};
const title = (name) => (document.title = `${name} · stripe402`);

function view(name) {
  for (const one of views) $(one).hidden = one !== name;
  for (const id of ["find", "leave"]) $(id).hidden = name === "login";
}

// What went wrong, in the place where it is read.
function failed(error) {
  if (error.status === 401) {
    session.forget();
    ask(error.message);
    return;
  }
  const isUnbound = error.setting === "REPORTS";
  bound(!isUnbound);
  if (!isUnbound) say(error.status === 503 && !$("overview").hidden ? `${error.message} If REPORTS was bound just now: npx wrangler d1 migrations apply REPORTS --remote` : error.message);
}

// Without a database there is nothing to choose from.
function bound(is) {
  $("unbound").hidden = is;
  $("choice").hidden = !is;
  if (!is) $("reports").hidden = true;
}

function ask(why = "") {
  view("login");
  title("Log in");
  say("");
  $("wrong").hidden = !why;
  $("wrong").textContent = why;
  $("token").value = "";
  $("token").focus();
}

let ready;
async function route() {
  if (!session.isLikely) {
    ask();
    return;
  }
  ready ??= look().then(() => {
    $("mode").hidden = !site.isTest;
    prepare();
  });
  await ready;
  const [, what, id] = location.hash.split("/");
  try {
    say("");
    if (what === "client" && isId(id ?? "")) {
      leave();
      view("client");
      await show(id, { title, erased });
      return;
    }
    view("overview");
    title("Overview");
    bound(true);
    await load();
  } catch (error) {
    failed(error);
  }
}

function erased(text) {
  location.hash = "#/";
  // After the view has changed, which clears what was said before.
  addEventListener("hashchange", () => setTimeout(() => say(text, "good")), { once: true });
}

// Marks a button as busy while something goes on.
const busy = async (button, does) => {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await does();
  } finally {
    button.ariaDisabled = "false";
  }
};

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.submitter ?? $("enter").querySelector("button"), async () => {
    $("wrong").hidden = true;
    try {
      await session.begin($("token").value.trim());
      $("token").value = "";
      await route();
      $("main").focus({ preventScroll: true });
    } catch (error) {
      $("wrong").textContent = error.status === 401 ? "That is not the token of this deployment." : error.message;
      $("wrong").hidden = false;
    }
  });
});

$("leave").addEventListener("click", () =>
  busy($("leave"), async () => {
    try {
      await session.end();
      location.hash = "#/";
      // Nothing of what was seen stays in the page.
      location.reload();
    } catch (error) {
      say(error.message);
    }
  }),
);

$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("find").querySelector("button"), async () => {
    const id = $("who").value.trim().toLowerCase();
    say("");
    if (!isId(id) && !isBeginning(id)) {
      say("A client id, and an account id too, is 64 characters: digits, and letters from a to f. Of an account id its beginning is enough.");
      return;
    }
    try {
      // What is no client id of anybody may be an account id, which alone may stand in the address.
      const account = isBeginning(id) ? await find({ account: id }) : await find({ clientId: id }).catch((error) => {
        if (error.status === 404) return id;
        throw error;
      });
      $("who").value = "";
      if (location.hash === `#/client/${account}`) await route();
      else location.hash = `#/client/${account}`;
    } catch (error) {
      if (error.setting === "REPORTS") say("The beginning of an account id is looked for in the reports, which are switched off here: send all 64 characters.");
      else failed(error);
    }
  });
});

$("host").textContent = location.host;
onFailure(failed);
addEventListener("hashchange", route);
route();
