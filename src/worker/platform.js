// Calls to the platform that would be many if WebAssembly made each of them.
//
// Kept true here: nothing is decided.

// What the gate needs of a request, a line each: method, URL, `payment`, `origin`, `stripe402-hop`, what a preflight asks
// for (two). With a payment, then `idempotency-key` and the names of all headers; without, `cookie` and `accept`. What is
// absent is an empty line.
export function read({ method, url, headers }) {
  const get = (name) => headers.get(name) ?? "";
  const payment = get("payment");
  const lines = [method, url, payment, get("origin"), get("stripe402-hop")];
  if (method === "OPTIONS") lines.push(get("access-control-request-method"), get("access-control-request-headers"));
  else lines.push("", "");
  if (payment === "") lines.push(get("cookie"), get("accept"));
  else lines.push(get("idempotency-key"), ...headers.keys());
  return lines.join("\n");
}

export function names(headers) {
  return [...headers.keys()].join("\n");
}

// The name of an object, by its state.
export const nameOf = ({ id }) => id?.name ?? "";

// Asks an object. A stub that failed stays broken: a new one each time.
export function ask({ ACCOUNTS }, account, jurisdiction, call) {
  const accounts = jurisdiction === undefined ? ACCOUNTS : ACCOUNTS.jurisdiction(jurisdiction);
  return accounts.getByName(account).ask(call);
}
