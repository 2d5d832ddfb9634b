// The Worker, and around it what Cloudflare bills: requests to the Worker and to objects, rows that the platform says
// it read and wrote, alarms that were set and that fired. The module of a test's own configuration: no deployment
// has it. GET /_counts gives what was counted since it was asked last.
import { DurableObject } from "cloudflare:workers";
import worker, { Account as Paywall } from "./index.js";

const names = ["worker_requests", "object_requests", "alarms", "alarms_set", "rows_read", "rows_written"];
let counts;
const begin = () => (counts = Object.fromEntries(names.map((name) => [name, 0])));
begin();

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/_counts") {
      const told = counts;
      begin();
      return Response.json(told);
    }
    counts.worker_requests += 1;
    return worker.fetch(request, reporting(env), ctx);
  },
};

// Where REPORT_SECONDS is set, REPORTS is bound: to what takes every handover, and counts it.
function reporting(env) {
  if (!env.REPORT_SECONDS) return env;
  const prepare = (sql) => ({ bind: (json) => ({ sql, json }) });
  const batch = async (statements) => {
    counts.handovers = (counts.handovers ?? 0) + 1;
    return statements;
  };
  return { ...env, REPORTS: { prepare, batch } };
}

export class Account extends DurableObject {
  #account;
  #cursors = [];

  constructor(state, env) {
    super(state, env);
    const { storage } = state;
    const { sql } = storage;
    const exec = (...statement) => {
      const cursor = sql.exec(...statement);
      this.#cursors.push(cursor);
      return cursor;
    };
    const setAlarm = (...when) => {
      counts.alarms_set += 1;
      return storage.setAlarm(...when);
    };
    const counted = instead(storage, { sql: instead(sql, { exec }), setAlarm });
    this.#account = new Paywall(instead(state, { storage: counted }), reporting(env));
  }

  async ask(call) {
    counts.object_requests += 1;
    try {
      return await this.#account.ask(call);
    } finally {
      this.#settle();
    }
  }

  async alarm() {
    counts.alarms += 1;
    try {
      return await this.#account.alarm();
    } finally {
      this.#settle();
    }
  }

  // A cursor knows its rows when it was read to its end, and only its own object may ask it.
  #settle() {
    for (const cursor of this.#cursors.splice(0)) {
      counts.rows_read += cursor.rowsRead;
      counts.rows_written += cursor.rowsWritten;
    }
  }
}

// A platform object with some of its properties replaced.
function instead(target, own) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(own, name)) return own[name];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
