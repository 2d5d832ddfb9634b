// An axios instance that pays, for axios 1.7 and later: its adapter, wrapped. Interceptors, transforms and
// `validateStatus` see one answer per request, the last.

import { AxiosError, AxiosHeaders, getAdapter } from "axios";
import { concealAnswer, concealError } from "./src/conceal.js";
import { Stripe402Error } from "./src/errors.js";
import { Payer } from "./src/payer.js";
import { HEADERS } from "./src/protocol.js";
import { redirection } from "./src/redirect.js";
import { absolute, bare, isStream } from "./src/request.js";

/** Makes an instance pay. It is changed in place and returned. */
export function createStripe402Axios(instance, config) {
  if (typeof instance?.request !== "function") throw new TypeError("createStripe402Axios needs an axios instance");
  if (config?.fetch !== undefined) throw new TypeError("fetch is not an option here: the instance's adapter is used");
  const payer = new Payer(config);
  const inner = instance.defaults.adapter;
  instance.defaults.adapter = async (request) => {
    const url = absolute(instance.getUri(request));
    const adapter = getAdapter(inner, request);
    // Not for us: another scheme, or whoever calls pays by hand.
    if (!url || AxiosHeaders.from(request.headers).has(HEADERS.PAYMENT)) return adapter(request);
    const call = new Call(adapter, request, url);
    if (config.bufferBody) await call.buffer();
    const { answer, paid } = await payer.pay(call);
    return settled(paid ? await call.follow(answer.response) : answer.response, request, paid);
  };
  return instance;
}

/** One request, sent as often as it takes. */
class Call {
  url;
  method;
  signal;
  replayable;
  #adapter;
  #request;
  #data;
  #address;
  #moved = false;

  constructor(adapter, request, url) {
    this.url = bare(url);
    this.#address = url;
    this.method = (request.method ?? "get").toUpperCase();
    this.signal = request.signal ?? undefined;
    this.replayable = !isStream(request.data);
    this.#adapter = adapter;
    this.#request = request;
    this.#data = request.data;
  }

  /** Reads a stream to its end, so that it can be sent twice. */
  async buffer() {
    if (this.replayable) return;
    const chunks = [];
    for await (const chunk of this.#data)
      chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    this.#data = await new Blob(chunks).arrayBuffer();
    this.replayable = true;
  }

  /** From now on, it goes there. */
  move(to) {
    this.url = bare(to);
    this.#address = to;
    this.#moved = true;
  }

  async send(payment) {
    const headers = new AxiosHeaders(this.#request.headers);
    const to = this.#moved && { url: this.#address.href, baseURL: undefined, params: undefined };
    if (payment === undefined) return this.#ask(this.#adapter, { ...to, headers });
    headers.set(HEADERS.PAYMENT, payment);
    // XMLHttpRequest follows redirects on its own, with the payment.
    const adapter = this.#adapter.adapterName === "xhr" ? getAdapter("fetch", this.#request) : this.#adapter;
    const fetchOptions = { ...this.#request.fetchOptions, redirect: "manual" };
    return this.#ask(adapter, { ...to, headers, maxRedirects: 0, fetchOptions });
  }

  async #ask(adapter, changes) {
    const request = { ...this.#request, data: this.#data, ...changes, validateStatus: () => true };
    const pays = request.headers.has(HEADERS.PAYMENT);
    let response;
    try {
      response = await adapter(request);
    } catch (error) {
      if (pays) concealError(error, this.#request);
      else if (error?.config) error.config = this.#request;
      throw error;
    } finally {
      // Errors of a stream that come later have this configuration.
      request.headers.delete(HEADERS.PAYMENT);
    }
    response.config = this.#request;
    if (pays) concealAnswer(response, this.#request);
    const headers = AxiosHeaders.from(response.headers);
    return {
      status: response.status,
      response,
      url: response.request?.res?.responseUrl ?? response.request?.responseURL,
      header: (name) => headers.get(name) ?? null,
      json: async () => json(response.data),
      discard: async () => {
        response.data?.destroy?.();
        await response.data?.cancel?.().catch(() => {});
      },
    };
  }

  /** The answer that was paid for, or what it redirects to, asked for without the payment. */
  async follow(response) {
    const { maxRedirects, fetchOptions } = this.#request;
    const location = AxiosHeaders.from(response.headers).get("location");
    const next = redirection({ status: response.status, location, url: this.#address.href, method: this.method });
    const opaque = response.status === 0;
    if ((!next && !opaque) || maxRedirects === 0 || fetchOptions?.redirect === "manual") return response;
    if (opaque) {
      throw new Stripe402Error(
        "payment_failed",
        "The answer that was paid for is a redirect, and a page cannot follow it without sending the payment along.",
        { reason: "redirect" },
      );
    }
    if (next.keepsBody && !this.replayable) return response;
    const headers = new AxiosHeaders(this.#request.headers);
    for (const name of next.removed) headers.delete(name);
    const { response: last } = await this.#ask(this.#adapter, {
      ...{ url: next.url.href, baseURL: undefined, params: undefined, method: next.method.toLowerCase(), headers },
      ...(next.removed.includes("authorization") && { auth: undefined }),
      ...(!next.keepsBody && { data: undefined }),
    });
    return last;
  }
}

/** What axios does with an answer whose status the caller does not accept. */
function settled(response, request, paid) {
  const { validateStatus } = request;
  if (!response.status || !validateStatus || validateStatus(response.status)) return response;
  const code =
    response.status >= 400 && response.status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
  const message = `Request failed with status code ${response.status}`;
  const error = new AxiosError(message, code, request, response.request, response);
  if (paid) concealError(error, request);
  throw error;
}

function json(data) {
  try {
    if (typeof data === "string") return JSON.parse(data);
    if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return JSON.parse(new TextDecoder().decode(data));
    return undefined;
  } catch {
    return undefined;
  }
}
