// Checked by tsc, never run: the types say what the module does.

import axios, { type AxiosInstance } from "axios";
import {
  type OnPaymentRequired,
  type PaymentPayload,
  type PaymentRequiredResponse,
  type PaymentResponse,
  type SpendRule,
  HEADERS,
  STRIPE402_VERSION,
  SpendPolicyError,
  Stripe402Error,
  createStripe402Fetch,
  decodeHeader,
  encodeHeader,
  readChallenge,
  readReceipt,
  unitsToCents,
  unitsToDollars,
  webStorage,
} from "../index.js";
import { createStripe402Axios } from "../axios.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<T extends true>(): T | void {}

const payer: OnPaymentRequired = async ({ minTopUp, currency }, { url, error }) => {
  is<Equal<typeof minTopUp, number>>();
  is<Equal<typeof error, string | undefined>>();
  return currency === "usd" && url ? { paymentMethodId: "pm_card_visa", topUpAmount: minTopUp } : null;
};

// It is used as fetch is, and can stand where fetch is wanted.
const pay: typeof fetch = createStripe402Fetch({ onPaymentRequired: payer }, fetch);
is<Equal<Awaited<ReturnType<typeof pay>>, Response>>();
createStripe402Fetch({
  onPaymentRequired: () => null,
  clientId: { "https://api.example.com": "0".repeat(64) },
  store: new Map<string, string>(),
  policy: {
    currency: "usd",
    hosts: ["api.example.com"],
    maxPrice: 500,
    maxTopUp: 50_000,
    maxPriceRise: 1.5,
    budget: { hour: 1, day: 2, month: 3, total: 4, perHost: { day: 1 } },
    topUpBudget: { month: 200_000 },
  },
  fetch,
  onReceipt: (receipt, { amount }) => is<Equal<typeof amount, number>>() ?? receipt.chargeId?.length,
  onAction: async ({ clientSecret }) => clientSecret.length > 0,
  onError: ({ message, cause }, { url, method }) => is<Equal<typeof cause, unknown>>() ?? [message, url, method],
  payAhead: true,
  bufferBody: true,
});
createStripe402Fetch({ onPaymentRequired: payer, store: webStorage(localStorage) });
// @ts-expect-error a payer is needed
createStripe402Fetch({});
// @ts-expect-error a rule that there is not
createStripe402Fetch({ onPaymentRequired: payer, policy: { maxPrise: 5 } });
// @ts-expect-error amounts are numbers
createStripe402Fetch({ onPaymentRequired: payer, policy: { maxPrice: "5" } });
// @ts-expect-error a choice names a payment method
createStripe402Fetch({ onPaymentRequired: () => ({ topUpAmount: 5 }) });

const instance: AxiosInstance = createStripe402Axios(axios.create(), { onPaymentRequired: payer });
is<Equal<Awaited<ReturnType<typeof instance.get<number>>>["data"], number>>();
// @ts-expect-error axios sends by its adapter
createStripe402Axios(axios.create(), { onPaymentRequired: payer, fetch });

is<Equal<typeof STRIPE402_VERSION, 1>>();
is<Equal<typeof HEADERS.PAYMENT, "payment">>();
is<Equal<ReturnType<typeof unitsToCents>, number>>();
is<Equal<ReturnType<typeof unitsToDollars>, string>>();
is<Equal<ReturnType<typeof readChallenge>, PaymentRequiredResponse | undefined>>();
is<Equal<ReturnType<typeof readReceipt>, PaymentResponse | undefined>>();
const payload = decodeHeader<PaymentPayload>(encodeHeader({ stripe402Version: STRIPE402_VERSION }));
is<Equal<typeof payload, PaymentPayload>>();
is<Equal<ReturnType<typeof decodeHeader>, unknown>>();

const error: Stripe402Error = new SpendPolicyError("budget", "too much");
if (error instanceof SpendPolicyError) is<Equal<typeof error.rule, SpendRule>>();
// @ts-expect-error a closed set
new Stripe402Error("no_such_code", "");
