// The operator's API, as the page asks it: what comes back is JSON, or an error in plain words.

const root = "/.well-known/stripe402/admin/";

// What went wrong. `unsure`: whether it was done is not known.
export class Problem extends Error {
  constructor(message, { status = 0, setting = "", unsure = false } = {}) {
    super(message);
    Object.assign(this, { status, setting, unsure });
  }
}

const words = {
  0: "The paywall cannot be reached. Check your connection and try again.",
  401: "You are not logged in any more. Log in again.",
  403: "The paywall refused it, since another page seemed to ask.",
  413: "That is too long.",
  422: "An act of this form was done already, with other values. Close it, and look at what operators did.",
  429: "Too many wrong tokens were tried from your address. Wait a minute, then try again.",
};

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  const message = words[answer.status] ?? told.detail ?? `The paywall answered ${answer.status}. Try again later.`;
  return new Problem(message, { status: answer.status, setting: told.setting, unsure: answer.status >= 500 });
}

// Asks, and gives the JSON of the answer (none of an answer without one).
export async function ask(path, { method = "GET", body, key, signal } = {}) {
  const headers = { accept: "application/json" };
  if (body) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let answer;
  try {
    answer = await fetch(root + path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(words[0], { unsure: true });
  }
  if (!answer.ok) throw await problem(answer);
  return answer.status === 204 ? undefined : answer.json();
}

// Whether this browser may have a session. The session itself is in a cookie that no script sees; this only spares a
// question whose answer would be no.
const hint = "stripe402-admin-until";
const hours = 12;

export const session = {
  get isLikely() {
    return Number(localStorage.getItem(hint)) > Date.now();
  },
  async begin(token) {
    await ask("session", { method: "POST", body: { token } });
    localStorage.setItem(hint, String(Date.now() + hours * 3_600_000));
  },
  forget() {
    localStorage.removeItem(hint);
  },
  async end() {
    await ask("session", { method: "DELETE" }).catch((error) => {
      if (error.status !== 401) throw error;
    });
    session.forget();
  },
};

export const report = async (name, { from, to, currency, by }, signal) => {
  if (site.reports === false) throw new Problem("There are no reports.", { status: 404, setting: "REPORTS" });
  const query = new URLSearchParams({ from, to, ...(currency && { currency }), ...(by && { by }) });
  return ask(`reports/${name}?${query}`, { signal });
};

// What is switched on, as the paywall tells everybody.
export const site = { isTest: false, reports: undefined };

export async function look() {
  const answer = await fetch("/.well-known/stripe402/health").catch(() => undefined);
  const { mode, reports } = answer?.ok ? await answer.json() : {};
  Object.assign(site, { isTest: mode === "test", reports });
}
