// What goes over the wire: the three headers, their coding, and the two messages of a server.
//
// Writes one dialect of base64 (standard alphabet, padded) and reads the usual four, as the server does. What comes
// from a server is checked before anything else looks at it.

import { Stripe402Error } from "./errors.js";

/** The version of the protocol. */
export const STRIPE402_VERSION = 1;

/** The names of the three headers. */
export const HEADERS = Object.freeze({
  PAYMENT_REQUIRED: "payment-required",
  PAYMENT: "payment",
  PAYMENT_RESPONSE: "payment-response",
});

/** The longest header that is read. */
const MAX_HEADER_BYTES = 8192;

/** A header's value: base64 of the message's JSON in UTF-8. */
export function encodeHeader(message) {
  const json = JSON.stringify(message);
  if (json === undefined) throw new TypeError("encodeHeader needs something that JSON can hold");
  return base64(new TextEncoder().encode(json));
}

/** The message in a header's value. Throws a SyntaxError that says what is wrong with it. */
export function decodeHeader(value) {
  if (typeof value !== "string") throw new TypeError("decodeHeader needs the header's value as a string");
  if (value.length > MAX_HEADER_BYTES) throw new SyntaxError(`The header is longer than ${MAX_HEADER_BYTES} bytes`);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes(value));
  } catch (error) {
    throw error instanceof SyntaxError ? error : new SyntaxError("The header is not text in UTF-8");
  }
  return JSON.parse(text);
}

function base64(octets) {
  let binary = "";
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary);
}

/** Standard or URL-safe alphabet, not both; with or without padding; no stray bits. */
function bytes(value) {
  const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, "");
  const [, digits, padding] = /^([A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(=*)$/.exec(trimmed) ?? [];
  const rest = digits === undefined ? 1 : digits.length % 4;
  if (rest === 1 || padding.length > (rest === 0 ? 0 : 4 - rest)) throw new SyntaxError("The header is not base64");
  const standard = digits.replaceAll("-", "+").replaceAll("_", "/");
  const octets = Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
  if (base64(octets).replace(/=+$/, "") !== standard) throw new SyntaxError("The header is not base64");
  return octets;
}

/** Units as Stripe's cents, rounded up: 100 units are a cent. */
export function unitsToCents(units) {
  const rest = wholeUnits(units) % 100;
  return (units - rest) / 100 + (rest > 0 ? 1 : 0);
}

/** Units as a decimal number of dollars (or whatever the currency is), for people: "0.05". */
export function unitsToDollars(units) {
  const size = Math.abs(wholeUnits(units));
  const rest = size % 10_000;
  const fraction = String(rest).padStart(4, "0").replace(/0+$/, "");
  return `${units < 0 ? "-" : ""}${(size - rest) / 10_000}${fraction && `.${fraction}`}`;
}

function wholeUnits(units) {
  if (!Number.isSafeInteger(units)) throw new RangeError("Units are a whole number of at most 2^53 - 1");
  return units;
}

/** Whether this is an amount of units: whole, exact, not negative. */
export const isUnits = (value) => Number.isSafeInteger(value) && value >= 0;

/** A client id, the way servers make them. */
export const isClientId = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** A payment method's id at Stripe. */
export const isPaymentMethodId = (value) => typeof value === "string" && /^pm_[A-Za-z0-9_]{1,252}$/.test(value);

/**
 * The challenge in a `payment-required` header. None, if there is no header or it is another protocol's (x402 has one
 * of the same name); an error, if it is a stripe402 challenge that cannot be believed.
 */
export function readChallenge(value) {
  if (value === null || value === undefined) return undefined;
  let message;
  try {
    message = decodeHeader(value);
  } catch (error) {
    throw unbelievable(`cannot be read: ${error.message}`, error);
  }
  if (!isObject(message)) throw unbelievable("is not an object");
  if (!("stripe402Version" in message)) return undefined;
  if (message.stripe402Version !== STRIPE402_VERSION) {
    throw unbelievable(`has a stripe402Version that this client does not speak; it speaks ${STRIPE402_VERSION}`);
  }
  if (!isObject(message.resource) || typeof message.resource.url !== "string") throw unbelievable("names no resource");
  if (!Array.isArray(message.accepts)) throw unbelievable("names no ways to pay");
  const ours = message.accepts.filter((way) => isObject(way) && way.scheme === "stripe");
  if (!ours.every(isWayToPay)) throw unbelievable("names a price that is none");
  if (message.error !== undefined && typeof message.error !== "string")
    throw unbelievable("has an error that is no code");
  return { ...message, accepts: ours };
}

function isWayToPay({ currency, amount, minTopUp, publishableKey, description }) {
  return (
    typeof currency === "string" &&
    /^[a-z]{3}$/.test(currency) &&
    isUnits(amount) &&
    isUnits(minTopUp) &&
    typeof publishableKey === "string" &&
    (description === undefined || typeof description === "string")
  );
}

function unbelievable(why, cause) {
  return new Stripe402Error("invalid_payment", `The server's challenge ${why}. Nothing was paid.`, {
    reason: "invalid_challenge",
    cause,
  });
}

/** The receipt in a `payment-response` header; none, if it cannot be read: what was paid for is there all the same. */
export function readReceipt(value) {
  if (value === null || value === undefined) return undefined;
  try {
    const receipt = decodeHeader(value);
    const whole = isObject(receipt) && typeof receipt.success === "boolean";
    return whole && Number.isSafeInteger(receipt.creditsRemaining) && typeof receipt.clientId === "string"
      ? receipt
      : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
