// What fetch and axios have in common about a request.

/** Something that is read once: a ReadableStream, or (in Node) anything that iterates asynchronously or is piped. */
export function isStream(body) {
  if (typeof body !== "object" || body === null) return false;
  return typeof body.getReader === "function" || Symbol.asyncIterator in body || typeof body.pipe === "function";
}

/** A URL without the user and password in it: what rules, the payer and receipts are told of. */
export function bare(address) {
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return url;
}

/** The URL of a request without its fragment, if a payment could go there. */
export function absolute(address) {
  const base = globalThis.location?.href;
  if (!URL.canParse(address, base)) return undefined;
  const url = new URL(address, base);
  url.hash = "";
  return url.protocol === "https:" || url.protocol === "http:" ? url : undefined;
}
