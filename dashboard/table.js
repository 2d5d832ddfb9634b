// Tables: sorted by click and by keyboard, exported as CSV, long ones shown in part. Whatever comes from data is text.

import { count } from "./money.js";

// An element with properties, attributes (`aria-…`, `data-…`, `role`, `scope`, `for`) and children.
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && !name.includes("-")) node[name] = value;
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ""));
  return node;
}

// One cell of a CSV file (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe, but a number is one.
export function cell(value) {
  const text = String(value ?? "");
  const isNumber = /^-?\d+(\.\d+)?$/.test(text);
  const safe = !isNumber && /^[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csv = (lines) => lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";

// Lets the browser save a text.
export function save(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const compare = (one, other) => {
  if (one === other) return 0;
  // What is not known stands last, whichever way.
  if (one === null || one === undefined || one === "") return 1;
  if (other === null || other === undefined || other === "") return -1;
  return typeof one === "string" ? one.localeCompare(other, "en") : one - other;
};

// How many rows are shown of a long table.
const few = 10;

// columns: `title`, `of(row)`: what is sorted by, `shown(row)`: text or a node, `saved(row)`: for CSV; `right`: a number,
// `late`: the latest first, `tight`: in one line, `wide`: long.
export class Table {
  constructor({ title, name, columns, empty = "Nothing in this time." }) {
    Object.assign(this, { title, name, columns, empty, rows: [], by: undefined, down: false, whole: false });
    const id = `table-${name}`;
    for (const column of columns) column.kind = ["right", "tight", "wide"].find((kind) => column[kind]) ?? "";
    this.heads = columns.map((column, at) => {
      const button = make("button", { type: "button" }, column.title, make("span", { "aria-hidden": "true" }));
      button.addEventListener("click", () => this.sort(at));
      return make("th", { scope: "col", className: column.right ? "right" : "" }, button);
    });
    this.body = make("tbody");
    this.none = make("p", { className: "soft none", hidden: true }, empty);
    this.more = make("button", { type: "button", className: "small", hidden: true });
    this.more.addEventListener("click", () => {
      this.whole = true;
      this.draw();
      this.body.rows[few]?.querySelector("a, button")?.focus();
    });
    this.save = make("button", { type: "button", className: "small" }, "CSV", make("span", { className: "unseen" }, ` of ${title}`));
    this.save.addEventListener("click", () => this.export());
    const table = make("table", { "aria-labelledby": id }, make("thead", {}, make("tr", {}, ...this.heads)), this.body);
    this.scroll = make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-labelledby": id }, table);
    this.node = make(
      "section",
      { className: "card" },
      make("div", { className: "row" }, make("h2", { id }, title), this.save),
      this.scroll,
      this.none,
      this.more,
    );
  }

  show(rows) {
    this.rows = rows;
    this.whole = false;
    this.draw();
  }

  sort(at) {
    // Numbers and times from the top first, names from the beginning.
    this.down = this.by === at ? !this.down : Boolean(this.columns[at].right || this.columns[at].late);
    this.by = at;
    this.draw();
  }

  sorted() {
    if (this.by === undefined) return this.rows;
    const { of } = this.columns[this.by];
    const sign = this.down ? -1 : 1;
    const isNone = (value) => value === null || value === undefined || value === "";
    return this.rows.toSorted((one, other) => {
      const [a, b] = [of(one), of(other)];
      return isNone(a) || isNone(b) ? compare(a, b) : sign * compare(a, b);
    });
  }

  draw() {
    this.heads.forEach((head, at) => {
      if (this.by === at) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const rows = this.sorted();
    const shown = this.whole ? rows : rows.slice(0, few);
    this.body.replaceChildren(
      ...shown.map((row) =>
        make("tr", {}, ...this.columns.map(({ shown, of, kind = "" }) => make("td", { className: kind }, (shown ?? of)(row) ?? ""))),
      ),
    );
    this.none.hidden = rows.length > 0;
    this.scroll.hidden = rows.length === 0;
    this.save.disabled = rows.length === 0;
    this.more.hidden = shown.length === rows.length;
    this.more.textContent = `Show all ${count(rows.length)}`;
  }

  export() {
    const lines = this.sorted().map((row) => this.columns.map(({ saved, of }) => (saved ?? of)(row)));
    const text = csv([this.columns.map(({ title }) => title), ...lines]);
    save(`${this.name}-${new Date().toISOString().slice(0, 10)}.csv`, "text/csv", text);
  }
}
