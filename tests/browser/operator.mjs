// What the tests of the operator's dashboard share: a token, clients that are known before they pay, and how one logs in.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";

import { rounded } from "../../dashboard/money.js";
import { Person } from "./harness.mjs";

export const ADMIN = "/.well-known/stripe402/admin/";
export const TOKEN = "an-admin-token-of-at-least-32-bytes!!";
const SECRET = "a-server-secret-of-at-least-32-bytes!!";
// Nothing that clients pay here is handed over meanwhile: the sums of the overview are those of the data.
export const vars = { ADMIN_TOKEN: TOKEN, SERVER_SECRET: SECRET, REPORT_SECONDS: "3600" };
export const usd = (units) => rounded(units, "usd");
export const viewports = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

// A client that is known before it has paid: its ids are derived from the card's fingerprint.
export function clientOf(fingerprint) {
  const clientId = createHmac("sha256", SECRET).update(fingerprint).digest("hex");
  const account = createHash("sha256").update(`stripe402 account ${clientId}`).digest("hex");
  return { method: `pm_${fingerprint}`, fingerprint, clientId, account };
}
export const ada = clientOf("dashboardAda");

// Notes tests, each by an operator with a browser of their own, at a paywall that is there by then.
export const operators = (tests, paywall) => (name, options, does, at = paywall) =>
  tests.push([name, async () => {
    const one = await Person.at(at(), options);
    await does(one, one.page);
    await one.leaves();
  }]);

export const logIn = async (me) => {
  await me.open(ADMIN);
  await me.page.getByLabel("Admin token").fill(TOKEN);
  await me.page.getByRole("button", { name: "Log in" }).click();
  await me.page.getByRole("heading", { name: "Overview" }).waitFor();
  await isRead(me);
};
// Nothing of the overview is still on its way: what a test does next meets a page at rest.
export const isRead = (me) => me.page.locator("#reports:not([aria-busy])").waitFor({ state: "attached" });
export const table = (me, name) => me.page.getByRole("region", { name, exact: true });
export const column = (me, name, nth) => table(me, name).locator(`tbody td:nth-child(${nth})`).allInnerTexts();

// Pays for a joke with a card of its own: 49,900 units are left.
export async function pays(who, at) {
  const made = await fetch(`${at.stripe}/_testbed/payment_methods`, {
    method: "POST",
    body: JSON.stringify({ id: who.method, fingerprint: who.fingerprint }),
  });
  assert.equal(made.status, 200, await made.text());
  const payment = Buffer.from(JSON.stringify({ stripe402Version: 1, paymentMethodId: who.method })).toString("base64");
  const answer = await fetch(`${at.url}/api/joke`, { headers: { payment } });
  assert.equal(answer.status, 200, await answer.text());
}

export const asks = async (path, at) => {
  const answer = await fetch(`${at.url}${ADMIN}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.equal(answer.status, 200, path);
  return answer.json();
};
