// An agent that buys ten jokes, and stays within its budget whatever the API asks for.
//
//     make dev                                                  in one terminal
//     node examples/ten_jokes.mjs http://127.0.0.1:8402         in another
//
// BUDGET is in units: 100 are a cent. PAYMENT_METHOD is a pm_… of Stripe's; here, one of its test cards.

import { SpendPolicyError, createStripe402Fetch, unitsToDollars } from "../clients/js/index.js";

const api = process.argv[2] ?? "http://127.0.0.1:8402";
const budget = Number(process.env.BUDGET ?? 1000);
const paymentMethodId = process.env.PAYMENT_METHOD ?? "pm_card_visa";
let spent = 0;

const pay = createStripe402Fetch({
  onPaymentRequired: ({ minTopUp }) => {
    console.log(`topping up ${unitsToDollars(minTopUp)} dollars`);
    return { paymentMethodId };
  },
  policy: {
    currency: "usd",
    hosts: [new URL(api).host],
    maxPrice: 200, // a joke is not worth more than two cents
    maxTopUp: 50_000,
    topUpBudget: { day: 50_000 },
    budget: { total: budget },
  },
  onReceipt: ({ success }, { amount }) => {
    if (success) spent += amount;
  },
});

let bought = 0;
try {
  while (bought < 10) {
    const answer = await pay(`${api}/api/joke`);
    if (!answer.ok) throw new Error(`the API answered ${answer.status}: ${await answer.text()}`);
    bought += 1;
    console.log(`${bought}. ${(await answer.json()).joke}`);
  }
} catch (error) {
  if (!(error instanceof SpendPolicyError)) throw error;
  console.log(`stopped by the rule ${error.rule}: ${error.message}`);
}
console.log(`${bought} jokes for ${unitsToDollars(spent)} dollars`);
