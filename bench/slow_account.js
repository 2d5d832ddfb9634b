// The Worker with an object that is farther away: every call to an account takes DELAY_MS longer. The module of a
// measurement's own configuration: no deployment has it.
import { DurableObject } from "cloudflare:workers";
import worker, { Account as Paywall } from "./index.js";

export default worker;

export class Account extends DurableObject {
  #account;
  #delay;

  constructor(state, env) {
    super(state, env);
    this.#account = new Paywall(state, env);
    this.#delay = Number(env.DELAY_MS);
  }

  async ask(call) {
    await scheduler.wait(this.#delay);
    return this.#account.ask(call);
  }

  alarm() {
    return this.#account.alarm();
  }
}
