// The errors of this client. No message of theirs holds a client id or a payment method.

/** Something about a payment. `code` is one of the protocol's, `reason` says more where the client itself refused. */
export class Stripe402Error extends Error {
  constructor(code, message, { reason, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Stripe402Error";
    this.code = code;
    this.reason = reason;
  }
}

/** A payment that a rule of the spend policy refused, before it was sent. `rule` says which. */
export class SpendPolicyError extends Stripe402Error {
  constructor(rule, message) {
    super("payment_required", message, { reason: "policy" });
    this.name = "SpendPolicyError";
    this.rule = rule;
  }
}
