// Ports of 127.0.0.1 on which nobody listens, each time others. Below those that systems give to sockets which ask for
// none: no connection takes one before its server does.

import { createServer } from "node:net";

const first = 20_000;
const count = 12_000;
// Processes that run at the same time begin apart.
let next = process.pid * 64;

const isFree = (port) =>
  new Promise((done) => {
    const server = createServer().once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });

export async function freePorts(wanted) {
  const found = [];
  for (let tries = 0; found.length < wanted; tries++) {
    if (tries === count) throw new Error("no port is free");
    const port = first + (next++ % count);
    if (await isFree(port)) found.push(port);
  }
  return found;
}
