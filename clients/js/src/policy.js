// The spend policy: what may be paid, to whom, and how much in all.
//
// Kept true here: a rule is asked before anything is sent; what is about to be spent is counted first, and taken back
// only when the answer says that it was not spent. Budgets count by the clock's hour, day and month (UTC), so that what
// is kept is a few sums however much is bought.

import { SpendPolicyError } from "./errors.js";
import { isUnits, unitsToDollars } from "./protocol.js";

const WINDOWS = { hour: 13, day: 10, month: 7, total: 0 };
const RULES = ["currency", "hosts", "maxPrice", "maxTopUp", "maxPriceRise", "budget", "topUpBudget", "allowInsecure"];

/** How many prices are remembered for an origin. */
const REMEMBERED = 500;

export class Policy {
  #rules;
  #store;
  #now;
  /** The prices that the store has not taken yet, by key. */
  #unsaved = new Map();
  #turn = Promise.resolve();

  constructor(rules = {}, store, now) {
    check(rules);
    this.#rules = rules;
    this.#store = store;
    this.#now = now;
  }

  /** The way to pay that may be taken; none, if the server offers none. */
  choose(accepts) {
    const { currency } = this.#rules;
    if (currency === undefined || accepts.length === 0) return accepts[0];
    const way = accepts.find((one) => one.currency === currency);
    if (way) return way;
    const offered = accepts.map((one) => one.currency).join(", ");
    throw new SpendPolicyError("currency", `The server asks for ${offered}; only ${currency} may be paid.`);
  }

  /** Refuses what no budget has to be asked for. */
  async check(url, route, { amount, currency }) {
    const { hosts, maxPrice, maxPriceRise, allowInsecure } = this.#rules;
    if (hosts && !hosts.includes(url.host)) {
      throw new SpendPolicyError("hosts", `${url.host} is not among the hosts that may be paid.`);
    }
    if (url.protocol !== "https:" && !allowInsecure && !isLoopback(url.hostname)) {
      throw new SpendPolicyError("insecure", `${url.origin} would get the payment unencrypted. Use https.`);
    }
    if (maxPrice !== undefined && amount > maxPrice) {
      throw new SpendPolicyError(
        "max_price",
        `The price, ${money(amount, currency)}, is above the maximum of ${money(maxPrice, currency)} per request.`,
      );
    }
    if (maxPriceRise !== undefined) {
      const before = (await this.#prices(url))[`${route} ${currency}`];
      if (before !== undefined && amount > before * maxPriceRise) {
        throw new SpendPolicyError(
          "price_rise",
          `The price rose from ${money(before, currency)} to ${money(amount, currency)}: ` +
            `by more than a factor of ${maxPriceRise}.`,
        );
      }
    }
  }

  /** Counts a price; gives what takes it back. */
  spend(url, { amount, currency }) {
    return this.#count("budget", "budget", url.host, amount, currency);
  }

  /** Counts what a card will be charged; gives what takes it back. */
  async topUp(url, amount, currency) {
    const { maxTopUp } = this.#rules;
    if (maxTopUp !== undefined && amount > maxTopUp) {
      throw new SpendPolicyError(
        "max_top_up",
        `The top-up, ${money(amount, currency)}, is above the maximum of ${money(maxTopUp, currency)}.`,
      );
    }
    return this.#count("topUpBudget", "top_up_budget", url.host, amount, currency);
  }

  /** Remembers what was paid, for `maxPriceRise`: in memory where the store fails, which is thrown. */
  async paid(url, route, { amount, currency }) {
    if (this.#rules.maxPriceRise === undefined) return;
    const [key, name] = [pricesOf(url), `${route} ${currency}`];
    await this.#alone(async () => {
      const fresh = latest(this.#unsaved.get(key), name, amount);
      this.#unsaved.set(key, fresh);
      const prices = latest(await this.#prices(url), name, amount);
      await this.#store.set(key, JSON.stringify(prices));
      this.#unsaved.delete(key);
    });
  }

  async #prices(url) {
    return { ...(await this.#read(pricesOf(url))), ...this.#unsaved.get(pricesOf(url)) };
  }

  async #count(setting, rule, host, amount, currency) {
    const budget = this.#rules[setting];
    if (!budget) return async () => {};
    const key = `stripe402 spent ${rule} ${currency}`;
    const now = new Date(this.#now()).toISOString();
    const windows = Object.entries(WINDOWS).map(([window, length]) => [window, `${window} ${now.slice(0, length)}`]);
    await this.#alone(async () => {
      const sums = await this.#read(key);
      for (const [limits, whose, said] of [
        [budget, "", ""],
        [budget.perHost ?? {}, ` ${host}`, ` for ${host}`],
      ]) {
        for (const [window, name] of windows) {
          const spent = sums[name + whose] ?? 0;
          const limit = limits[window];
          if (limit !== undefined && spent + amount > limit) {
            const what = setting === "budget" ? "budget" : "budget for top-ups";
            const per = window === "total" ? "in all" : `per ${window}`;
            throw new SpendPolicyError(
              rule,
              `${money(amount, currency)} would exceed the ${what} of ${money(limit, currency)} ${per}${said}; ` +
                `${money(spent, currency)} of it is spent.`,
            );
          }
        }
      }
      await this.#add(key, sums, windows, host, amount);
    });
    return () => this.#alone(async () => this.#add(key, await this.#read(key), windows, host, -amount, true));
  }

  async #add(key, sums, windows, host, amount, back = false) {
    const current = windows.map(([, name]) => name);
    const kept = {};
    for (const [name, sum] of Object.entries(sums)) {
      // Past windows are over; taking back must not wipe windows that came since.
      if (back || current.some((one) => name === one || name.startsWith(`${one} `))) kept[name] = sum;
    }
    for (const name of current.flatMap((one) => [one, `${one} ${host}`])) {
      if (back && !(name in kept)) continue;
      kept[name] = Math.max(0, (kept[name] ?? 0) + amount);
    }
    await this.#store.set(key, JSON.stringify(kept));
  }

  /** The numbers under a key. What is no number would let everything pass. */
  async #read(key) {
    const text = (await this.#store.get(key)) ?? "{}";
    try {
      const numbers = JSON.parse(text);
      const isTable = typeof numbers === "object" && !Array.isArray(numbers);
      if (isTable && Object.values(numbers).every(isUnits)) return numbers;
    } catch {
      // The same as what is no number.
    }
    throw new Error(`The store holds something else than sums under "${key}". Nothing is paid until it is removed.`);
  }

  /** One at a time: between reading a sum and writing it nobody else counts. */
  #alone(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

const pricesOf = (url) => `stripe402 prices ${url.origin}`;

/** A table of prices with one more, which comes last; the oldest go. */
function latest(prices, name, amount) {
  const { [name]: _, ...others } = prices ?? {};
  return Object.fromEntries([...Object.entries(others).slice(-REMEMBERED + 1), [name, amount]]);
}

/** An amount for people. */
export const money = (units, currency) => `${unitsToDollars(units)} ${currency}`;

function isLoopback(hostname) {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

function check(rules) {
  const wrong = (what) => {
    throw new TypeError(`policy.${what}`);
  };
  if (typeof rules !== "object" || rules === null) throw new TypeError("policy must be an object");
  for (const name of Object.keys(rules)) {
    if (!RULES.includes(name)) wrong(`${name} is not a rule; the rules are ${RULES.join(", ")}`);
  }
  const { currency, hosts, maxPriceRise } = rules;
  for (const name of ["maxPrice", "maxTopUp"]) {
    if (rules[name] !== undefined && !isUnits(rules[name])) wrong(`${name} must be a whole number of units`);
  }
  if (hosts !== undefined && !(Array.isArray(hosts) && hosts.every((host) => typeof host === "string"))) {
    wrong('hosts must be a list such as ["api.example.com"]');
  }
  if (maxPriceRise !== undefined && !(Number.isFinite(maxPriceRise) && maxPriceRise >= 1)) {
    wrong("maxPriceRise must be a factor of at least 1");
  }
  for (const name of ["budget", "topUpBudget"]) checkBudget(rules[name], name, wrong, true);
  const amounts = ["maxPrice", "maxTopUp", "budget", "topUpBudget"].some((name) => rules[name] !== undefined);
  if (currency === undefined ? amounts : !/^[a-z]{3}$/.test(currency)) {
    wrong('currency must be named, such as "usd": amounts are in it, and nothing else is paid');
  }
}

function checkBudget(budget, name, wrong, whole) {
  if (budget === undefined) return;
  if (typeof budget !== "object" || budget === null) wrong(`${name} must be an object such as { day: 10000 }`);
  for (const [key, value] of Object.entries(budget)) {
    if (whole && key === "perHost") checkBudget(value, `${name}.perHost`, wrong, false);
    else if (!Object.hasOwn(WINDOWS, key)) wrong(`${name}.${key} is not one of ${Object.keys(WINDOWS).join(", ")}`);
    else if (value !== undefined && !isUnits(value)) wrong(`${name}.${key} must be a whole number of units`);
  }
}
