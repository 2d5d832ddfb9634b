// The overview: figures, charts and tables of a period and a currency, out of the reports.

import { report, site } from "./api.js";
import { Chart } from "./charts.js";
import { brief, count, date, day, decimal, few, many, rounded, short, time } from "./money.js";
import { Table, make } from "./table.js";

const $ = (id) => document.getElementById(id);
const HOUR = 3600;

// What the figures, charts and tables are about now.
const now = { days: 30, currency: "" };
let asking;

const cash = (units) => rounded(units, now.currency);
const client = (row) => make("a", { href: `#/client/${row.account}`, title: row.account }, brief(row.account));
const stripe = (id, kind = "payments") => {
  if (!/^(pi|dp|du|re|pyr|cus|ch)_\w+$/.test(id ?? "")) return id ?? "";
  const href = `https://dashboard.stripe.com/${site.isTest ? "test/" : ""}${kind}/${id}`;
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, id);
};
export const atStripe = stripe;

const at = { title: "When (UTC)", of: (row) => row.at, shown: (row) => time(row.at), late: true, tight: true };
const who = { title: "Client", of: (row) => row.account, shown: client, tight: true };
const units = (title, key) => ({ title, of: (row) => row[key], shown: (row) => cash(row[key]), saved: (row) => decimal(row[key]), right: true });
const number = (title, key) => ({ title, of: (row) => row[key], shown: (row) => count(row[key]), right: true });

const statuses = {
  needs_response: "Needs a response", under_review: "Under review", won: "Won", lost: "Lost", prevented: "Prevented",
  warning_needs_response: "Inquiry: needs a response", warning_under_review: "Inquiry: under review", warning_closed: "Inquiry: closed",
};
const booked = ({ withdrawn, reinstated }) => (reinstated ? "Given back" : withdrawn ? "Taken" : "Not taken");

const tables = {
  routes: new Table({
    title: "Routes", name: "routes", empty: "No request was paid for in this time.",
    columns: [
      { title: "Route", of: (row) => row.resource, wide: true }, units("Revenue", "revenue"), number("Requests", "requests"),
      number("Given back", "reversals"), number("Clients", "payers"),
    ],
  }),
  clients: new Table({
    title: "Top clients", name: "clients", empty: "No client spent anything in this time.",
    columns: [
      who, units("Spent", "revenue"), number("Requests", "requests"), units("Topped up", "topUps"), units("Balance", "balance"),
      { title: "State", of: (row) => (row.frozen ? "Frozen" : "") },
    ],
  }),
  refunds: new Table({
    title: "Refunds and disputed money", name: "refunds", empty: "Nothing was refunded or disputed in this time.",
    columns: [
      at, who, { title: "What", of: (row) => (row.kind === "refund" ? "Refund" : "Dispute") },
      { ...units("Credits", "amount"), shown: (row) => (row.amount > 0 ? "+" : "") + cash(row.amount) },
      { title: "At Stripe", of: (row) => row.source, shown: (row) => stripe(row.source, row.kind === "dispute" ? "disputes" : "payments") },
    ],
  }),
  disputes: new Table({
    title: "Disputes", name: "disputes", empty: "No dispute was opened in this time, and none is open.",
    columns: [
      at, who, { title: "Status", of: (row) => statuses[row.status] ?? row.status }, units("Amount", "amount"),
      { title: "Money", of: booked }, { title: "Payment", of: (row) => row.stripePaymentIntentId, shown: (row) => stripe(row.stripePaymentIntentId) },
    ],
  }),
  declines: new Table({
    title: "Declines", name: "declines", empty: "No card was declined in this time.",
    columns: [
      at, who, { title: "Why", of: (row) => (row.code ?? row.outcome).replaceAll("_", " ") }, units("Amount", "amount"),
    ],
  }),
  timeline: new Table({
    title: "By day or hour", name: "timeline",
    columns: [
      { ...at, title: "From (UTC)", shown: (row) => (now.days === 1 ? time : date)(row.at) }, units("Revenue", "revenue"), number("Requests", "requests"), units("Top-ups", "topUps"),
    ],
  }),
};

const figures = [
  ["Earned", (sums) => cash(sums.revenue), (sums) => `from ${many(sums.payers, "client")}`],
  ["Requests", (sums) => count(sums.requests), (sums) => `${count(sums.reversals)} given back`],
  ["Top-ups", (sums) => cash(sums.topUps), (sums) => many(sums.charges, "charge")],
  ["Outstanding credits", (sums) => cash(sums.outstanding), (sums) => (sums.debts ? `less ${cash(sums.debts)} that clients owe` : "now, of all clients")],
  ["Refunds", (sums) => cash(sums.refunded), () => "taken from credits"],
  ["Disputed", (sums) => cash(sums.disputed), (sums) => `${many(sums.openDisputes, "dispute")} open`],
  ["Declines", (sums) => count(sums.declines), () => "cards refused"],
  ["Clients", (sums) => count(sums.clients), (sums) => `in all: ${count(sums.newClients)} new, ${count(sums.frozen)} frozen`],
].map(([title, value, note]) => ({ value, note, shown: make("b", {}, "–"), noted: make("small", {}, "\u00a0"), title }));

let charts;

// Once, when there is something to show.
export function prepare() {
  $("figures").replaceChildren(
    ...figures.map(({ title, shown, noted }) => make("div", {}, make("dt", {}, title), make("dd", {}, shown, noted))),
  );
  const { routes, clients, refunds, disputes, declines, timeline } = tables;
  $("tables").replaceChildren(...[routes, clients, refunds, disputes, declines, timeline].map(({ node }) => node));
  const axis = (units) => short(units, now.currency);
  const worth = { scale: "money", shown: cash, axis };
  charts = [
    new Chart($("earned"), {
      title: "Revenue and requests",
      series: [
        { title: "Revenue", color: "--first", bars: true, ...worth },
        { title: "Requests", color: "--second", scale: "count", shown: count, axis: few },
      ],
    }),
    new Chart($("flow"), {
      title: "Top-ups and spending",
      series: [
        { title: "Top-ups", color: "--third", bars: true, ...worth },
        { title: "Spent", color: "--first", ...worth },
      ],
    }),
  ];
  $("period").addEventListener("change", ({ target }) => {
    now.days = Number(target.value);
    load().catch(failed);
  });
  $("currency").addEventListener("change", ({ target }) => {
    now.currency = target.value;
    load().catch(failed);
  });
}

// What becomes of a report that could not be read; set by whoever shows it.
let failed = () => {};
export const onFailure = (does) => (failed = does);

// Every span of the period, those without a row too.
function spans(rows) {
  const step = now.days === 1 ? HOUR : 24 * HOUR;
  const first = Date.parse(day(now.days - 1)) / 1000;
  const known = new Map(rows.map((row) => [Date.parse(row.at) / 1000, row]));
  const times = Array.from({ length: now.days === 1 ? 24 : now.days }, (_, nth) => first + nth * step);
  // What is to come is nothing, not zero.
  const list = (key) => times.map((time) => known.get(time)?.[key] ?? (time * 1000 > Date.now() ? null : 0));
  return { step, times, revenue: list("revenue"), requests: list("requests"), topUps: list("topUps") };
}

// Reads the reports anew. What was asked for before and is still on its way is dropped.
export async function load() {
  asking?.abort();
  const { signal } = (asking = new AbortController());
  const asked = { from: day(now.days - 1), to: day(0), currency: now.currency };
  $("reports").setAttribute("aria-busy", "true");
  try {
    // First by itself: it finds out whether there are reports, and in which currencies.
    const credits = await report("credits", asked, signal);
    choose(credits);
    asked.currency = now.currency;
    const read = (name, by) => report(name, { ...asked, by }, signal).then(({ rows }) => rows);
    const lists = ["routes", "clients", "refunds", "disputes", "declines"];
    const [[sums], timeline, ...found] = await Promise.all([
      read("summary"),
      read("timeline", now.days === 1 ? "hour" : "day"),
      ...lists.map((name) => read(name)),
    ]);
    $("reports").hidden = false;
    for (const { value, note, shown, noted } of figures) {
      shown.textContent = value(sums);
      noted.textContent = note(sums);
    }
    lists.forEach((name, nth) => tables[name].show(found[nth]));
    tables.timeline.show(timeline.toReversed());
    const { step, times, revenue, requests, topUps } = spans(timeline);
    charts[0].show({ times, step, values: [revenue, requests] });
    charts[1].show({ times, step, values: [topUps, revenue] });
    $("asof").textContent = sums.updatedAt ? `As of ${time(sums.updatedAt)} UTC` : "Nothing was handed over yet";
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  } finally {
    if (!signal.aborted) $("reports").removeAttribute("aria-busy");
  }
}

// Nobody looks any more: what is still on its way, and what may go wrong with it, is nobody's.
export const leave = () => asking?.abort();

// The currencies there are, the one that is shown chosen.
function choose({ currency, rows }) {
  now.currency ||= rows.some((row) => row.currency === currency) || rows.length === 0 ? currency : rows[0].currency;
  const codes = [...new Set([...rows.map((row) => row.currency), now.currency])];
  const options = codes.map((code) => make("option", { value: code, selected: code === now.currency }, code.toUpperCase()));
  $("currency").replaceChildren(...options);
}
