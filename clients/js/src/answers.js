// What an answer says about the payment that was sent with its request. An answer is what fetch and axios make of theirs:
// `status`, `header(name)` (null for none), and `json()`.

import { HEADERS, readChallenge, readReceipt } from "./protocol.js";

/** The server does not know yet what became of the payment. Where it does, there is a receipt. */
export const isUndecided = (answer) => answer.status === 503 && answer.header(HEADERS.PAYMENT_RESPONSE) === null;

/**
 * What an answer says about the payment that was sent: paid, reversed, refused, or nothing ("unknown"). `doubtful`: the
 * same payment was sent before, and may have gone through then. Most refusals are only about the request at hand.
 */
export function fateOf(answer, doubtful = false) {
  if (answer.status === 402) return !doubtful || failed(answer) ? "refused" : "unknown";
  const receipt = readReceipt(answer.header(HEADERS.PAYMENT_RESPONSE));
  if (receipt) return receipt.success ? "paid" : "reversed";
  // 409: another request of this Idempotency-Key runs or was answered, and that one is paid for.
  const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 409;
  return refused && !doubtful ? "refused" : "unknown";
}

/** A 402 that says what became of the charge itself. An account that is frozen (no way to pay) says nothing of it. */
function failed(answer) {
  const challenge = challengeOf(answer);
  return ["card_declined", "payment_failed"].includes(challenge?.error) && challenge.accepts.length > 0;
}

/** Whether a payment does not fit the request that it was sent with, whatever became of it elsewhere. */
export const isUnfit = (answer) =>
  answer.status === 402 && ["invalid_payment", "top_up_below_minimum"].includes(challengeOf(answer)?.error);

function challengeOf(answer) {
  try {
    return readChallenge(answer.header(HEADERS.PAYMENT_REQUIRED));
  } catch {
    return undefined;
  }
}

/** Milliseconds to wait; two seconds, where nothing is said (to a page of another origin the header is not shown). */
export function retryAfter(value) {
  if (value === null) return 2000;
  if (/^\d{1,6}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 2000 : Math.max(0, at - Date.now());
}

/** The step that only the payer can take (3-D Secure), where the answer asks for one. */
export async function actionOf(answer) {
  const body = await answer.json();
  const { type, clientSecret } = body?.action ?? {};
  return typeof type === "string" && typeof clientSecret === "string" ? { type, clientSecret } : undefined;
}
