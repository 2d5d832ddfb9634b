/** The version of the protocol. */
export declare const STRIPE402_VERSION: 1;

/** The names of the protocol's headers. */
export declare const HEADERS: {
  readonly PAYMENT_REQUIRED: "payment-required";
  readonly PAYMENT: "payment";
  readonly PAYMENT_RESPONSE: "payment-response";
};

/** The protocol's error codes. */
export type PaymentErrorCode =
  | "payment_required"
  | "insufficient_credits"
  | "card_declined"
  | "payment_failed"
  | "invalid_payment"
  | "top_up_below_minimum";

/** One way to pay. Amounts are in units: 1/10,000 of the currency's major unit, so 100 are $0.01. */
export interface PaymentRequirements {
  scheme: "stripe";
  /** Three letters in lower case. */
  currency: string;
  /** The price of the request. */
  amount: number;
  /** The smallest top-up, and the one that is made where the payer names none. */
  minTopUp: number;
  /** Stripe's publishable key, with which a card becomes a payment method. */
  publishableKey: string;
  description?: string;
}

/** What is sold. */
export interface ResourceInfo {
  /** The path, without the query. */
  url: string;
  description?: string;
  mimeType?: string;
}

/** A challenge: the `payment-required` header of a 402. */
export interface PaymentRequiredResponse {
  stripe402Version: 1;
  resource: ResourceInfo;
  /** Empty where paying does not help. */
  accepts: PaymentRequirements[];
  /** Why a payment that was sent did not do. */
  error?: string;
}

/** A receipt: the `payment-response` header of an answer that was paid for. */
export interface PaymentResponse {
  /** Whether the request was paid for and served; `false`: its price was given back. */
  success: boolean;
  /** The PaymentIntent, only where a card was charged. */
  chargeId?: string;
  creditsRemaining: number;
  /** A secret: whoever has it can spend the credits. */
  clientId: string;
  error?: string;
  errorCode?: PaymentErrorCode;
}

/** What the `payment` header holds. */
export interface PaymentPayload {
  stripe402Version: 1;
  paymentMethodId?: string;
  clientId?: string;
  topUpAmount?: number;
}

/** Base64 of the message's JSON. Throws a TypeError for what JSON cannot hold. */
export declare function encodeHeader<T>(message: T): string;

/** The message in a header's value, unchecked. Throws a SyntaxError. */
export declare function decodeHeader<T = unknown>(value: string): T;

/** Units as cents, rounded up. Throws a RangeError for what is no whole number. */
export declare function unitsToCents(units: number): number;

/** Units as a decimal number of dollars, such as "0.05". Throws a RangeError for what is no whole number. */
export declare function unitsToDollars(units: number): string;

/**
 * The challenge in a `payment-required` header, checked. `undefined` for no header and for another protocol's. Throws a
 * Stripe402Error with the reason `invalid_challenge`.
 */
export declare function readChallenge(header: string | null | undefined): PaymentRequiredResponse | undefined;

/** The receipt in a `payment-response` header, `undefined` if there is none that can be read. */
export declare function readReceipt(header: string | null | undefined): PaymentResponse | undefined;

/** Why this client refused on its own. */
export type RefusalReason = "policy" | "body_not_replayable" | "invalid_challenge" | "redirect";

/** Something about a payment. What a server refuses is not thrown: its 402 is the answer. */
export declare class Stripe402Error extends Error {
  constructor(code: PaymentErrorCode, message: string, options?: { reason?: RefusalReason; cause?: unknown });
  readonly name: string;
  readonly code: PaymentErrorCode;
  readonly reason: RefusalReason | undefined;
}

/** The rules that can refuse a payment. */
export type SpendRule =
  | "currency"
  | "hosts"
  | "insecure"
  | "max_price"
  | "price_rise"
  | "price_changed"
  | "budget"
  | "max_top_up"
  | "top_up_budget"
  | "redirect";

/** A payment that a rule refused before it was sent. Its `code` is `payment_required`, its `reason` is `policy`. */
export declare class SpendPolicyError extends Stripe402Error {
  constructor(rule: SpendRule, message: string);
  readonly rule: SpendRule;
}

/** The most that may be spent, in units: per hour, day and month of the clock (UTC), and ever. */
export interface Budget {
  hour?: number | undefined;
  day?: number | undefined;
  month?: number | undefined;
  total?: number | undefined;
}

/** What may be paid. Every rule is asked before a payment is sent. */
export interface SpendPolicy {
  /** The currency of the amounts here, and the only one that is paid. Needed as soon as there is an amount. */
  currency?: string | undefined;
  /** The only hosts that are paid, with the port where it is not the usual one: `["api.example.com"]`. */
  hosts?: readonly string[] | undefined;
  /** The highest price of a request, in units. */
  maxPrice?: number | undefined;
  /** The highest charge to a card, in units. */
  maxTopUp?: number | undefined;
  /** By which factor a price may have risen since it was paid last, at least 1. */
  maxPriceRise?: number | undefined;
  /** The most that requests may cost, in all and for each host. */
  budget?: (Budget & { perHost?: Budget | undefined }) | undefined;
  /** The most that cards may be charged, in all and for each host. */
  topUpBudget?: (Budget & { perHost?: Budget | undefined }) | undefined;
  /** Pay over http, too, where anybody on the way can read the client id. Loopback addresses always may. */
  allowInsecure?: boolean | undefined;
}

/** Where client ids, sums and prices are kept. A Map is one. Values are secrets. */
export interface Stripe402Store {
  get(key: string): string | undefined | Promise<string | undefined>;
  set(key: string, value: string): unknown;
}

/** A store over `localStorage` or `sessionStorage`. */
export declare function webStorage(storage: {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}): Stripe402Store;

/** What is being paid for. */
export interface PaymentContext {
  url: string;
  method: string;
  resource: ResourceInfo;
  /** Why earlier credits did not do, such as `insufficient_credits`. */
  error: string | undefined;
  signal: AbortSignal | undefined;
}

/** With what to pay. */
export interface PaymentChoice {
  /** `pm_…` */
  paymentMethodId: string;
  /** What to charge, in units; at least `minTopUp`, which is charged where this is missing. */
  topUpAmount?: number | undefined;
}

/** Asked when a card has to be charged. `null` declines: then the 402 is the answer. */
export type OnPaymentRequired = (
  requirements: PaymentRequirements,
  context: PaymentContext,
) => Promise<PaymentChoice | null | undefined> | PaymentChoice | null | undefined;

/** A step that only the payer can take (3-D Secure), by Stripe.js: `stripe.handleNextAction({ clientSecret })`. */
export interface PaymentAction {
  type: string;
  clientSecret: string;
}

export interface Stripe402ClientConfig {
  onPaymentRequired: OnPaymentRequired;
  /** A client id from earlier. As a string it belongs to the first origin that is asked for anything. */
  clientId?: string | Readonly<Record<string, string>> | undefined;
  /** A Map of its own, where there is none: forgotten with the program. */
  store?: Stripe402Store | undefined;
  policy?: SpendPolicy | undefined;
  /** What sends requests, in place of the global fetch. */
  fetch?: typeof fetch | undefined;
  /** Told of every receipt. */
  onReceipt?:
    | ((receipt: PaymentResponse, paid: { url: string; method: string; amount: number; currency: string }) => void)
    | undefined;
  /**
   * Told of what went wrong beside a payment and does not end it: the store or `onReceipt` failed. `cause` is what was
   * thrown; what a store throws may hold what was to be stored. By default the console is warned, without the cause.
   */
  onError?: ((error: Error, about: { url: string; method: string }) => void) | undefined;
  /** Takes the payer's step; `true`: it is done, send the payment again. */
  onAction?:
    | ((
        action: PaymentAction,
        context: { url: string; method: string; signal: AbortSignal | undefined },
      ) => Promise<boolean> | boolean)
    | undefined;
  /** Send the client id at once where the price is known from earlier; one round trip less. Default false. */
  payAhead?: boolean | undefined;
  /** Read bodies that are streams to their end first, so that they can be sent again. Default false. */
  bufferBody?: boolean | undefined;
  /** How often the same payment is sent again while its outcome is not known. Default 5. */
  retries?: number | undefined;
  /** How long to wait in all between those, in milliseconds. Default 60,000. */
  maxRetryWait?: number | undefined;
  /** The clock, in milliseconds since 1970. For tests. */
  now?: (() => number) | undefined;
  /** How to wait. For tests. */
  sleep?: ((milliseconds: number) => Promise<unknown>) | undefined;
}

/** A function like fetch, which pays for what costs money. */
export declare function createStripe402Fetch(config: Stripe402ClientConfig, baseFetch?: typeof fetch): typeof fetch;
