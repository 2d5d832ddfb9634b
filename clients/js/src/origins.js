// What is kept about each origin: its client id, in the store; whose turn it is to pay, in memory.

import { isClientId } from "./protocol.js";

/** How many prices are remembered for `payAhead`. */
const REMEMBERED = 500;

/** The client ids, one per origin: a client id is a secret, and no other origin is ever sent it. */
export class ClientIds {
  #store;
  #given;
  /** What the store did not take. It is worth money, and good as long as this object lives. */
  #unsaved = new Map();

  /** `given`: an object of origins and ids, or one id, which belongs to the first origin that is asked for anything. */
  constructor(store, given) {
    if (typeof given === "string" && !isClientId(given)) {
      throw new TypeError("clientId must be 64 hexadecimal digits in lower case");
    }
    if (typeof given === "object" && given !== null) {
      for (const [origin, id] of Object.entries(given)) {
        if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
          throw new TypeError(`clientId: ${origin} is not an origin such as "https://api.example.com"`);
        }
        if (!isClientId(id)) throw new TypeError(`clientId of ${origin} must be 64 hexadecimal digits in lower case`);
      }
    } else if (given !== undefined && typeof given !== "string") {
      throw new TypeError("clientId must be a string, or an object of origins and client ids");
    }
    this.#store = store;
    this.#given = typeof given === "string" ? { first: given } : { ...given };
  }

  /** An origin is asked for something: an id that was given without an origin is its. */
  meet(origin) {
    const { first } = this.#given;
    if (first !== undefined) this.#given = { [origin]: first };
  }

  async get(origin) {
    const stored = this.#unsaved.get(origin) ?? (await this.#store.get(key(origin)));
    const id = stored ?? this.#given[origin];
    return isClientId(id) ? id : undefined;
  }

  /** Keeps an id: in memory where the store fails, which is thrown. Then the next call tries the store again. */
  async set(origin, id) {
    const isNew = this.#unsaved.has(origin) || (await this.get(origin).catch(() => undefined)) !== id;
    if (!isNew) return;
    this.#unsaved.set(origin, id);
    await this.#store.set(key(origin), id);
    if (this.#unsaved.get(origin) === id) this.#unsaved.delete(origin);
  }
}

const key = (origin) => `stripe402 client ${origin}`;

/** One origin's till: one top-up at a time, and what became of the last one. */
class Till {
  /** How many top-ups have ended. */
  ended = 0;
  /** How the last one did: "succeeded", "failed", or "declined" by the payer, and at which price. */
  #outcome;
  #terms;
  /** A payment whose outcome is not known, to be sent again. */
  pending = undefined;
  /** The prices that challenges named, by route, for `payAhead`. */
  terms = new Map();
  #turn = Promise.resolve();

  /** Waits for the turn, and gives what ends it. */
  async turn(signal) {
    const before = this.#turn;
    let end;
    this.#turn = new Promise((done) => (end = done));
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      before.then(end);
      throw error;
    }
    return end;
  }

  end(outcome, terms) {
    this.ended += 1;
    this.#outcome = outcome;
    this.#terms = terms;
  }

  /** Whether the last one put credits there. */
  get succeeded() {
    return this.#outcome === "succeeded";
  }

  /** Whether who waited for the last one need not try: a card failed, or the payer declined the same price. */
  isOver({ currency, amount, minTopUp }) {
    const before = this.#terms;
    const isSame = before?.currency === currency && before.amount === amount && before.minTopUp === minTopUp;
    return this.#outcome === "failed" || (this.#outcome === "declined" && isSame);
  }

  remember(route, terms) {
    this.terms.delete(route);
    this.terms.set(route, terms);
    if (this.terms.size > REMEMBERED) this.terms.delete(this.terms.keys().next().value);
  }
}

export class Tills {
  #tills = new Map();

  of(origin) {
    if (!this.#tills.has(origin)) this.#tills.set(origin, new Till());
    return this.#tills.get(origin);
  }
}

/** The promise's outcome, unless the signal comes first. */
export async function unlessAborted(promise, signal) {
  if (!signal) return promise;
  signal.throwIfAborted();
  let stop;
  const aborted = new Promise((_, fail) => {
    stop = () => fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
