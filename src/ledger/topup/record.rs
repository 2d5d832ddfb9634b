//! A top-up's record as JSON: what stands in the row, and what a fresh instance goes on with.
//!
//! Kept true here: what was written by a version before can be read (the form only grows; a test pins it), and reads
//! back as what it was.

use serde_json::Value;
use stripe402_core::protocol::{AccountId, MinorAmount, PaymentMethodId};

use super::{Asked, Missing, Outcome, Sending, State, Step, StripeSide, TopUp, Wanted};
use crate::ledger::record::{
    Fields, Record, count, currency, flag, integer, moment, optional, optional_text, owned, text, variant,
};
use crate::ledger::store::Millis;
use crate::stripe::{CustomerId, PaymentIntentId, TopUpId};

impl Record for TopUp {
    fn write(&self) -> Value {
        Fields::default()
            .with("id", self.id.as_str())
            .with("attempt", self.attempt)
            .with("wanted", self.wanted.write())
            .with("side", self.side.write())
            .with("state", self.state.write())
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: TopUpId::parse(text(value, "id")?).ok()?,
            attempt: count(value, "attempt")?,
            wanted: Wanted::read(value.get("wanted")?)?,
            side: StripeSide::read(value.get("side")?)?,
            state: State::read(value.get("state")?)?,
        })
    }
}

impl Record for StripeSide {
    fn write(&self) -> Value {
        Fields::default()
            .with("live", self.live)
            .with("account", self.account.as_str())
            .with("version", self.version.as_str())
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            live: value.get("live")?.as_bool()?,
            account: owned(value, "account")?,
            version: owned(value, "version")?,
        })
    }
}

impl Record for Wanted {
    fn write(&self) -> Value {
        Fields::default()
            .with("account", self.account.as_str())
            .with("sent", self.sent.as_str())
            .with("method", self.method.as_str())
            .with("attached", self.attached)
            .with_some("customer", self.customer.as_ref().map(CustomerId::as_str))
            .with("customers", self.customers)
            .with("currency", self.currency.code())
            .with_some("amount", self.amount.map(MinorAmount::get))
            .with("deployment", self.deployment.as_str())
            .with_some("descriptor_suffix", self.descriptor_suffix.as_deref())
            .with_some("receipt_email", self.receipt_email.as_deref())
            .with_some("deposit", self.deposit.as_deref())
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        let method = |name| PaymentMethodId::parse(text(value, name)?).ok();
        Some(Self {
            account: AccountId::parse(text(value, "account")?).ok()?,
            sent: method("sent")?,
            method: method("method")?,
            attached: value.get("attached")?.as_bool()?,
            customer: optional_text(value, "customer", |id| CustomerId::parse(id).ok())?,
            customers: count(value, "customers")?,
            currency: currency(value, "currency")?,
            amount: optional(value, "amount", |amount| MinorAmount::new(amount.as_i64()?))?,
            deployment: owned(value, "deployment")?,
            descriptor_suffix: owned(value, "descriptor_suffix"),
            receipt_email: owned(value, "receipt_email"),
            deposit: owned(value, "deposit"),
        })
    }
}

impl Step {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Attach => "attach",
            Self::Charge => "charge",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Customer, Self::Attach, Self::Charge].into_iter().find(|step| step.as_str() == text)
    }
}

impl Asked {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Other => "other",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Same, Self::Other].into_iter().find(|asked| asked.as_str() == text)
    }
}

fn intent(value: &Value) -> Option<PaymentIntentId> {
    PaymentIntentId::parse(text(value, "intent")?).ok()
}

impl Record for State {
    fn write(&self) -> Value {
        let fields = Fields::default();
        match self {
            Self::Sending(sending) => fields
                .with("step", sending.step.as_str())
                .with("path", sending.path.as_str())
                .with("body", sending.body.as_str())
                .with("key", sending.key.as_str())
                .with("first_at", sending.first_at.0)
                .with("last_at", sending.last_at.0)
                .with("sends", sending.sends)
                .with("wake_at", sending.wake_at.0)
                .with("stored_error", sending.stored_error)
                .under("sending"),
            Self::LookUp { first_at, last_at, missed_at, wake_at } => fields
                .with("first_at", first_at.0)
                .with("last_at", last_at.0)
                .with_some("missed_at", missed_at.map(|at| at.0))
                .with("wake_at", wake_at.0)
                .under("look_up"),
            Self::Follow { intent, reads, cancels, wake_at, missing } => fields
                .with("intent", intent.as_str())
                .with("reads", *reads)
                .with("cancels", *cancels)
                .with("wake_at", wake_at.0)
                .with_some("missing", missing.map(|missing| missing.write()))
                .under("follow"),
            Self::Action { intent, since, wake_at, asked } => fields
                .with("intent", intent.as_str())
                .with("since", since.0)
                .with("wake_at", wake_at.0)
                .with_some("asked", asked.map(Asked::as_str))
                .under("action"),
            Self::Cancel { intent, cancels, wake_at } => fields
                .with("intent", intent.as_str())
                .with("cancels", *cancels)
                .with("wake_at", wake_at.0)
                .under("cancel"),
            Self::Settled(outcome) => fields.with("settled", outcome.write()).done(),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        let wake_at = || moment(content, "wake_at");
        Some(match name {
            "sending" => Self::Sending(Sending {
                step: Step::parse(text(content, "step")?)?,
                path: owned(content, "path")?,
                body: owned(content, "body")?,
                key: owned(content, "key")?,
                first_at: moment(content, "first_at")?,
                last_at: moment(content, "last_at")?,
                sends: count(content, "sends")?,
                wake_at: wake_at()?,
                stored_error: flag(content, "stored_error"),
            }),
            "look_up" => Self::LookUp {
                first_at: moment(content, "first_at")?,
                last_at: moment(content, "last_at")?,
                missed_at: optional(content, "missed_at", Value::as_i64)?.map(Millis),
                wake_at: wake_at()?,
            },
            "follow" => Self::Follow {
                intent: intent(content)?,
                reads: count(content, "reads")?,
                cancels: count(content, "cancels")?,
                wake_at: wake_at()?,
                missing: optional(content, "missing", Missing::read)?,
            },
            "action" => Self::Action {
                intent: intent(content)?,
                since: moment(content, "since")?,
                wake_at: wake_at()?,
                asked: optional_text(content, "asked", Asked::parse)?,
            },
            "cancel" => Self::Cancel {
                intent: intent(content)?,
                cancels: count(content, "cancels")?,
                wake_at: wake_at()?,
            },
            "settled" => Self::Settled(Outcome::read(content)?),
            _ => return None,
        })
    }
}

impl Record for Missing {
    fn write(&self) -> Value {
        Fields::default().with("since", self.since.0).with("last", self.last.0).done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self { since: moment(value, "since")?, last: moment(value, "last")? })
    }
}

impl Record for Outcome {
    fn write(&self) -> Value {
        let fields = Fields::default();
        let fields = match self {
            Self::Credited { intent, amount, currency } => fields
                .with("intent", intent.as_str())
                .with("amount", amount.get())
                .with("currency", currency.code()),
            Self::Declined { message, codes } => {
                fields.with("message", message.as_str()).with("codes", codes.as_str())
            }
            Self::Refused { message } => fields.with("message", message.as_str()),
            Self::Attached | Self::NeverHappened | Self::Canceled => fields,
        };
        fields.under(self.as_str())
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        Some(match name {
            "credited" => Self::Credited {
                intent: intent(content)?,
                amount: MinorAmount::new(integer(content, "amount")?)?,
                currency: currency(content, "currency")?,
            },
            "attached" => Self::Attached,
            "declined" => {
                Self::Declined { message: owned(content, "message")?, codes: owned(content, "codes")? }
            }
            "refused" => Self::Refused { message: owned(content, "message")? },
            "never_happened" => Self::NeverHappened,
            "canceled" => Self::Canceled,
            _ => return None,
        })
    }
}
