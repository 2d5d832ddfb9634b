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
CREATE TABLE usage (
    currency TEXT NOT NULL,
    hour INTEGER NOT NULL,
    resource TEXT NOT NULL,
    account TEXT NOT NULL,
    debits INTEGER NOT NULL,
    reversals INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    handover INTEGER NOT NULL,
    PRIMARY KEY (currency, hour, resource, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE movement (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    source TEXT,
    PRIMARY KEY (account, currency, seq)
) STRICT, WITHOUT ROWID;
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
CREATE INDEX movement_at ON movement (at);
CREATE INDEX topup_settled_at ON topup (settled_at);
CREATE INDEX usage_account ON usage (account);
