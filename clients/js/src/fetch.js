// fetch that pays.

import { Stripe402Error } from "./errors.js";
import { Payer } from "./payer.js";
import { HEADERS } from "./protocol.js";
import { redirection } from "./redirect.js";
import { absolute, bare, isStream } from "./request.js";

/** What of a Request goes along when its answer redirects. */
const KEPT = ["cache", "credentials", "integrity", "keepalive", "mode", "referrer", "referrerPolicy"];

/** A function like fetch, which pays for what costs money. */
export function createStripe402Fetch(config, baseFetch) {
  if (baseFetch !== undefined && typeof baseFetch !== "function") throw new TypeError("baseFetch must be a function");
  const payer = new Payer(config);
  const send = config.fetch ?? baseFetch ?? ((...request) => globalThis.fetch(...request));

  return async function stripe402Fetch(input, init = undefined) {
    const request = isRequest(input) ? input : undefined;
    const url = absolute(request ? request.url : String(input));
    const headers = new Headers(init?.headers ?? request?.headers);
    // Not for us: another scheme, or whoever calls pays by hand.
    if (!url || headers.has(HEADERS.PAYMENT)) return send(input, init);

    const call = new Call(send, request, init ?? {}, url, headers);
    if (config.bufferBody) await call.buffer();
    try {
      const { answer, paid } = await payer.pay(call);
      return paid ? await call.follow(answer.response) : answer.response;
    } finally {
      call.close();
    }
  };
}

/** One call of fetch, sent as often as it takes. */
class Call {
  replayable;
  signal;
  method;
  #send;
  #request;
  #init;
  #headers;
  #address;
  #moved = false;
  #redirect;

  constructor(send, request, init, url, headers) {
    this.url = bare(url);
    this.#address = url;
    this.method = normalised(init.method ?? request?.method ?? "GET");
    this.signal = (init.signal === undefined ? request?.signal : init.signal) ?? undefined;
    // A Request's own body can be had twice, by cloning; a stream that comes with the call cannot.
    this.replayable = !isStream(init.body);
    this.#send = send;
    this.#request = request;
    this.#init = init;
    this.#headers = headers;
    this.#redirect = init.redirect ?? request?.redirect ?? "follow";
  }

  /** Reads a stream to its end, so that it can be sent twice. */
  async buffer() {
    if (this.replayable) return;
    const { duplex: _, ...init } = this.#init;
    this.#init = { ...init, body: await new Response(this.#init.body).arrayBuffer() };
    this.replayable = true;
  }

  /** From now on, it goes there. */
  move(to) {
    this.url = bare(to);
    this.#address = to;
    this.#moved = true;
  }

  async send(payment) {
    const headers = new Headers(this.#headers);
    if (payment !== undefined) headers.set(HEADERS.PAYMENT, payment);
    const redirect = payment === undefined ? this.#redirect : "manual";
    const init = { ...this.#init, headers, redirect };
    const response = await (this.#moved
      ? this.#send(this.#address.href, { ...this.#kept(), ...init, method: this.method })
      : this.#send(this.#request ? this.#request.clone() : this.#address.href, init));
    return {
      status: response.status,
      response,
      url: response.redirected ? response.url : undefined,
      header: (name) => response.headers.get(name),
      json: () =>
        response
          .clone()
          .json()
          .catch(() => undefined),
      discard: async () => response.body?.cancel().catch(() => {}),
    };
  }

  /** The answer that was paid for, or what it redirects to, asked for without the payment. */
  async follow(response) {
    const opaque = response.type === "opaqueredirect";
    const location = response.headers.get("location");
    const next = redirection({ status: response.status, location, url: this.#address.href, method: this.method });
    if ((!opaque && !next) || this.#redirect === "manual") return response;
    if (opaque || this.#redirect === "error") {
      await response.body?.cancel().catch(() => {});
      const why = opaque ? "a page cannot follow it without sending the payment along" : 'redirect is "error"';
      throw new Stripe402Error("payment_failed", `The answer that was paid for is a redirect, and ${why}.`, {
        reason: "redirect",
      });
    }
    if (next.keepsBody && !this.replayable) return response;
    await response.body?.cancel().catch(() => {});
    const headers = new Headers(this.#headers);
    for (const name of next.removed) headers.delete(name);
    const { body: given, duplex: _, ...init } = this.#init;
    const body = given ?? this.#request?.clone().body ?? undefined;
    return this.#send(next.url.href, {
      ...this.#kept(),
      ...init,
      ...(next.keepsBody && body !== undefined && { body, ...(isStream(body) && { duplex: "half" }) }),
      method: next.method,
      headers,
      redirect: "follow",
    });
  }

  #kept() {
    const { signal } = this;
    const kept = KEPT.map((name) => [name, this.#request?.[name]]);
    // What a page's own navigation has cannot be asked for.
    const usable = kept.filter(([name, value]) => value !== undefined && !(name === "mode" && value === "navigate"));
    return { ...Object.fromEntries(usable), ...(signal && { signal }) };
  }

  /** The Request was used, as fetch uses it: nobody keeps a copy of its body. */
  close() {
    if (this.#request?.body && !this.#request.bodyUsed) this.#request.body.cancel().catch(() => {});
  }
}

const isRequest = (input) => typeof input === "object" && input !== null && "url" in input && "clone" in input;

/** The Fetch standard's methods are in upper case, however they are written. */
function normalised(method) {
  return /^(delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method;
}
