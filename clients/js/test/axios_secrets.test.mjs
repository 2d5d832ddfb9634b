// What axios keeps of a request, seen by whoever logs it: no payment, no password. With the real adapters.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { inspect } from "node:util";
import axios from "axios";
import { createStripe402Axios } from "../axios.js";
import { encodeHeader } from "../index.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const SECRET = encodeHeader({ stripe402Version: 1, clientId: CLIENT });
const create = (defaults, config = {}) =>
  createStripe402Axios(axios.create(defaults), { onPaymentRequired: () => CARD, clientId: CLIENT, ...config });

/** Asserts that a log of it does not let anybody pay. The receipt, which the caller is to have, is not looked at. */
function assertSilent(thing, what) {
  for (const options of [{ depth: 10, showHidden: false }, { depth: 2 }]) {
    const seen = inspect(thing, { maxStringLength: Infinity, maxArrayLength: Infinity, ...options });
    for (const secret of [SECRET, SECRET.slice(0, 40), CLIENT, "payment:"]) {
      const at = seen.indexOf(secret);
      assert.ok(at < 0, `${what}, ${secret}: ${seen.slice(Math.max(0, at - 300), at + 100)}`);
    }
  }
  const json = [thing, { ...thing }].map((one) => {
    try {
      return JSON.stringify(one) ?? "";
    } catch (error) {
      assert.match(error.message, /circular/);
      return "";
    }
  });
  for (const text of json) assert.ok(!text.includes(SECRET) && !text.includes(CLIENT), `${what}, as JSON`);
}

/** Asserts that an error, and what caused it, is silent; gives it. */
async function fails(call, what) {
  const error = await call.then(
    () => assert.fail(`${what} did not fail`),
    (thrown) => thrown,
  );
  assertSilent(error, what);
  for (let cause = error.cause, left = 5; cause && left > 0; cause = cause.cause, left -= 1) assertSilent(cause, what);
  return error;
}

/** A receipt as short as it can be told from the payment: with another client id, which is not looked for here. */
const served = (more) => paid({ clientId: "d".repeat(64) }, more);

for (const adapter of ["http", "fetch"]) {
  test(`${adapter}: an answer that is thrown, and one that is not, show no payment`, async () => {
    let answer = { status: 500, body: "broken" };
    await against(
      ({ payment }) => (payment ? answer : challenge()),
      async (liar) => {
        const instance = create({ adapter });
        for (answer of [{ status: 500, body: "broken" }, served({ status: 404 }), { status: 409 }, { status: 429 }]) {
          const error = await fails(instance.get(liar.url), `${adapter} ${answer.status}`);
          assert.equal(error.response.status, answer.status);
          assertSilent(error.response, "its answer");
          assert.ok(error.request && error.response.request, "code that asks for it has it");
        }
        answer = served();
        const response = await instance.get(liar.url);
        assert.equal(response.data, "served");
        assertSilent(response, `${adapter} 200`);
        assert.ok(!Object.keys(response).includes("request"));
      },
    );
  });

  test(`${adapter}: a stream shows no payment, nor do the errors that it has later`, async () => {
    const body = "x".repeat(100_000);
    await against(
      ({ payment }) => (payment ? served({ body }) : challenge()),
      async (liar) => {
        const instance = create({ adapter, responseType: "stream" });
        const response = await instance.get(liar.url);
        assertSilent(response, "an answer");
        assertSilent(response.data, "a stream");
        let size = 0;
        for await (const chunk of response.data) size += chunk.length;
        assert.equal(size, body.length);
        const read = async () => {
          const { data } = await instance.get(liar.url, { maxContentLength: 50_000 });
          for await (const _ of data);
        };
        await fails(read(), "a stream that is too long");
      },
    );
  });

  test(`${adapter}: what breaks on the way shows no payment`, async () => {
    const broken = {
      "before the headers": (_, response) => response.destroy(),
      "in the body": (_, response) => {
        response.writeHead(200, { "content-length": 1000 });
        response.write("x", () => setTimeout(() => response.destroy(), 20));
      },
      "too late": () => {},
      "too long": (_, response) => response.end("x".repeat(10_000)),
      "no HTTP": (request) => request.socket.end("nonsense\r\n\r\n"),
    };
    let breaks;
    const server = createServer((request, response) => {
      if (request.headers.payment) breaks(request, response);
      else response.writeHead(402, challenge().headers).end();
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    try {
      const url = `http://127.0.0.1:${server.address().port}/thing`;
      for (const [what, how] of Object.entries(broken)) {
        breaks = how;
        const error = await fails(create({ adapter, timeout: 300, maxContentLength: 5000 }).get(url), what);
        assert.ok(axios.isAxiosError(error), `${adapter} ${what}: ${error}`);
      }
      breaks = broken["too late"];
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const aborted = await fails(create({ adapter }).get(url, { signal: controller.signal }), "an abort");
      assert.ok(axios.isCancel(aborted));
    } finally {
      await new Promise((done) => server.close(done).closeAllConnections());
    }
  });

  test(`${adapter}: what was not paid is shown as ever`, async () => {
    await against(
      () => challenge(),
      async (liar) => {
        const instance = create({ adapter }, { clientId: undefined, onPaymentRequired: () => null });
        const response = await instance.get(liar.url, { validateStatus: null });
        assert.ok(Object.keys(response).includes("request"));
      },
    );
  });

  test(`${adapter}: Basic authentication and payments go together, and nobody is told the password`, async () => {
    const authorization = `Basic ${btoa("ann:p4ssword")}`;
    const answer = ({ headers, payment, path }) => {
      if (headers.authorization !== authorization) return { status: 401 };
      if (path === "/moved") return { status: 302, headers: { location: "/thing" } };
      return payment ? paid({ chargeId: "pi_1" }) : challenge();
    };
    await against(answer, async (liar) => {
      const inUrl = liar.url.replace("//", "//ann:p4ssword@");
      const auth = { username: "ann", password: "p4ssword" };
      for (const [what, base, config] of [
        ["auth", liar.url, { auth }],
        ["URL", inUrl, {}],
      ]) {
        for (const [method, path] of [
          ["get", "/thing?x=1"],
          ["post", "/thing"],
          ["put", "/thing"],
          // The fetch adapter does not say where a redirect led.
          ...(adapter === "http" ? [["get", "/moved"]] : []),
        ]) {
          const told = [];
          const instance = create(
            { adapter, baseURL: base },
            {
              clientId: undefined,
              onPaymentRequired: (_, { url }) => (told.push(url), CARD),
              onReceipt: (_, { url }) => told.push(url),
            },
          );
          const label = `${what} ${method} ${path}`;
          const data = method === "get" ? undefined : "body";
          const { status } = await instance.request({ method, url: path, data, ...config });
          assert.equal(status, 200, label);
          const to = path === "/moved" ? "/thing" : path;
          assert.deepEqual(told, [liar.url + to, liar.url + to], label);
        }
      }
    });
  });
}

test("what an adapter of the caller's own gives as data is left as it is", async () => {
  const adapter = async (config) => {
    const pays = config.headers.has("payment");
    const { status, headers } = pays ? paid() : challenge();
    return { status, headers, config, data: { client: "Ann", req: 1, socket: 2 }, request: { config } };
  };
  const response = await create({ adapter }).get("https://api.example.com/thing");
  assert.deepEqual(Object.keys(response.data), ["client", "req", "socket"]);
  assertSilent({ ...response, headers: undefined }, "an adapter of the caller's own");
});

test("http: a redirect to another address of a POST is refused with Basic authentication, too", async () => {
  await against(
    ({ path }) => (path === "/moved" ? { status: 307, headers: { location: "/thing" } } : challenge()),
    async (liar) => {
      const instance = create({ adapter: "http", auth: { username: "ann", password: "p4ssword" } });
      await assert.rejects(instance.post(`${liar.url}/moved`, "body"), (error) => {
        assert.equal(error.rule, "redirect");
        assert.ok(!error.message.includes("p4ssword"));
        return true;
      });
      assert.deepEqual(liar.payments(), []);
    },
  );
});
