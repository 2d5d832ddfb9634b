const $ = (id) => document.getElementById(id);
const own = '/.well-known/stripe402/account';
const make = (tag, text = '', kind = '') => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (kind) node.className = kind;
  return node;
};
const money = (units, currency) => new Intl.NumberFormat('en', { style: 'currency', currency, maximumFractionDigits: 4 }).format(units / 1e4);
const words = { topup: 'Credits added', deduction: 'Request', reversal: 'Given back', refund: 'Refund', dispute: 'Dispute', adjustment: 'Adjustment' };
// What an entry did to the balance.
const change = ({ type, amount }) => (type === 'deduction' ? -amount : amount);
const say = (text, kind = 'bad') => {
  $('say').hidden = !text;
  $('say').className = 'say ' + kind;
  $('say').textContent = text;
};

let next = null;
const entries = [];
const load = async (limit) => {
  const before = next ? `&before=${encodeURIComponent(next)}` : '';
  const answer = await fetch(`${own}?limit=${limit}${before}`, { headers: { accept: 'application/json' } });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || told.error || 'The account could not be read.');
  next = told.next;
  entries.push(...told.entries);
  return told.balances;
};

let shown = 0;
const list = (more) => {
  for (const entry of entries.slice(shown, shown + more)) {
    const row = make('tr');
    const what = make('td', entry.resource || words[entry.type] || entry.type);
    const at = make('small');
    const time = make('time', new Date(entry.createdAt).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' }));
    time.dateTime = entry.createdAt;
    at.append(entry.resource && entry.type !== 'deduction' ? `${words[entry.type] || entry.type} · ` : '', time);
    what.append(at);
    const by = change(entry);
    row.append(what, make('td', (by > 0 ? '+' : '') + money(by, entry.currency), by > 0 ? 'in' : ''), make('td', money(entry.balance, entry.currency)));
    $('rows').append(row);
  }
  shown = Math.min(shown + more, entries.length);
  $('more').hidden = shown >= entries.length && !next;
};

// Spending by day, over the last thirty.
const DAYS = 30;
const day = (time) => Math.floor((time - new Date(time).getTimezoneOffset() * 6e4) / 864e5);
const chart = (currency) => {
  const today = day(Date.now());
  const spent = Array(DAYS).fill(0);
  for (const entry of entries) {
    const at = DAYS - 1 - (today - day(Date.parse(entry.createdAt)));
    const counts = entry.currency === currency && (entry.type === 'deduction' || entry.type === 'reversal');
    if (counts && at >= 0 && at < DAYS) spent[at] -= change(entry);
  }
  const total = spent.reduce((sum, one) => sum + one, 0);
  const most = Math.max(...spent, 1);
  const figure = make('figure');
  const title = make('figcaption');
  title.append(make('h2', 'Spent in 30 days'), make('b', money(total, currency)));
  const draw = (tag, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const date = (at) => new Date((today - DAYS + 1 + at) * 864e5).toLocaleDateString('en', { timeZone: 'UTC', month: 'short', day: 'numeric' });
  const svg = draw('svg', {
    class: 'chart', viewBox: '0 0 600 150', preserveAspectRatio: 'none', role: 'img',
    'aria-label': `Spending by day: ${money(total, currency)} in 30 days, at most ${money(Math.max(...spent), currency)} on one day`,
  });
  spent.forEach((units, at) => {
    const height = units > 0 ? Math.max((units / most) * 140, 4) : 2;
    const bar = draw('rect', { x: at * 20 + 3, y: 148 - height, width: 14, height, rx: 3, class: units > 0 ? '' : 'none' });
    const tip = draw('title', {});
    tip.textContent = `${date(at)}: ${money(Math.max(units, 0), currency)}`;
    bar.append(tip);
    svg.append(bar);
  });
  const ends = make('figcaption', '', 'fine soft');
  ends.append(make('span', date(0)), make('span', next ? `of the latest ${entries.length.toLocaleString('en')} entries` : ''), make('span', 'today'));
  figure.append(title, svg, ends);
  return figure;
};

const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csv = async () => {
  const all = entries.slice();
  while (next) {
    await load(500);
    all.splice(0, all.length, ...entries);
  }
  const lines = all.map((entry) => [
    entry.createdAt, entry.type, entry.resource || entry.stripePaymentIntentId || entry.stripeDisputeId || '',
    String(change(entry) / 1e4), entry.currency, String(entry.balance / 1e4), entry.id,
  ]);
  const text = [['date', 'type', 'about', 'amount', 'currency', 'balance', 'id'], ...lines].map((line) => line.map(cell).join(',')).join('\r\n');
  const link = make('a');
  link.href = URL.createObjectURL(new Blob([text + '\r\n'], { type: 'text/csv' }));
  link.download = `statement-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 6e4);
};

const start = async () => {
  const balances = await load(500);
  $('loading').hidden = true;
  if (!balances.length) {
    $('none').hidden = false;
    return;
  }
  $('account').hidden = false;
  for (const { currency, balance } of balances) {
    const item = make('li');
    item.append(make('b', money(balance, currency)), make('span', `${currency.toUpperCase()} credits`, 'soft'));
    $('balances').append(item);
  }
  for (let pages = 0; next && pages < 3; pages++) await load(500);
  for (const { currency } of balances) $('charts').append(chart(currency));
  list(25);
};
const tries = (work) => async ({ currentTarget }) => {
  currentTarget.setAttribute('aria-disabled', 'true');
  say('');
  await work().catch((error) => say(error.message));
  currentTarget.setAttribute('aria-disabled', 'false');
};
$('more').addEventListener('click', tries(async () => {
  if (shown + 25 > entries.length && next) await load(500);
  list(25);
}));
$('csv').addEventListener('click', tries(csv));
$('forget').addEventListener('click', tries(async () => {
  const answer = await fetch(`${own}/forget`, { method: 'POST' });
  if (!answer.ok) throw new Error('That did not work. Try again.');
  $('account').hidden = true;
  $('none').hidden = false;
  say('Forgotten. Your credits stay with your card: pay with it again, and they are there.', 'good');
  $('say').focus();
}));
start().catch((error) => {
  $('loading').hidden = true;
  say(error.message);
});
