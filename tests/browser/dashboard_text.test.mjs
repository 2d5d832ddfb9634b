// How the dashboard writes and reads amounts, and what it puts into CSV files. No browser is needed for that.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decimal, money, parse, rounded } from "../../dashboard/money.js";
import { cell, csv } from "../../dashboard/table.js";

test("money is written as people write it, and read exactly", () => {
  const rows = [[0, "usd", "$0.00"], [100, "usd", "$0.01"], [1, "usd", "$0.0001"], [-12_300, "usd", "-$1.23"], [10_000, "jpy", "¥1"],
    [5_000, "jpy", "¥0.5"], [10_000, "kwd", "KWD\u00a01.000"], [90_071_992_547_409, "usd", "$9,007,199,254.7409"]];
  for (const [units, currency, text] of rows) assert.equal(money(units, currency), text);
  const read = [["1", 10_000], ["12.5", 125_000], ["0.0001", 1], [" 4.99 ", 49_900], ["0", undefined], ["", undefined], ["1,000", undefined],
    ["-1", undefined], ["1e3", undefined], ["1.23456", undefined], [".5", undefined], ["99999999", 999_999_990_000], ["100000000", undefined]];
  for (const [text, units] of read) assert.equal(parse(text), units, text);
  assert.equal(decimal(-49_901), "-4.9901");
  const short = [[10_968_435, "usd", "$1,096.84"], [9_999, "usd", "$0.9999"], [-12_345, "usd", "-$1.23"], [1_005_000, "jpy", "¥101"], [0, "jpy", "¥0"]];
  for (const [units, currency, text] of short) assert.equal(rounded(units, currency), text);
});

test("a spreadsheet takes nothing of a CSV for a formula", () => {
  const rows = [["=1+1", "'=1+1"], ["+49", "'+49"], ["-x", "'-x"], ["@a", "'@a"], ["\tx", "'\tx"], ["-1.5", "-1.5"], ["1,5", '"1,5"'],
    ['say "x"', '"say ""x"""'], ["=a,b", `"'=a,b"`], ["a\nb", '"a\nb"'], [null, ""], [undefined, ""], [0, "0"], ["-1-1", "'-1-1"]];
  for (const [value, text] of rows) assert.equal(cell(value), text);
  assert.equal(csv([["a", 1], ["b", -2]]), "a,1\r\nb,-2\r\n");
});
