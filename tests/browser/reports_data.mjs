// What accounts may have handed over in 90 days: the rows of the reports' database, the same for the same day, and the sums
// that they make.

const DAY = 86_400_000;
const HOUR = 3_600_000;

const routes = [
  ["GET /api/joke", 100], ["GET /api/weather", 500], ["POST /v1/images", 400], ["GET /v1/translate", 250], ["POST /v1/summaries", 1200],
  ["GET /v1/quotes/:symbol", 50], ["GET /v1/maps/*", 150], ["POST /v1/transcripts", 3000], ["GET /v1/search", 75],
  ["GET /v1/news", 125], ["GET /v1/rates", 20], ["GET /v1/<img src=x onerror=alert(1)>", 60], ["=HYPERLINK(\"http://evil.example\")", 10],
];
const codes = ["card_declined", "insufficient_funds", "expired_card", "incorrect_cvc"];

const id = (nth) => nth.toString(16).padStart(4, "0").repeat(16);
const value = (one) => (typeof one === "string" ? `'${one.replaceAll("'", "''")}'` : String(one ?? "NULL"));

// Numbers that look like any, and are the same each time (Lehmer's generator).
function dice(seed) {
  let at = seed;
  return (sides) => {
    at = (at * 48_271) % 2_147_483_647;
    return at % sides;
  };
}

// `real`: an account that has an object, too.
export function data(now, real) {
  const roll = dice(402);
  const today = Math.floor(now / DAY) * DAY;
  const accounts = Array.from({ length: 24 }, (_, nth) => (nth === 0 ? real : id(nth)));
  const rows = { account: [], balance: [], usage: [], movement: [], topup: [], dispute: [] };
  const seqs = new Map();
  const move = (account, currency, at, kind, amount, source) => {
    const seq = (seqs.get(account + currency) ?? 0) + 1;
    seqs.set(account + currency, seq);
    rows.movement.push([account, currency, seq, at, kind, amount, source]);
  };
  const usage = new Map();
  accounts.forEach((account, nth) => {
    const since = today - (nth * 4 + 1) * DAY;
    rows.account.push([account, since, now - 60_000, `cus_${nth}`, nth === 7 ? 1 : 0, 9]);
    rows.balance.push([account, "usd", nth === 5 ? -12_300 : 10_000 + roll(600_000), now, 9]);
    if (nth % 6 === 0) rows.balance.push([account, "jpy", 1_500_000 + nth * 10_000, now, 9]);
  });
  for (let before = 89; before >= 0; before--) {
    const growth = 90 - before;
    for (let nth = 0; nth < 4 + roll(6); nth++) {
      const account = accounts[roll(accounts.length)];
      const [resource, price] = routes[Math.min(roll(routes.length), roll(routes.length))];
      const at = Math.min(today - before * DAY + roll(24) * HOUR, now);
      const key = JSON.stringify(["usd", Math.floor(at / HOUR), resource, account]);
      const debits = 1 + roll(40 + growth * 3);
      const reversals = roll(9) === 0 ? 1 : 0;
      const known = usage.get(key) ?? [0, 0, 0];
      usage.set(key, [known[0] + debits, known[1] + reversals, known[2] + (debits - reversals) * price]);
    }
    for (let nth = 0; nth < 1 + roll(3); nth++) {
      const account = accounts[roll(accounts.length)];
      const at = Math.min(today - before * DAY + roll(DAY), now);
      const units = 50_000 * (1 + roll(4));
      const topUp = `t${before}-${nth}`;
      if (roll(5) === 0) rows.topup.push([topUp, account, at, at, "declined", codes[roll(4)], "usd", units, null, 1]);
      else {
        rows.topup.push([topUp, account, at, at, "credited", null, "usd", units, `pi_${topUp.replace("-", "x")}`, 1]);
        move(account, "usd", at, "topup", units, `pi_${topUp.replace("-", "x")}`);
      }
    }
    if (roll(8) === 0) move(accounts[roll(24)], "usd", today - before * DAY, "refund", -100 * (1 + roll(300)), `re_${before}`);
  }
  const dispute = (name, before, status, withdrawn, reinstated) => {
    const [account, at] = [accounts[roll(24)], today - before * DAY + 5 * HOUR];
    rows.dispute.push([`dp_${name}`, account, at, `pi_${name}`, "usd", 100_000, status, withdrawn, reinstated, 1]);
    if (withdrawn) move(account, "usd", at, "dispute", -100_000, `dp_${name}`);
    if (reinstated) move(account, "usd", at + DAY, "dispute", 100_000, `dp_${name}`);
  };
  dispute("open", 4, "needs_response", 1, 0);
  dispute("won", 40, "won", 1, 1);
  dispute("lost", 70, "lost", 1, 0);
  dispute("old", 80, "under_review", 1, 0);
  move(real, "jpy", today, "topup", 5_000_000, "pi_yen");
  usage.set(JSON.stringify(["jpy", Math.floor(now / HOUR), "GET /gzip", real]), [2, 0, 1_000_000]);
  for (const [key, sums] of usage) rows.usage.push([...JSON.parse(key), ...sums, 1]);
  return { rows, today, sql: sql(rows) };
}

const columns = {
  account: "account, created_at, updated_at, customer, frozen, handover",
  balance: "account, currency, balance, updated_at, handover",
  usage: "currency, hour, resource, account, debits, reversals, amount, handover",
  movement: "account, currency, seq, at, kind, amount, source",
  topup: "id, account, started_at, settled_at, outcome, decline_code, currency, units, payment_intent, handover",
  dispute: "id, account, at, payment_intent, currency, amount, status, withdrawn, reinstated, handover",
};

function sql(rows) {
  const inserts = Object.entries(rows).flatMap(([table, lines]) => {
    const chunks = [];
    for (let at = 0; at < lines.length; at += 100) chunks.push(lines.slice(at, at + 100));
    return chunks.map((chunk) => `INSERT INTO ${table} (${columns[table]}) VALUES ${chunk.map((line) => `(${line.map(value).join(", ")})`).join(", ")};`);
  });
  return inserts.join("\n");
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

// What the reports have to say of the last days, in a currency.
export function sums({ rows, today }, days, coin = "usd") {
  const from = today - (days - 1) * DAY;
  const usage = rows.usage.filter(([currency, hour]) => currency === coin && hour * HOUR >= from);
  const moved = (kind) => rows.movement.filter((row) => row[1] === coin && row[3] >= from && row[4] === kind).map((row) => row[5]);
  const held = rows.balance.filter((row) => row[1] === coin).map((row) => row[2]);
  const byRoute = new Map();
  for (const [, , resource, , , , amount] of usage) byRoute.set(resource, (byRoute.get(resource) ?? 0) + amount);
  return {
    revenue: sum(usage.map((row) => row[6])),
    requests: sum(usage.map((row) => row[4] - row[5])),
    topUps: sum(moved("topup")),
    refunded: -sum(moved("refund")),
    disputed: -sum(moved("dispute")),
    outstanding: sum(held),
    clients: held.length,
    declines: rows.topup.filter((row) => row[4] === "declined" && row[6] === coin && row[3] >= from).length,
    byRoute,
  };
}
