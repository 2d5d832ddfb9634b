// The Worker with an object that is farther away: every call to an account takes DELAY_MS longer. The module of a
// measurement's own configuration: no deployment has it.
import worker, { Account as Paywall } from "./index.js";

export default worker;

export class Account {
  #account;
  #delay;

  constructor(state, env) {
    this.#account = new Paywall(state, env);
    this.#delay = Number(env.DELAY_MS);
  }

  async fetch(request) {
    await scheduler.wait(this.#delay);
    return this.#account.fetch(request);
  }

  alarm() {
    return this.#account.alarm();
  }
}
