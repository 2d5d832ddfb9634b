-- What the accounts hand over (docs/operations.md, "Reports"). Amounts are units, 1/10,000 of the currency; times are
-- milliseconds since 1970; `handover` is the number of the handover that wrote the row: a later one wins.

-- The register: a row per account from its first entry. `account` is the digest of the client id, never the client id.
CREATE TABLE account (
    account TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    customer TEXT,
    frozen INTEGER NOT NULL,
    handover INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE balance (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    handover INTEGER NOT NULL,
    PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;

-- Absolute sums per hour (hours since 1970) of the debits of that hour, and of what was given back of them. `resource` is
-- the route's key ("GET /api/joke"); amount = what was debited less what was given back. `since`: when the account was
-- made; one that was erased and came back counts anew.
CREATE TABLE usage (
    currency TEXT NOT NULL,
    hour INTEGER NOT NULL,
    resource TEXT NOT NULL,
    account TEXT NOT NULL,
    since INTEGER NOT NULL DEFAULT 0,
    debits INTEGER NOT NULL,
    reversals INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    handover INTEGER NOT NULL,
    PRIMARY KEY (currency, hour, resource, account, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_account ON usage (account, hour);

-- Every entry that is neither a debit nor a reversal: topup, refund, dispute, adjustment. `source`: the PaymentIntent, the
-- dispute, or the operator's act.
CREATE TABLE movement (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    source TEXT,
    PRIMARY KEY (account, currency, seq, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX movement_at ON movement (at);

-- Every attempt to charge a card that is settled: credited, declined, refused, canceled, never_happened.
CREATE TABLE topup (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    settled_at INTEGER,
    outcome TEXT NOT NULL,
    decline_code TEXT,
    currency TEXT NOT NULL,
    units INTEGER NOT NULL,
    payment_intent TEXT,
    handover INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX topup_settled_at ON topup (settled_at);
CREATE INDEX topup_account ON topup (account);

-- Every dispute; `at` is when we first heard of it.
CREATE TABLE dispute (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    at INTEGER NOT NULL,
    payment_intent TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    withdrawn INTEGER NOT NULL,
    reinstated INTEGER NOT NULL,
    handover INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dispute_account ON dispute (account);
