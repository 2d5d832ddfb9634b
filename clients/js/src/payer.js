// One request, paid for if it has to be; whatever sends it.
//
// Kept true here: nothing is paid before its price has been seen and the policy has let it pass; a challenge is paid at
// most once; one top-up at a time for an origin, which the requests that wait for it share; a payment whose outcome is
// not known is sent again as it was, never replaced by another; once it is paid for, nothing takes the answer away.

import { actionOf, fateOf, isUndecided, isUnfit, retryAfter } from "./answers.js";
import { attempt } from "./attempt.js";
import { SpendPolicyError, Stripe402Error } from "./errors.js";
import { ClientIds, Tills, unlessAborted } from "./origins.js";
import { Policy, money } from "./policy.js";
import {
  HEADERS,
  STRIPE402_VERSION,
  encodeHeader,
  isClientId,
  isPaymentMethodId,
  isUnits,
  readChallenge,
  readReceipt,
} from "./protocol.js";
import { bare } from "./request.js";

const OPTIONS = [
  ...["onPaymentRequired", "clientId", "store", "policy", "fetch", "onReceipt", "onAction", "onError"],
  ...["payAhead", "bufferBody", "retries", "maxRetryWait", "now", "sleep"],
];

export class Payer {
  #config;
  #policy;
  #ids;
  #tills = new Tills();

  constructor(config) {
    if (typeof config !== "object" || config === null) throw new TypeError("The configuration must be an object");
    for (const name of Object.keys(config)) {
      if (!OPTIONS.includes(name))
        throw new TypeError(`${name} is not an option; the options are ${OPTIONS.join(", ")}`);
    }
    const { store = new Map(), retries = 5, maxRetryWait = 60_000, now = Date.now, sleep = wait } = config;
    for (const name of ["onPaymentRequired", "onReceipt", "onAction", "onError", "fetch"]) {
      const required = name === "onPaymentRequired";
      if ((required || config[name] !== undefined) && typeof config[name] !== "function") {
        throw new TypeError(`${name} must be a function`);
      }
    }
    for (const [name, value] of Object.entries({ retries, maxRetryWait })) {
      if (!isUnits(value)) throw new TypeError(`${name} must be a whole number`);
    }
    if (typeof store?.get !== "function" || typeof store.set !== "function") {
      throw new TypeError("store must have get(key) and set(key, value), as a Map has");
    }
    this.#config = { ...config, retries, maxRetryWait, sleep };
    this.#policy = new Policy(config.policy, store, now);
    this.#ids = new ClientIds(store, config.clientId);
  }

  /** Sends a request and pays for it if it has to. Gives the last answer, and whether a payment was sent with it. */
  async pay(request) {
    const { origin } = request.url;
    this.#ids.meet(origin);
    const till = this.#tills.of(origin);
    const purchase = new Purchase(this.#config, this.#policy, this.#ids, till, request);
    try {
      return await purchase.make();
    } catch (error) {
      await purchase.abandon();
      throw error;
    } finally {
      await purchase.close();
    }
  }
}

/** One request on its way. */
class Purchase {
  #config;
  #policy;
  #ids;
  #till;
  #request;
  #route;
  #terms;
  /** How many top-ups of the origin had ended when this one began: later ones are news. */
  #seen;
  /** The latest answer. */
  #last;
  /** Takes the price back out of the budget. */
  #takeBack;
  /** Whether the price was paid, or may have been. */
  #spent = false;
  /** Whether a payment is on its way at a price that may be out of date. */
  #ahead = false;
  /** Whether the payment that is on its way was sent before, and may have gone through then. */
  #doubtful = false;

  constructor(config, policy, ids, till, request) {
    this.#config = config;
    this.#policy = policy;
    this.#ids = ids;
    this.#till = till;
    this.#request = request;
    this.#route = `${request.method} ${request.url.pathname}`;
    this.#seen = till.ended;
  }

  async make() {
    const first = await this.#first();
    const { answer } = first;
    if (answer.status !== 402) return first;
    const challenge = readChallenge(answer.header(HEADERS.PAYMENT_REQUIRED));
    const terms = challenge && this.#policy.choose(challenge.accepts);
    if (!terms) return first;
    this.#stay(answer);
    if (!this.#request.replayable) {
      throw new Stripe402Error(
        "payment_required",
        "The request costs money, but its body is a stream that cannot be sent a second time. Nothing was paid. " +
          "Give the body as a string, bytes or a Blob, or set bufferBody.",
        { reason: "body_not_replayable" },
      );
    }
    await this.#agree(terms);
    this.#till.remember(this.#route, terms);

    let last = first;
    // With payAhead, the client id was sent already, and did not do.
    if (!first.paid) {
      last = await this.#payByCredits(last);
      if (!this.#isInsufficient(last)) return last;
    } else if (!this.#isInsufficient(first)) return first;
    for (;;) {
      const end = await this.#till.turn(this.#request.signal);
      try {
        if (this.#till.ended === this.#seen) return await this.#payByCard(last, challenge);
        // While this one waited, another paid, or tried to.
        this.#seen = this.#till.ended;
        if (this.#till.isOver(terms)) return last;
      } finally {
        end();
      }
      if (!this.#till.succeeded) continue; // this price is another: its turn is still to come
      last = await this.#payByCredits(last);
      if (!this.#isInsufficient(last)) return last;
    }
  }

  /** Nobody will read the last answer: its connection is free. */
  async abandon() {
    await this.#last?.discard();
  }

  /** Whatever is not spent goes back into the budget. */
  async close() {
    if (!this.#spent) await this.#giveBack(this.#takeBack);
  }

  /** The first answer: without a payment, or with the client id where the price is known and may be paid. */
  async #first() {
    const { url, signal } = this.#request;
    const known = this.#config.payAhead ? this.#till.terms.get(this.#route) : undefined;
    const clientId = known && (await this.#ids.get(url.origin));
    if (clientId) {
      await this.#agree(known);
      this.#ahead = true;
      const first = await this.#deliver({ clientId });
      this.#ahead = false;
      return first;
    }
    signal?.throwIfAborted();
    this.#last = await this.#request.send(undefined);
    return { answer: this.#last, paid: false };
  }

  /** Asks the policy about a price, and counts it. A second price for the same request replaces the first. */
  async #agree(terms) {
    const { url } = this.#request;
    const before = this.#takeBack;
    this.#takeBack = undefined;
    await this.#giveBack(before);
    await this.#policy.check(url, this.#route, terms);
    this.#takeBack = await this.#policy.spend(url, terms);
    this.#terms = terms;
  }

  /** A challenge is paid where it comes from, which has to be the origin that was asked. */
  #stay(answer) {
    if (!answer.url) return;
    const { url, method } = this.#request;
    const address = new URL(answer.url);
    address.hash = "";
    // Node's http adapter of axios puts the user and password of Basic authentication into it.
    const to = bare(address);
    if (to.href === url.href) return;
    if (to.origin !== url.origin) {
      throw new SpendPolicyError(
        "redirect",
        `${url.origin} redirected to ${to.origin}, which asks for a payment. Payments do not follow to another origin.`,
      );
    }
    if (method !== "GET" && method !== "HEAD") {
      throw new SpendPolicyError(
        "redirect",
        `${method} ${url.pathname} was redirected to ${to.pathname}, which asks for a payment. Send it there.`,
      );
    }
    this.#request.move(address);
    this.#route = `${method} ${to.pathname}`;
  }

  async #payByCredits(last) {
    const clientId = await this.#ids.get(this.#request.url.origin);
    if (!clientId) return last;
    await last.answer.discard();
    return this.#deliver({ clientId });
  }

  /** Whether a card has to be charged: there is no client id yet, or its credits do not suffice. */
  #isInsufficient({ answer, paid }) {
    if (answer.status !== 402) return false;
    if (!paid) return true;
    const challenge = readChallenge(answer.header(HEADERS.PAYMENT_REQUIRED));
    return challenge?.error === "insufficient_credits" && challenge.accepts.length > 0;
  }

  /** Asks the payer, and charges a card; with the origin's turn. */
  async #payByCard(last, challenge) {
    const { url, method, signal } = this.#request;
    const till = this.#till;
    let pending = till.pending;
    const { currency, minTopUp } = this.#terms;
    if (pending && (pending.currency !== currency || pending.topUp < minTopUp || pending.unfit.has(this.#route))) {
      pending = undefined;
    }
    this.#doubtful = pending !== undefined;
    if (!pending) {
      const error = readChallenge(last.answer.header(HEADERS.PAYMENT_REQUIRED))?.error;
      const context = { url: url.href, method, resource: challenge.resource, error, signal };
      const choice = await unlessAborted(this.#config.onPaymentRequired({ ...this.#terms }, context), signal);
      if (choice === null || choice === undefined) {
        till.end("declined", this.#terms);
        return last;
      }
      pending = await this.#chosen(choice);
      if (signal?.aborted) {
        await this.#giveBack(pending.takeBack);
        throw signal.reason;
      }
    }
    await last.answer.discard();
    till.pending = pending;
    let final;
    try {
      final = await this.#deliver(pending.payment);
      const action = final.answer.status === 402 && this.#config.onAction && (await actionOf(final.answer));
      if (action && (await unlessAborted(this.#config.onAction(action, { url: url.href, method, signal }), signal))) {
        // The same payment, which the payer has finished: from now on it may go through.
        this.#doubtful = true;
        await final.answer.discard();
        final = await this.#deliver(pending.payment);
      }
    } catch (error) {
      // Refused, by an answer that cannot be believed. After any other error, nobody knows.
      const refused = error instanceof Stripe402Error;
      if (refused) await this.#settle(pending, this.#doubtful ? "unknown" : "refused", undefined);
      throw error;
    }
    const receipt = readReceipt(final.answer.header(HEADERS.PAYMENT_RESPONSE));
    const fate = fateOf(final.answer, this.#doubtful);
    // It stays open, but here another one has to be made.
    if (fate === "unknown" && isUnfit(final.answer)) pending.unfit.add(this.#route);
    await this.#settle(pending, fate, receipt);
    return final;
  }

  /** What became of a top-up: it is over, or to be sent again; it is spent, or back in the budget. */
  async #settle(pending, fate, receipt) {
    if (fate !== "unknown") {
      this.#till.pending = undefined;
      // Where an earlier attempt may have charged, a receipt without a charge does not say that none was made.
      const uncharged = receipt && !receipt.chargeId && !this.#doubtful;
      if (fate === "refused" || uncharged) await this.#giveBack(pending.takeBack);
    }
    this.#till.end(fate === "paid" || fate === "reversed" ? "succeeded" : "failed", this.#terms);
  }

  /** What the payer chose, checked and counted. The amount is always named, so that no more can be charged. */
  async #chosen({ paymentMethodId, topUpAmount }) {
    const { currency, minTopUp } = this.#terms;
    const topUp = topUpAmount ?? minTopUp;
    if (!isPaymentMethodId(paymentMethodId)) {
      throw new Stripe402Error(
        "invalid_payment",
        "onPaymentRequired gave no paymentMethodId such as pm_…; nothing was paid.",
      );
    }
    if (!isUnits(topUp)) {
      throw new Stripe402Error("invalid_payment", "topUpAmount must be a whole number of units; nothing was paid.");
    }
    if (topUp < minTopUp) {
      const bounds = `The top-up, ${money(topUp, currency)}, is below the minimum of ${money(minTopUp, currency)}`;
      throw new Stripe402Error("top_up_below_minimum", `${bounds}; nothing was paid.`);
    }
    const { url } = this.#request;
    const takeBack = await this.#policy.topUp(url, topUp, currency);
    const clientId = await this.#ids.get(url.origin);
    return {
      payment: { paymentMethodId, ...(clientId && { clientId }), topUpAmount: topUp },
      topUp,
      currency,
      takeBack,
      /** The routes where it cannot be sent. */
      unfit: new Set(),
    };
  }

  /** Sends a payment, again and again while the server says that its outcome is not known; looks at what comes back. */
  async #deliver(payment) {
    const { replayable, signal } = this.#request;
    const { retries, maxRetryWait, sleep } = this.#config;
    const header = encodeHeader({ stripe402Version: STRIPE402_VERSION, ...payment });
    let waited = 0;
    for (let repeated = 0; ; repeated += 1) {
      signal?.throwIfAborted();
      this.#spent = true; // until an answer says that it is not
      const answer = await this.#request.send(header);
      this.#last = answer;
      const pause = isUndecided(answer) ? retryAfter(answer.header("retry-after")) : undefined;
      waited += pause ?? 0;
      if (pause === undefined || !replayable || repeated >= retries || waited > maxRetryWait) {
        await this.#look(answer, payment);
        return { answer, paid: true };
      }
      this.#doubtful = true;
      await answer.discard();
      await unlessAborted(sleep(pause), signal);
    }
  }

  async #look(answer, payment) {
    const { url, method } = this.#request;
    const fate = fateOf(answer);
    this.#spent = fate === "paid" || fate === "unknown";
    if (fate === "paid") {
      const keep = () => this.#policy.paid(url, this.#route, this.#terms);
      await this.#try(keep, "The price that was paid could not be stored; it is kept in memory.");
    }
    if (answer.status === 402) this.#compare(answer);
    const receipt = readReceipt(answer.header(HEADERS.PAYMENT_RESPONSE));
    // A receipt for somebody else's credits is not ours.
    if (!receipt || !isClientId(receipt.clientId)) return;
    if (!payment.paymentMethodId && receipt.clientId !== payment.clientId) return;
    const keep = () => this.#ids.set(url.origin, receipt.clientId);
    await this.#try(keep, "The client id could not be stored; it is kept in memory, and lost with the program.");
    const { amount, currency } = this.#terms;
    const tell = async () => this.#config.onReceipt?.(receipt, { url: url.href, method, amount, currency });
    // It is told, not waited for.
    void this.#try(tell, "onReceipt failed.");
  }

  /** Takes a sum out of a budget again. Where that fails, it stays counted. */
  async #giveBack(takeBack) {
    if (!takeBack) return;
    await this.#try(takeBack, "What was not spent could not be taken out of the budget; it stays counted.");
  }

  /** Does what must not take the answer away. */
  #try(work, failed) {
    const { url, method } = this.#request;
    return attempt(work, failed, { url: url.href, method }, this.#config.onError);
  }

  /** The price may not change between a challenge and the next. */
  #compare(answer) {
    const challenge = readChallenge(answer.header(HEADERS.PAYMENT_REQUIRED));
    if (!challenge || challenge.accepts.length === 0) return;
    const before = this.#terms;
    const same = (way) =>
      ["currency", "amount", "minTopUp", "publishableKey"].every((name) => way[name] === before[name]);
    // What was sent ahead was sent at a price from earlier: this is the first challenge, not the second.
    if (this.#ahead || challenge.accepts.some(same)) return;
    const named = ({ amount, minTopUp, currency }) =>
      `${money(amount, currency)} (top-up ${money(minTopUp, currency)})`;
    throw new SpendPolicyError(
      "price_changed",
      `The price changed from ${named(before)} to ${named(challenge.accepts[0])} while it was being paid.`,
    );
  }
}

function wait(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
