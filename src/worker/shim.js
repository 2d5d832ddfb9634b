// What workerd loads: the Worker and the class of its objects, around the WebAssembly module. In place of the crate's own
// shim, which makes an instance and several proxies for every request.
//
// Kept true here: a module that has trapped (a panic) is asked nothing more: it starts anew first, and so do the objects
// that it held; only `ask` and `alarm` of an object can be called.

import { DurableObject } from "cloudflare:workers";
import * as module from "./index.js";

Error.stackTraceLimit = 100;

// Shared with the module, which sets `criticalError` when it aborts.
const state = module.__worker_init_state();

addEventListener("error", ({ error }) => trapped(error));

function trapped(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  console.error("stripe402: the module trapped", error);
  state.criticalError = true;
}

function sound() {
  if (!state.criticalError) return;
  console.log("stripe402: the module starts anew");
  module.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

function guarded(work) {
  sound();
  try {
    return work();
  } catch (error) {
    trapped(error);
    throw error;
  }
}

// Made here, since a promise's executor that is made in WebAssembly has to be given back to it.
const promised = (work) => new Promise((yes, no) => guarded(() => work(yes, no)));

export default {
  fetch: (request, env, ctx) => promised((yes, no) => module.fetch(request, env, ctx, yes, no)),
};

export class Account {
  #ctx;
  #env;
  #account;
  #instance;

  constructor(ctx, env) {
    this.#ctx = ctx;
    this.#env = env;
    guarded(() => this.#begun());
  }

  // As it was made by the module that answers now.
  #begun() {
    if (this.#instance !== state.instanceId) {
      this.#account = new module.Account(this.#ctx, this.#env);
      this.#instance = state.instanceId;
    }
    return this.#account;
  }

  ask(call) {
    return promised((yes, no) => this.#begun().ask(call, yes, no));
  }

  alarm() {
    return guarded(() => this.#begun().alarm());
  }
}

// The platform lets methods be called on such classes only. Not by `extends`: a test stands in for `ctx`.
Object.setPrototypeOf(Account.prototype, DurableObject.prototype);
Object.setPrototypeOf(Account, DurableObject);
