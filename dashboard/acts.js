// Acting on a client: a form, then a sentence that says what will happen, then the act, under a key that is made once for
// each form, so that whatever is sent twice is done once.

import { ask, site } from "./api.js";
import { money, parse } from "./money.js";
import { make } from "./table.js";

const $ = (id) => document.getElementById(id);
const always = () => true;
const hasOpen = ({ topUp, refunds }) => topUp !== null || refunds.length > 0;
const balance = ({ balances }, currency) => balances.find((one) => one.currency === currency)?.balance ?? 0;

// title: on the button; fits: whether it is offered; says: what will happen; go: the button that does it;
// done: what is said afterwards.
export const offers = {
  adjust: {
    title: "Adjust the balance", fits: always, amount: "signed", go: "Change the balance", done: "The balance was changed.",
    says(client, { currency, amount }) {
      const before = balance(client, currency);
      const after = before + amount;
      const moved = `${amount > 0 ? "Adds" : "Takes"} ${money(Math.abs(amount), currency)} ${amount > 0 ? "to" : "from"} this client's credits. `;
      const debt = after < 0 ? " The client then owes that, and is served nothing until a top-up covers it." : "";
      return `${moved}The balance changes from ${money(before, currency)} to ${money(after, currency)}. No card is charged or refunded.${debt}`;
    },
  },
  refund: {
    title: "Refund unused credits", fits: ({ balances }) => balances.some((one) => one.balance > 0), amount: "optional", go: "Refund", done: "The credits were taken, and Stripe is asked to refund them.", grave: true,
    says(client, { currency, amount }) {
      const all = balance(client, currency);
      const what = amount === undefined ? `all unused credits, ${money(all, currency)},` : `${money(amount, currency)} of ${money(all, currency)} unused credits`;
      return `Gives ${what} back to the cards that paid for them, the newest charge first. The credits are taken at once, and Stripe is asked afterwards. It cannot be undone. What Stripe refuses becomes credit again.`;
    },
  },
  freeze: {
    title: "Freeze", fits: ({ frozen }) => !frozen, go: "Freeze", done: "The client is frozen.", grave: true,
    says: () => "From now on this client is served nothing and charged nothing. Its credits stay, and you can unfreeze it.",
  },
  unfreeze: {
    title: "Unfreeze", fits: ({ frozen }) => frozen, go: "Unfreeze", done: "The client is not frozen any more.",
    says: ({ disputed }) => `This client is served and charged again.${disputed ? " But a dispute is open: until it is closed it goes on holding the account." : ""}`,
  },
  resume: {
    title: "Look after it now", fits: hasOpen, go: "Ask Stripe", done: "Stripe is being asked.",
    says: () => "Asks Stripe now what became of the open top-up or refund. It is booked if it happened, and nothing is charged twice.",
  },
  settle: {
    title: "Declare it over", fits: hasOpen, go: "It never happened", done: "It is over.", grave: true,
    says: () => "Declares, on your word, that the open top-up or refund never happened. Only for one that was begun with another Stripe account, whose keys are gone, or that Stripe does not have any more (it said so twice, five minutes apart). What Stripe announces of it later is booked all the same.",
  },
  report: {
    title: "Hand over to the reports", fits: () => site.reports === true, go: "Hand it over", done: "All of it is on its way to the reports.",
    says: () => "Hands everything that is known of this client over to the reports anew. Nothing is counted twice, and no money moves.",
  },
  erase: {
    title: "Erase", fits: always, go: "Erase for ever", grave: true,
    says: () => "Deletes all that is known of this client. It cannot be undone. That it was erased, by whom and why, stays. Delete the Customer at Stripe, too.",
  },
};

const BY = "stripe402-admin-by";
let current;

const wrong = (text) => {
  $("act-wrong").hidden = !text;
  $("act-wrong").textContent = text;
};
const field = (title, input, hint) => {
  input.id = `act-${input.name}`;
  const told = hint && make("small", { id: `${input.id}-hint`, className: "soft" }, hint);
  if (told) input.setAttribute("aria-describedby", told.id);
  return make("div", { className: "field" }, make("label", { className: "label", for: input.id }, title), input, told);
};

function fields({ amount, client }) {
  const list = [];
  if (amount) {
    const usable = client.balances.filter((one) => amount === "signed" || one.balance > 0);
    const codes = usable.map(({ currency }) => make("option", { value: currency }, currency.toUpperCase()));
    if (amount === "signed") {
      const ways = [["1", "Add"], ["-1", "Take away"]].map(([value, word], nth) =>
        make("label", {}, make("input", { type: "radio", name: "way", value, checked: nth === 0 }), make("span", {}, word)),
      );
      list.push(make("fieldset", { className: "switch" }, make("legend", { className: "unseen" }, "Add or take away"), ...ways));
    }
    const input = make("input", { name: "amount", inputMode: "decimal", autocomplete: "off", required: amount === "signed" });
    const hint = amount === "optional" ? "Leave it empty to refund all of it." : undefined;
    list.push(
      make("div", { className: "beside" }, field("Amount", input, hint), field("Currency", make("select", { name: "currency" }, ...codes))),
    );
  }
  list.push(
    field("Who are you?", make("input", { name: "by", maxLength: 100, required: true, value: localStorage.getItem(BY) ?? "", autocomplete: "name" })),
    field("Why?", make("input", { name: "reason", maxLength: 500, required: true, autocomplete: "off" }), "Kept with the act, for ever. The client may ask to see it."),
  );
  return list;
}

// Opens the form of an act. Gives what the paywall answered, or nothing if it was left; `unsure` where it was left before it
// was known whether it was done.
export function open(name, client) {
  const offer = offers[name];
  current = { name, client, offer, key: crypto.randomUUID(), body: undefined, busy: false, unsure: false, told: undefined };
  $("act-title").textContent = offer.title;
  $("act-fields").replaceChildren(...fields({ amount: offer.amount, client }));
  step(false);
  $("act").showModal();
  $("act-fields").querySelector("input:not([type=radio])").focus();
  return new Promise((done) => $("act").addEventListener("close", () => done(current.told ?? (current.unsure ? { unsure: true } : undefined)), { once: true }));
}

// The form, or the sentence that asks whether that is meant.
function step(confirms) {
  wrong("");
  $("act-fields").hidden = confirms;
  // Fields that are not seen hold nobody up.
  for (const input of $("act-fields").querySelectorAll("input, select")) input.disabled = confirms;
  $("act-words").hidden = !confirms;
  $("act-back").textContent = confirms ? "Back" : "Cancel";
  $("act-go").textContent = confirms ? current.offer.go : "Go on";
  $("act-go").classList.toggle("grave", confirms && Boolean(current.offer.grave));
}

function read() {
  const { offer } = current;
  const said = Object.fromEntries(new FormData($("act-form")));
  const body = { by: said.by.trim(), reason: said.reason.trim() };
  if (!body.by || !body.reason) throw new Error("Say who you are, and why.");
  if (offer.amount) {
    const units = said.amount.trim() === "" && offer.amount === "optional" ? undefined : parse(said.amount);
    if (units === undefined && (offer.amount === "signed" || said.amount.trim() !== "")) {
      throw new Error("Write the amount with a point and without separators: 1250 or 12.50.");
    }
    body.currency = said.currency;
    if (units !== undefined) body.amount = units * Number(said.way ?? 1);
  }
  return body;
}

async function go() {
  if (!$("act-words").hidden) {
    await send();
    return;
  }
  try {
    current.body = read();
  } catch (error) {
    wrong(error.message);
    return;
  }
  localStorage.setItem(BY, current.body.by);
  step(true);
  const { by, reason } = current.body;
  $("act-words").replaceChildren(
    make("p", {}, current.offer.says(current.client, current.body)),
    make("p", { className: "soft" }, `Kept as done by ${by}: ${reason}`),
  );
  $("act-words").focus();
}

async function send() {
  if (current.busy) return;
  const mine = current;
  mine.busy = true;
  $("act-go").ariaDisabled = "true";
  wrong("");
  try {
    const { name, client, body, key } = mine;
    mine.told = await ask(`clients/${client.account}/${name}`, { method: "POST", body, key });
    if (current === mine) $("act").close();
  } catch (error) {
    mine.unsure = error.unsure;
    if (current === mine) wrong(error.unsure ? `${error.message} Sending it again from here does it once.` : error.message);
  } finally {
    mine.busy = false;
    $("act-go").ariaDisabled = "false";
  }
}

$("act-form").addEventListener("submit", (event) => {
  event.preventDefault();
  go();
});
$("act-back").addEventListener("click", () => {
  if (current.busy) return;
  if ($("act-words").hidden) $("act").close();
  else {
    step(false);
    $("act-fields").querySelector("input:not([type=radio])").focus();
  }
});
// Esc leaves an act that is on its way as little as the button does.
$("act").addEventListener("cancel", (event) => {
  if (current.busy) event.preventDefault();
});
