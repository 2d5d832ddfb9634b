// One client: what it holds, what is open, its transactions page by page, what operators did, and what can be done.

import { offers, open } from "./acts.js";
import { ask } from "./api.js";
import { brief, change, count, decimal, money, time } from "./money.js";
import { atStripe } from "./overview.js";
import { Table, make, save } from "./table.js";

const host = document.getElementById("client");
const PAGE = 50;

const kinds = {
  topup: "Top-up", deduction: "Request", reversal: "Given back", refund: "Refund", dispute: "Dispute", adjustment: "Adjustment",
};
const states = {
  sending: "is being sent to Stripe", look_up: "is being looked for at Stripe", follow: "waits for the bank",
  action: "waits for the client's confirmation (3-D Secure)", cancel: "is being cancelled", failed: "failed",
};

// What an entry did to the balance.
const did = ({ type, amount }) => (type === "deduction" ? -amount : amount);
const about = (row) => row.resource ?? row.stripePaymentIntentId ?? row.stripeDisputeId ?? "";
const by = (row) => [row.by, row.reason].filter(Boolean).join(": ");

const at = { title: "When (UTC)", of: (row) => row.createdAt ?? row.at, shown: (row) => time(row.createdAt ?? row.at), late: true, tight: true };

// A client's page is one object, so that an answer that comes late for another one changes nothing.
class Client {
  constructor(account) {
    this.account = account;
    this.path = `clients/${account}`;
    this.next = undefined;
    this.entries = [];
    this.transactions = new Table({
      title: "Transactions", name: `transactions-${account.slice(0, 8)}`, empty: "There are none.",
      columns: [
        at,
        { title: "What", of: (row) => kinds[row.type] ?? row.type },
        { title: "About", of: about, wide: true, shown: (row) => (row.resource ? row.resource : atStripe(about(row), row.stripeDisputeId ? "disputes" : "payments")) },
        { title: "Amount", of: did, shown: (row) => change(did(row), row.currency), saved: (row) => decimal(did(row)), right: true },
        { title: "Balance", of: (row) => row.balance, shown: (row) => money(row.balance, row.currency), saved: (row) => decimal(row.balance), right: true },
        { title: "Currency", of: (row) => row.currency.toUpperCase() },
        { title: "By", of: by },
      ],
    });
    this.older = make("button", { type: "button", className: "small", hidden: true }, "Load older ones");
    this.older.addEventListener("click", () => this.tries(this.older, () => this.page()));
    this.transactions.node.append(this.older);
    this.acts = new Table({
      title: "What operators did", name: `acts-${account.slice(0, 8)}`, empty: "Nothing yet.",
      columns: [
        at,
        { title: "Act", of: (row) => offers[row.act]?.title ?? row.act },
        { title: "By", of: (row) => row.by },
        { title: "Reason", of: (row) => row.reason },
        {
          title: "Amount", of: (row) => row.amount, right: true, saved: (row) => (row.amount === null ? "" : decimal(row.amount)),
          shown: (row) => (row.amount === null ? (row.currency ? "all" : "") : change(row.amount, row.currency)),
        },
        { title: "Key", of: (row) => row.id },
      ],
    });
    this.head = make("div", { className: "card client" });
    this.said = make("div", { role: "status" });
  }

  async show(title) {
    const client = await ask(this.path);
    const [, { acts }] = await Promise.all([this.page(), ask(`${this.path}/acts`)]);
    if (shown !== this) return;
    this.draw(client);
    this.acts.show(acts);
    host.replaceChildren(this.head, this.said, this.transactions.node, this.acts.node);
    title(`Client ${brief(this.account)}`);
  }

  async page() {
    const before = this.next ? `&before=${encodeURIComponent(this.next)}` : "";
    const { transactions, next } = await ask(`${this.path}/transactions?limit=${PAGE}${before}`);
    this.next = next;
    this.entries.push(...transactions);
    const { whole } = this.transactions;
    this.transactions.show(this.entries);
    this.transactions.whole = whole || this.entries.length > PAGE;
    this.transactions.draw();
    this.older.hidden = !next;
  }

  // After an act: the client as it is now, its newest entries and acts.
  async changed(client) {
    this.draw(client);
    Object.assign(this, { entries: [], next: undefined });
    const [, { acts }] = await Promise.all([this.page(), ask(`${this.path}/acts`)]);
    this.acts.show(acts);
  }

  draw(client) {
    this.now = client;
    const tags = [
      client.frozen && make("b", { className: "tag bad" }, "Frozen"),
      client.disputed && make("b", { className: "tag bad" }, "Dispute open"),
    ].filter(Boolean);
    const fact = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
    const balances = client.balances.map(({ currency, balance }) =>
      make("li", { className: balance < 0 ? "debt" : "" }, make("b", {}, money(balance, currency)), make("span", { className: "soft" }, balance < 0 ? `owed, ${currency.toUpperCase()}` : `${currency.toUpperCase()} credits`)),
    );
    const open = [
      client.topUp && this.pending("A top-up", client.topUp),
      ...client.refunds.map((refund) => this.pending("A refund", refund)),
    ].filter(Boolean);
    this.head.replaceChildren(
      make("p", { className: "fine" }, make("a", { href: "#/" }, "Overview")),
      make("div", { className: "row" }, make("h1", { tabIndex: -1 }, `Client ${brief(this.account)}`), make("span", { className: "tags" }, ...tags)),
      make("ul", { className: "balances", "aria-label": "Balances" }, ...balances),
      make("dl", { className: "facts" },
        fact("Account id", make("code", {}, client.account)), fact("Client id", make("code", {}, client.clientId)),
        fact("Customer at Stripe", client.stripeCustomerId ? atStripe(client.stripeCustomerId, "customers") : "none yet"),
        fact("Since", `${time(client.createdAt)} UTC`), fact("Last seen", `${time(client.updatedAt)} UTC`)),
      open.length ? make("ul", { className: "pending", "aria-label": "What is open" }, ...open) : "",
      make("div", { className: "buttons", role: "group", "aria-label": "Act on this client" }, ...this.buttons(client)),
    );
  }

  pending(what, { state, amount, currency, stripePaymentIntentId, wakeAt }) {
    const then = wakeAt ? ` The paywall looks after it at ${time(wakeAt)} UTC.` : "";
    return make("li", {}, `${what} of ${money(amount, currency)} ${states[state] ?? state}. `, atStripe(stripePaymentIntentId ?? ""), then);
  }

  buttons(client) {
    const acts = Object.entries(offers)
      .filter(([, { fits }]) => fits(client))
      .map(([name, { title, grave }]) => {
        const button = make("button", { type: "button", className: grave ? "small grave" : "small" }, `${title}…`);
        button.addEventListener("click", () => this.act(name, client));
        return button;
      });
    const sees = (title, does) => {
      const button = make("button", { type: "button", className: "small" }, title);
      button.addEventListener("click", () => this.tries(button, () => does.call(this)));
      return button;
    };
    return [...acts, sees("Audit", this.audit), sees("Export", this.export)];
  }

  async act(name, before) {
    const told = await open(name, before);
    if (!told) return;
    if (told.erased) {
      gone(`Client ${brief(this.account)} was erased.`);
      return;
    }
    try {
      await this.changed(told.unsure ? await ask(this.path) : told);
    } catch (error) {
      this.tell("bad", `${told.unsure ? "" : `${offers[name].done} `}${error.message} Load this page again.`);
      return;
    }
    if (told.unsure) this.tell("bad", "It is not known whether that was done. Look at what operators did before you do it again.");
    else this.tell("good", offers[name].done);
    this.head.querySelector("h1").focus();
  }

  async audit() {
    const { ok, currencies } = await ask(`${this.path}/audit`);
    const lines = currencies.map((found) => {
      const { currency, balance, derived, entries } = found;
      const off = Object.entries(found).filter(([name, value]) => /Off$|^breaks$/.test(name) && value !== 0);
      const more = off.map(([name, value]) => `, ${name} ${count(value)}`).join("");
      return `${currency.toUpperCase()}: balance ${money(balance, currency)}, derived from ${count(entries)} entries ${money(derived, currency)}${more}`;
    });
    this.tell(ok ? "good" : "bad", ok ? "The books add up." : "The books do not add up.", lines);
  }

  async export() {
    const all = await ask(`${this.path}/export`);
    save(`client-${this.account.slice(0, 8)}.json`, "application/json", JSON.stringify(all, null, 2));
    this.tell("good", all.history.next ? "Saved: everything, but only the last 10,000 entries." : "Saved: all that is known of this client.");
  }

  tell(kind, text, lines = []) {
    const list = lines.length ? make("ul", {}, ...lines.map((line) => make("li", {}, line))) : "";
    this.said.replaceChildren(make("div", { className: `say ${kind}` }, text, list));
  }

  async tries(button, does) {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    await does().catch((error) => this.tell("bad", error.message));
    button.ariaDisabled = "false";
  }
}

let shown;
let gone = () => {};

// Shows a client. `title` names the page; `erased` is called with what to say once there is no such client any more.
export async function show(account, { title, erased }) {
  gone = erased;
  shown = new Client(account);
  host.replaceChildren(make("p", { className: "card soft" }, "Reading the client…"));
  try {
    await shown.show(title);
  } catch (error) {
    if (error.status === 404) error.message = "There is no such client: nobody has ever paid into this account.";
    host.replaceChildren(make("p", { className: "fine" }, make("a", { href: "#/" }, "Overview")));
    throw error;
  }
}

// The account of a client id. The id spends credits: it goes into the body, never into an address.
export async function find(body) {
  const { account } = await ask("clients/find", { method: "POST", body });
  return account;
}
