// A server that answers as it is told to, request by request, and remembers what it was sent.

import { createServer } from "node:http";
import { decodeHeader, encodeHeader } from "../../index.js";

export const CLIENT = "c".repeat(64);

/** A way to pay, such as every test starts from. */
export const WAY = {
  scheme: "stripe",
  currency: "usd",
  amount: 100,
  minTopUp: 50_000,
  publishableKey: "pk_test_liar",
};

/** An answer with a challenge: 402, unless told otherwise. */
export const challenge = (change = {}, more = {}) => ({
  status: 402,
  headers: {
    "payment-required": encodeHeader({
      stripe402Version: 1,
      resource: { url: "/thing" },
      accepts: [{ ...WAY, ...change }],
      ...more,
    }),
  },
});

/** An answer with a receipt. */
export const paid = (receipt = {}, more = {}) => ({
  status: 200,
  body: "served",
  ...more,
  headers: {
    "payment-response": encodeHeader({ success: true, creditsRemaining: 49_900, clientId: CLIENT, ...receipt }),
    ...more.headers,
  },
});

/** Starts it. `answer` gets what was sent, and its number; it gives { status, headers, body }. */
export async function startLiar(answer) {
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { payment } = request.headers;
    const one = {
      method: request.method,
      path: request.url,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      payment: payment && decodeHeader(payment),
    };
    seen.push(one);
    const { status = 200, headers = {}, body = "" } = await answer(one, seen.length);
    response.writeHead(status, headers).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    payments: () => seen.map((one) => one.payment).filter((payment) => payment),
    stop: () => new Promise((done) => server.close(done).closeAllConnections()),
  };
}

/** Runs a test with a liar. */
export async function against(answer, test) {
  const liar = await startLiar(answer);
  try {
    await test(liar);
  } finally {
    await liar.stop();
  }
}
