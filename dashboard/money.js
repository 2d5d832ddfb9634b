// Amounts, numbers, times and names as people read and write them. Amounts are whole units: 10,000 of them are one dollar,
// one euro, one yen.

const perMajor = 10_000;
const formats = new Map();

const format = (currency, options) => {
  const name = currency + JSON.stringify(options);
  if (!formats.has(name)) {
    formats.set(name, new Intl.NumberFormat("en", { style: "currency", currency, ...options }));
  }
  return formats.get(name);
};

// $1.50; a fraction of a cent is shown where there is one.
export const money = (units, currency) => format(currency, { maximumFractionDigits: 4 }).format(units / perMajor || 0);

// The same as people write it in a report: to the cent, or whatever the currency has, where it is worth one at all.
export const rounded = (units, currency) => (Math.abs(units) < perMajor ? money(units, currency) : format(currency, {}).format(units / perMajor));

// With its sign, for what was added or taken.
export const change = (units, currency) => (units > 0 ? "+" : "") + money(units, currency);

// $1.2K, for an axis.
export const short = (units, currency) =>
  format(currency, { notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: 2 }).format(units / perMajor);

// The amount as a spreadsheet reads it.
export const decimal = (units) => String(units / perMajor || 0);

// What somebody wrote, in units; none if it is no amount. A comma could be either thing, so it is neither.
export function parse(text) {
  const [, whole, fraction = ""] = /^(\d{1,8})(?:\.(\d{1,4}))?$/.exec(text.trim()) ?? [];
  const units = Number(whole) * perMajor + Number(fraction.padEnd(4, "0"));
  return units > 0 ? units : undefined;
}

export const count = (number) => new Intl.NumberFormat("en").format(number || 0);
// 1.5K, for an axis of things that are counted: there is no half of one.
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
export const few = (number) => (Number.isInteger(number) ? compact.format(number) : "");
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

const moment = (options) => {
  const format = new Intl.DateTimeFormat("en", { timeZone: "UTC", hourCycle: "h23", ...options });
  return (iso) => format.format(new Date(iso));
};
export const time = moment({ dateStyle: "medium", timeStyle: "short" });
export const date = moment({ dateStyle: "medium" });

const DAY = 86_400_000;
// A day of UTC, so many days before today.
export const day = (before, now = Date.now()) => new Date(now - before * DAY).toISOString().slice(0, 10);

// What a person sees of an id of 64 characters.
export const brief = (id) => `${id.slice(0, 8)}…${id.slice(-4)}`;
export const isId = (text) => /^[0-9a-f]{64}$/.test(text);
export const isBeginning = (text) => /^[0-9a-f]{8,63}$/.test(text);
