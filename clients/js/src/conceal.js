// What axios keeps of a request that carried a payment: out of the sight of whoever logs an answer or an error.
//
// Kept true here: neither util.inspect nor JSON.stringify shows a payment; a client id in it does not expire. What is
// hidden is still there for code that asks for it by name.

import { HEADERS } from "./protocol.js";

/** How many errors that are the cause of one another are looked at. */
const DEEPEST = 10;

/** An answer: with the caller's own configuration, and without the request. */
export function concealAnswer(answer, config) {
  if (!isObject(answer)) return;
  if (answer.config) Reflect.set(answer, "config", config);
  hide(answer, "request");
  veil(answer.request);
  // Node's streams hold the request and the connection that they come from. Other data is the caller's.
  if (typeof answer.data?.pipe === "function") for (const name of ["req", "socket", "client"]) hide(answer.data, name);
}

/** An error, what caused it, and the answers that go with them. */
export function concealError(error, config) {
  for (let one = error, left = DEEPEST; isObject(one) && left > 0; one = one.cause, left -= 1) {
    concealAnswer(one, config);
    concealAnswer(one.response, config);
  }
}

/** The request itself: others refer to it, such as its connection, and errors of a stream that come later. */
function veil(request) {
  if (!isObject(request)) return;
  if (typeof request.headers?.delete === "function") {
    // A Request of the fetch adapter shows its headers whatever its properties are. It was sent.
    try {
      request.headers.delete(HEADERS.PAYMENT);
    } catch {
      // Headers that cannot be changed. The Request itself is hidden.
    }
    return;
  }
  // A connection over TLS keeps the headers of the request that opened it, for all that come after.
  for (const one of [request, request.socket]) {
    if (isObject(one)) for (const name of Reflect.ownKeys(one)) hide(one, name);
  }
}

/** Makes a property one that is not listed. */
function hide(thing, name) {
  if (isObject(thing) && Object.hasOwn(thing, name)) Reflect.defineProperty(thing, name, { enumerable: false });
}

const isObject = (value) => typeof value === "object" && value !== null;
