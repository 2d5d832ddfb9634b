// The yardstick for a paid request: a Worker and an object that debits SQLite, and nothing else. No price is looked up,
// no payment is read, no header is removed, nothing is logged, no answer is held back from a cache. The balance is kept
// in memory, debits commit in groups, a group is inserted with as few statements as bound parameters allow.
//
// Two settings, so that the ways can be compared (CASES=groups):
// GROUP  "timer": what has arrived by the next turn of the event loop is a group; "sync": what arrives while the last
//        group becomes durable is the next one; "idle": who comes alone is committed at once, and while that becomes
//        durable, what has arrived by the next turn is a group.
// CALL   "rpc": a method of the object; "fetch": a request to it with its data in headers and no body, as a Worker has
//        to ask that is not JavaScript.
// The default is what was the fastest.
import { DurableObject } from "cloudflare:workers";

const PRICE = 100;
// A statement takes at most 100 bound parameters.
const COLUMNS = 6;
const ROWS = 16;

export default {
  async fetch(request, env) {
    const client = request.headers.get("client");
    if (client === null) return new Response(null, { status: 402 });
    const account = env.ACCOUNTS.getByName(client);
    const op = crypto.randomUUID();
    const balance = env.CALL === "fetch" ? await asked(account, op) : await account.debit(PRICE, "GET /api/joke", op);
    if (balance === null) return new Response(null, { status: 402 });
    const { url } = request;
    const answer = await fetch(env.ORIGIN_URL + url.slice(url.indexOf("/", 8)), request);
    const response = new Response(answer.body, answer);
    response.headers.set("payment-response", balance);
    return response;
  },
};

async function asked(account, op) {
  const headers = { price: String(PRICE), resource: "GET /api/joke", op };
  const answer = await account.fetch("http://account/", { headers });
  return answer.headers.get("balance");
}

export class Account extends DurableObject {
  constructor(state, env) {
    super(state, env);
    const { sql } = state.storage;
    sql.exec(`CREATE TABLE IF NOT EXISTS entry (
      seq INTEGER PRIMARY KEY, at INTEGER, amount INTEGER, balance INTEGER, resource TEXT, op TEXT) STRICT`);
    const [last] = sql.exec("SELECT seq, balance FROM entry ORDER BY seq DESC LIMIT 1").toArray();
    this.sql = sql;
    this.seq = last?.seq ?? 0;
    this.balance = last?.balance ?? 1e12;
    this.waiting = [];
    this.syncing = false;
  }

  debit(price, resource, op) {
    return new Promise((resolve) => {
      this.waiting.push({ price, resource, op, resolve });
      if (this.env.GROUP === "sync") this.commitWhileAnyWait();
      else if (this.env.GROUP === "idle" && !this.syncing) this.commitAtOnce();
      else if (this.waiting.length === 1) setTimeout(() => this.commit(), 0);
    });
  }

  async fetch(request) {
    const { headers } = request;
    const balance = await this.debit(Number(headers.get("price")), headers.get("resource"), headers.get("op"));
    return new Response(null, balance === null ? undefined : { headers: { balance } });
  }

  async commitWhileAnyWait() {
    if (this.syncing) return;
    this.syncing = true;
    while (this.waiting.length > 0) {
      this.commit();
      await this.ctx.storage.sync();
    }
    this.syncing = false;
  }

  async commitAtOnce() {
    this.syncing = true;
    this.commit();
    await this.ctx.storage.sync();
    this.syncing = false;
  }

  // The answers leave when the rows are durable: the output gate holds them.
  commit() {
    const group = this.waiting;
    this.waiting = [];
    const at = Date.now();
    const values = [];
    const answers = [];
    for (const { price, resource, op, resolve } of group) {
      const enough = price <= this.balance;
      if (enough) {
        this.balance -= price;
        this.seq += 1;
        values.push(this.seq, at, -price, this.balance, resource, op);
      }
      answers.push([resolve, enough ? String(this.balance) : null]);
    }
    for (let from = 0; from < values.length; from += ROWS * COLUMNS) {
      const part = values.slice(from, from + ROWS * COLUMNS);
      this.sql.exec(INSERTS[part.length / COLUMNS], ...part);
    }
    for (const [resolve, balance] of answers) resolve(balance);
  }
}

// By the number of rows.
const INSERTS = Array.from(
  { length: ROWS + 1 },
  (_, rows) => `INSERT INTO entry VALUES ${Array(rows).fill("(?, ?, ?, ?, ?, ?)").join(", ")}`,
);
