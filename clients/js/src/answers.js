// What an answer says about the payment that was sent with its request. An answer is what fetch and axios make of theirs:
// `status`, `header(name)` (null for none), and `json()`.

import { HEADERS, readReceipt } from "./protocol.js";

/** The server does not know yet what became of the payment. Where it does, there is a receipt. */
export const isUndecided = (answer) => answer.status === 503 && answer.header(HEADERS.PAYMENT_RESPONSE) === null;

/** What an answer says about the payment that was sent: paid, reversed, refused, or nothing. */
export function fateOf(answer) {
  if (answer.status === 402) return "refused";
  const receipt = readReceipt(answer.header(HEADERS.PAYMENT_RESPONSE));
  if (receipt) return receipt.success ? "paid" : "reversed";
  if (answer.status >= 400 && answer.status < 500) return "refused";
  return "unknown";
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
