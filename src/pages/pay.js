const $ = (id) => document.getElementById(id);
const page = $('page').dataset;
// With the origin: a path that begins with // would otherwise name another site.
const here = location.origin + location.pathname + location.search;
const own = '/.well-known/stripe402/';
const price = Number(page.price);
const money = (units) => new Intl.NumberFormat('en', { style: 'currency', currency: page.currency, maximumFractionDigits: 4 }).format(units / 1e4);
const cookie = (name, value, age) => (document.cookie = `__Host-stripe402-${name}=${value}; Path=/; Secure; SameSite=Strict; Max-Age=${age}`);
const units = (input) => {
  const text = input.value.trim().replace(',', '.');
  return /^\d{1,9}(\.\d*)?$/.test(text) ? Math.round(Number(text) * 1e4) : NaN;
};
const form = $('pay');
const say = (text, kind = 'bad') => {
  $('say').hidden = !text;
  $('say').className = 'say ' + kind;
  $('say').textContent = text || '';
};

// What may be spent on one page without asking again: above it, the paywall shows this page first.
const limit = $('limit');
const kept = /__Host-stripe402-limit=(\d+)\.([a-z]{3})/.exec(document.cookie);
if (kept && kept[2] === page.currency) limit.value = kept[1] / 1e4;
limit.value = money(units(limit)).replace(/[^\d.]/g, '');
// An empty field is no limit. NaN: it cannot be read, and nothing is paid before that is mended.
const most = () => (limit.value.trim() ? units(limit) : 1e15);
const readable = () => {
  const good = most() >= 0;
  limit.setAttribute('aria-invalid', String(!good));
  $('unread').hidden = good;
  if (!good) limit.focus();
  return good;
};

// The same address again, now paid for. The agreement is for this page at this price, and for seconds.
const open = (button, text) => {
  if (most() >= 0) cookie('limit', `${most()}.${page.currency}`, 34560000);
  cookie('agreed', page.agreement, 10);
  button.textContent = text;
  button.setAttribute('aria-disabled', 'true');
  location.replace(here);
};

const showBalance = async () => {
  const answer = await fetch(`${own}account?limit=1`, { headers: { accept: 'application/json' } });
  const { balances = [] } = answer.ok ? await answer.json() : {};
  const mine = balances.find(({ currency }) => currency === page.currency);
  if (!mine || !able) return;
  const enough = mine.balance >= price;
  const asked = enough && kept && (kept[2] !== page.currency || price > kept[1]);
  $('have').hidden = false;
  $('balance').textContent = money(mine.balance);
  $('enough').textContent = enough
    ? asked ? ' in credits. This costs more than you allow without asking.' : ' in credits.'
    : mine.balance < 0 ? ' in credits: a refund or a dispute took more than there was.' : ' in credits: not enough for this.';
  $('open').hidden = !enough;
  $('or').hidden = !enough;
  if (enough) form.hidden = true;
};
$('open').addEventListener('click', ({ currentTarget }) => readable() && open(currentTarget, 'Opening…'));
$('more').addEventListener('click', () => {
  form.hidden = false;
  $('or').hidden = true;
  form.querySelector('input').focus();
});
showBalance().catch(() => {});

// --- Paying -------------------------------------------------------------------------------------------------------

const other = $('other');
const chosen = () => {
  const { value } = form.elements.amount;
  return value ? Number(value) : units(other);
};
const fits = (amount) => amount >= Number(page.min) && amount <= Number(page.max);
const charged = (amount) => Math.ceil(amount / page.step) * page.step;
const label = (amount) => (fits(amount) ? `Pay ${money(charged(amount))}` : 'Pay');

// A payment that was sent and not answered for certain keeps its card, amount and key, even if the page is loaded
// again: sent again, it is the same payment, and nobody is charged twice.
const memory = 'stripe402-payment';
let held = null;
try {
  held = JSON.parse(sessionStorage.getItem(memory));
} catch {}
const recall = () => (held && held.route === page.route && Date.now() - held.at < 8e7 ? held : null);
const keep = (pending) => {
  held = pending;
  try {
    if (pending) sessionStorage.setItem(memory, JSON.stringify(pending));
    else sessionStorage.removeItem(memory);
  } catch {}
};

// Whether a cookie like the one that credits are spent by is kept here: if not, what is paid could not be used. It is
// set and removed in one turn, so that no request of this page carries it.
const keepsCookies = () => {
  cookie('try', 1, 9);
  const kept = document.cookie.includes('__Host-stripe402-try=1');
  cookie('try', '', 0);
  if (!kept) {
    say('This browser keeps no cookies for this site, and without them credits cannot be used here. Allow them, or take another browser, and load this page again.' + (recall() ? '' : ' Nothing was charged.'));
  }
  return kept;
};
const able = keepsCookies();

let stripe, elements;
const dark = matchMedia('(prefers-color-scheme: dark)');
const appearance = () => ({
  theme: dark.matches ? 'night' : 'stripe',
  variables: { colorPrimary: page.accent, borderRadius: '8px', ...(dark.matches && { colorBackground: '#191d2b', colorText: '#eef0f7' }) },
});
const minor = (amount) => charged(amount) / page.minor;
if (able && window.Stripe) {
  stripe = Stripe(page.key);
  elements = stripe.elements({
    mode: 'payment', amount: minor(Number(page.min)), currency: page.currency, appearance: appearance(),
    paymentMethodCreation: 'manual', paymentMethodTypes: ['card'],
  });
  elements.create('payment', { wallets: { applePay: 'never', googlePay: 'never' } }).mount('#card');
  dark.addEventListener('change', () => elements.update({ appearance: appearance() }));
} else if (able) {
  say('The card form could not be loaded. Check that nothing blocks js.stripe.com, and load this page again.');
}

const button = $('submit');
button.disabled = !stripe;
const update = () => {
  const amount = chosen();
  const requests = Math.floor(charged(amount) / price);
  $('buys').textContent = fits(amount) ? `for ${requests.toLocaleString('en')} request${requests === 1 ? '' : 's'} like this one` : `from ${page.least} to ${page.most}`;
  button.textContent = label(amount);
  if (elements && fits(amount)) elements.update({ amount: minor(amount) });
};
form.addEventListener('input', ({ target }) => {
  if (target === other) $('free').checked = true;
  if (target.name === 'amount' && target.value) other.value = '';
  other.setAttribute('aria-invalid', String(!form.elements.amount.value && other.value !== '' && !fits(units(other))));
  update();
});
// By hand, not by a keyboard that passes by.
$('free').addEventListener('click', ({ detail }) => detail && other.focus());

let busy = false;
const state = (text) => {
  busy = Boolean(text);
  button.setAttribute('aria-disabled', String(busy));
  button.textContent = text || label(chosen());
};

const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

class Refused extends Error {}

// Whether the bank's own no is certain. After any other error (a connection that broke, say) it may have said yes.
const isNo = ({ type, code }) => type === 'card_error' || code === 'payment_intent_authentication_failure';

// `unsure`: whether it was sent before, and may have gone through.
const topUp = async (pending, unsure) => {
  const payment = btoa(JSON.stringify({ stripe402Version: 1, paymentMethodId: pending.card, topUpAmount: pending.amount }));
  const body = JSON.stringify({ route: pending.route, receiptEmail: pending.email || null });
  let questions = 0;
  for (let tries = 1; tries <= 8; tries++) {
    let answer, told;
    try {
      answer = await fetch(`${own}top-up`, {
        method: 'POST', body,
        headers: { payment, 'content-type': 'application/json', accept: 'application/json', 'idempotency-key': pending.key },
      });
      told = await answer.json();
    } catch {}
    told ||= {};
    if (answer && answer.ok && told.success) return;
    const text = told.error || told.detail;
    if (told.action && questions++ < 3) {
      state('Waiting for your bank…');
      let wrong;
      try {
        wrong = (await stripe.handleNextAction({ clientSecret: told.action.clientSecret })).error;
      } catch (error) {
        wrong = error;
      }
      if (wrong && isNo(wrong)) throw new Refused('Your bank did not confirm the payment. Nothing was charged.');
      unsure = true;
      state('Paying…');
      if (!wrong) continue;
    } else if (text && !told.action && ([402, 400, 404, 413, 422].includes(answer.status) || (answer.status === 429 && !unsure))) {
      throw new Refused(text.startsWith('Payment did not succeed') ? 'The payment did not go through. Nothing was charged.' : text);
    }
    // Too many tries (429) of what may have gone through say nothing about it: like 503, to be asked for again.
    if (unsure) state('Still checking…');
    unsure = true;
    await wait(Math.min(Number(answer && answer.headers.get('retry-after')) || 3, 60));
  }
  throw new Error('We do not know yet whether your card was charged. Press the button again: it is the same payment, and you will not be charged twice.');
};

const finish = async (pending, unsure) => {
  keep(pending);
  try {
    await topUp(pending, unsure);
  } catch (error) {
    if (error instanceof Refused) keep(null);
    throw error;
  }
  keep(null);
  say(`Paid ${money(charged(pending.amount))}. Opening…`, 'good');
  open(button, 'Opening…');
};

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (busy || !stripe) return;
  const waiting = recall();
  const amount = waiting ? waiting.amount : chosen();
  const email = $('email');
  if (!fits(amount)) {
    say(`Choose an amount from ${page.least} to ${page.most}.`);
    return other.focus();
  }
  if (!email.checkValidity()) {
    say('This e-mail address is not complete.');
    return email.focus();
  }
  if (!readable() || !keepsCookies()) return;
  say('');
  state('Paying…');
  try {
    if (waiting) return await finish(waiting, true);
    const { error: wrong } = await elements.submit();
    if (wrong) throw new Refused(wrong.message);
    const address = email.value.trim();
    const { error, paymentMethod } = await stripe.createPaymentMethod({
      elements, params: address ? { billing_details: { email: address } } : {},
    });
    if (error) throw new Refused(error.message);
    await finish({ card: paymentMethod.id, amount, email: address, route: page.route, key: crypto.randomUUID(), at: Date.now() }, false);
  } catch (error) {
    say(error.message);
    state('');
    if (recall()) button.textContent = 'Check again';
    $('say').focus();
  }
});
update();
if (stripe && recall()) {
  say('A payment from before was not confirmed. Press the button to finish it: you will not be charged twice.');
  button.textContent = `Finish paying ${money(charged(recall().amount))}`;
}
// Back from the paid page: the browser may show this one as it was left.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
