// Names the functions of a wasm module 00000, 00001 … in the order in which they compress best: each beside those that
// share most with it. `wasm-opt --reorder-functions-by-name` then puts them so, and changes every reference to them.
//
// A compressor finds again what stood within the last 32 KB, and near things at less cost. So the next function is the
// one of which most, for the root of its length, was seen in the functions just before it. With other numbers below the
// result differs by a few hundred bytes; against the order of the names it saves six thousand.
//
//   node scripts/order.mjs in.wasm out.wasm

import { readFileSync, writeFileSync } from "node:fs";

const run = 6; // Bytes in a row that count as seen again.
const window = 16_384; // Bytes of functions that are looked back on.
const common = 20; // What more functions share is everywhere, and tells nothing.

const [from, to] = process.argv.slice(2);
const wasm = readFileSync(from);
const { bodies, end } = read(wasm);
if (bodies.length === 0) throw new Error(`${from} has no functions`);
// Those that are imported have the first numbers.
const imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === "function").length;
const names = Array(bodies.length);
order(bodies).forEach((index, place) => (names[index] = String(place).padStart(5, "0")));
writeFileSync(to, Buffer.concat([wasm.subarray(0, end), nameSection(names, imported)]));

// The bodies of the functions, and where the sections end that say what the module does.
function read(wasm) {
  let at = 8;
  const number = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = wasm[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  let bodies = [];
  while (at < wasm.length) {
    const start = at;
    const kind = wasm[at++];
    const size = number();
    const after = at + size;
    // Names and other remarks come last.
    if (kind === 0) return { bodies, end: start };
    if (kind === 10) {
      bodies = Array.from({ length: number() }, () => {
        const length = number();
        at += length;
        return wasm.subarray(at - length, at);
      });
    }
    at = after;
  }
  return { bodies, end: at };
}

function order(bodies) {
  const sharing = runs(bodies);
  const having = new Map();
  sharing.forEach((ids, index) => {
    for (const id of ids) having.set(id, [...(having.get(id) ?? []), index]);
  });
  const roots = bodies.map(({ length }) => Math.sqrt(length));
  const left = new Set(bodies.keys());
  const seen = new Map(); // How many of the functions looked back on have a run.
  const score = Array(bodies.length).fill(0); // How many of a function's runs were seen.
  const count = (index, by) => {
    for (const id of sharing[index]) {
      const before = seen.get(id) ?? 0;
      seen.set(id, before + by);
      if (before === 0 || before + by === 0) for (const other of having.get(id)) score[other] += by;
    }
  };
  const order = [];
  let [oldest, behind, next] = [0, 0, 0];
  for (;;) {
    order.push(next);
    left.delete(next);
    if (left.size === 0) return order;
    count(next, 1);
    behind += bodies[next].length;
    for (; behind > window && oldest < order.length - 1; oldest++) {
      behind -= bodies[order[oldest]].length;
      count(order[oldest], -1);
    }
    let best = -1;
    for (const index of left) {
      const value = score[index] / roots[index];
      if (value > best) [best, next] = [value, index];
    }
  }
}

// For every function, the runs of bytes in it that other functions have too.
function runs(bodies) {
  const all = bodies.map((body) => {
    const found = new Set();
    for (let at = 0; at + run <= body.length; at++) found.add(body.readUIntBE(at, run));
    return found;
  });
  const times = new Map();
  for (const found of all) for (const one of found) times.set(one, (times.get(one) ?? 0) + 1);
  return all.map((found) => [...found].filter((one) => times.get(one) > 1 && times.get(one) <= common));
}

function nameSection(names, imported) {
  const entries = names.map((name, index) => [...leb(imported + index), name.length, ...Buffer.from(name)]);
  const map = [...leb(names.length), ...entries.flat()];
  const content = [4, ...Buffer.from("name"), 1, ...leb(map.length), ...map];
  return Buffer.from([0, ...leb(content.length), ...content]);
}

function leb(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
