// A client of the stripe402 protocol, for browsers, Node, Deno and Workers. See README.md.

export { SpendPolicyError, Stripe402Error } from "./src/errors.js";
export { createStripe402Fetch } from "./src/fetch.js";
export {
  HEADERS,
  STRIPE402_VERSION,
  decodeHeader,
  encodeHeader,
  readChallenge,
  readReceipt,
  unitsToCents,
  unitsToDollars,
} from "./src/protocol.js";
export { webStorage } from "./src/store.js";
