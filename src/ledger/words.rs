//! The words between the Worker and an account, as JSON.
//!
//! Kept true here: the form only grows (a test pins it), since a Worker may speak for minutes to an object of the version
//! before.

#![allow(
    clippy::option_option,
    reason = "outside: whether it is a record at all; inside: whether the field is there"
)]

use serde_json::Value;
use stripe402_core::json;
use stripe402_core::protocol::{ClientId, Currency, ErrorCode, PaymentMethodId, Units};

use super::account::{Announcement, DisputeFlags};
use super::amount::Offer;
use super::call::{Answer, Call, Deposit, Limits, Pay, Refused};
use super::entries::{Op, Order};
use super::operator::{Act, View};
use super::record::{
    Fields, Record, count, currency, flag, integer, optional, optional_text, owned, text, units, variant,
};
use super::request_keys::RequestKey;
use super::statement::{Cursor, Page};
use crate::stripe::{CustomerId, DisputeId, PaymentIntentId, TopUpId};

/// Why a call or an answer could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a call or answer of ours")]
pub struct NotOurs;

/// Writes a call or an answer.
pub fn to_text<T: Record>(message: &T) -> String {
    json::to_text(&message.write())
}

/// Reads a call or an answer.
pub fn from_text<T: Record>(text: &str) -> Result<T, NotOurs> {
    let value: Value = serde_json::from_str(text).map_err(|_| NotOurs)?;
    T::read(&value).ok_or(NotOurs)
}

/// Writes an answer, and the id of the request to Stripe that came last for it.
pub fn answer_text(answer: &Answer, stripe_request: Option<&str>) -> String {
    let mut value = answer.write();
    let content = value.as_object_mut().and_then(|fields| fields.values_mut().next()?.as_object_mut());
    if let (Some(content), Some(id)) = (content, stripe_request) {
        content.insert(STRIPE_REQUEST.to_owned(), id.into());
    }
    json::to_text(&value)
}

/// Reads an answer, and the id of the request to Stripe that came last for it.
pub fn read_answer(text: &str) -> Result<(Answer, Option<String>), NotOurs> {
    let value: Value = serde_json::from_str(text).map_err(|_| NotOurs)?;
    let stripe_request = variant(&value).and_then(|(_, content)| owned(content, STRIPE_REQUEST));
    Ok((Answer::read(&value).ok_or(NotOurs)?, stripe_request))
}

const STRIPE_REQUEST: &str = "stripe_request";

fn op(value: &Value, name: &str) -> Option<Op> {
    Op::parse(text(value, name)?)
}

fn client(value: &Value) -> Option<Option<ClientId>> {
    optional_text(value, "client_id", |id| ClientId::parse(id).ok())
}

impl Record for Order {
    fn write(&self) -> Value {
        let key = self.key.as_ref().map(|key| {
            Fields::default()
                .with("key", key.key.as_str())
                .with("target", key.target.as_str())
                .with("lease", key.lease)
                .with("retries", key.retries)
                .done()
        });
        Fields::default()
            .with("currency", self.currency.code())
            .with("price", self.price.get())
            .with("resource", self.resource.as_str())
            .with_some("route", self.route.as_deref())
            .with("op", self.op.as_str())
            .with("retried", self.retried)
            .with_some("nth", (self.nth > 1).then_some(self.nth))
            .with_some("key", key)
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        let key = |key: &Value| {
            Some(RequestKey {
                key: owned(key, "key")?,
                target: owned(key, "target")?,
                lease: integer(key, "lease")?,
                retries: count(key, "retries")?,
            })
        };
        Some(Self {
            currency: currency(value, "currency")?,
            // A price is more than nothing: a call that says otherwise is not ours.
            price: units(value, "price").filter(|price| *price > Units::ZERO)?,
            resource: owned(value, "resource")?,
            route: optional_text(value, "route", |route| Some(route.to_owned()))?,
            op: op(value, "op")?,
            retried: flag(value, "retried"),
            nth: optional(value, "nth", |nth| nth.as_u64().and_then(|nth| u32::try_from(nth).ok()))?
                .unwrap_or(1),
            key: optional(value, "key", key)?,
        })
    }
}

impl Record for Pay {
    fn write(&self) -> Value {
        let offer = Fields::default()
            .with("min", self.offer.min.get())
            .with("max", self.offer.max.get())
            .with_some("asked", self.offer.asked.map(Units::get));
        let limits = Fields::default()
            .with_some("declines_per_hour", self.limits.declines_per_hour)
            .with_some("per_day", self.limits.per_day.map(Units::get));
        Fields::default()
            .with("order", self.order.write())
            .with_some("client_id", self.client_id.as_ref().map(ClientId::as_str))
            .with("sent", self.sent.as_str())
            .with("method", self.method.as_str())
            .with_some("customer", self.customer.as_ref().map(CustomerId::as_str))
            .with("offer", offer.done())
            .with("limits", limits.done())
            .with_some("deposit", self.deposit.as_ref().map(Record::write))
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        let method = |name| PaymentMethodId::parse(text(value, name)?).ok();
        let (offer, limits) = (value.get("offer")?, value.get("limits")?);
        let some_units = |value: &Value| Units::new(value.as_i64()?);
        Some(Self {
            order: Order::read(value.get("order")?)?,
            client_id: client(value)?,
            sent: method("sent")?,
            method: method("method")?,
            customer: optional_text(value, "customer", |id| CustomerId::parse(id).ok())?,
            offer: Offer {
                min: units(offer, "min")?,
                max: units(offer, "max")?,
                asked: optional(offer, "asked", some_units)?,
            },
            limits: Limits {
                declines_per_hour: optional(limits, "declines_per_hour", |most| {
                    u32::try_from(most.as_i64()?).ok()
                })?,
                per_day: optional(limits, "per_day", some_units)?,
            },
            deposit: optional(value, "deposit", Deposit::read)?,
        })
    }
}

impl Record for Deposit {
    fn write(&self) -> Value {
        Fields::default()
            .with("name", self.name.as_str())
            .with("kept", self.kept)
            .with_some("receipt_email", self.receipt_email.as_deref())
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            name: owned(value, "name")?,
            kept: integer(value, "kept")?,
            receipt_email: owned(value, "receipt_email"),
        })
    }
}

impl Record for Announcement {
    fn write(&self) -> Value {
        let fields =
            Fields::default().with("top_up", self.top_up().as_str()).with("intent", self.intent().as_str());
        match self {
            Self::Intent { .. } => fields.under("intent"),
            Self::Refunds { .. } => fields.under("refunds"),
            Self::Dispute { dispute, flags, .. } => fields
                .with("dispute", dispute.as_str())
                .with("withdrawn", flags.withdrawn)
                .with("reinstated", flags.reinstated)
                .under("dispute"),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        let top_up = TopUpId::parse(text(content, "top_up")?).ok()?;
        let intent = PaymentIntentId::parse(text(content, "intent")?).ok()?;
        Some(match name {
            "intent" => Self::Intent { top_up, intent },
            "refunds" => Self::Refunds { top_up, intent },
            "dispute" => {
                let dispute = DisputeId::parse(text(content, "dispute")?).ok()?;
                let (withdrawn, reinstated) = (flag(content, "withdrawn"), flag(content, "reinstated"));
                Self::Dispute { top_up, intent, dispute, flags: DisputeFlags { withdrawn, reinstated } }
            }
            _ => return None,
        })
    }
}

impl Page {
    fn write_to(&self, fields: Fields) -> Fields {
        fields
            .with_some("currency", self.currency.map(Currency::code))
            .with_some("before", self.before.as_ref().map(ToString::to_string))
            .with("limit", self.limit)
            .with_some("client_id", self.client_id.as_ref().map(ClientId::as_str))
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            currency: optional_text(value, "currency", |code| Currency::parse(code).ok())?,
            before: optional_text(value, "before", Cursor::parse)?,
            limit: count(value, "limit")?,
            client_id: client(value)?,
        })
    }
}

impl Record for Call {
    fn write(&self) -> Value {
        let fields = Fields::default();
        match self {
            Self::Spend(order) => fields.with("spend", order.write()).done(),
            // A word of its own: an object that does not know deposits must refuse one, not debit it.
            Self::Pay(pay) if pay.deposit.is_some() => fields.with("deposit", pay.write()).done(),
            Self::Pay(pay) => fields.with("pay", pay.write()).done(),
            Self::Reverse { currency, seq, op, holder } => fields
                .with("currency", currency.code())
                .with("seq", *seq)
                .with("op", op.as_str())
                .with_some("holder", holder.as_ref().map(Op::as_str))
                .under("reverse"),
            Self::Undo { currency, op } => {
                fields.with("currency", currency.code()).with("op", op.as_str()).under("undo")
            }
            Self::Deliver { key, holder } => {
                fields.with("key", key.as_str()).with("holder", holder.as_str()).under("deliver")
            }
            Self::Announce(announcement) => fields.with("announce", announcement.write()).done(),
            Self::Show(page) => page.write_to(fields).under("show"),
            Self::See(view, page) => page.write_to(fields.with("view", view.as_str())).under("see"),
            Self::Act(act) => fields.with("act", act.write()).done(),
            Self::IsKnown => fields.under("is_known"),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        Some(match name {
            "spend" => Self::Spend(Order::read(content)?),
            "pay" => Self::Pay(Box::new(Pay::read(content).filter(|pay| pay.deposit.is_none())?)),
            "deposit" => Self::Pay(Box::new(Pay::read(content).filter(|pay| pay.deposit.is_some())?)),
            "reverse" => Self::Reverse {
                currency: currency(content, "currency")?,
                seq: integer(content, "seq")?,
                op: op(content, "op")?,
                holder: optional_text(content, "holder", Op::parse)?,
            },
            "undo" => Self::Undo { currency: currency(content, "currency")?, op: op(content, "op")? },
            "deliver" => Self::Deliver { key: owned(content, "key")?, holder: op(content, "holder")? },
            "announce" => Self::Announce(Announcement::read(content)?),
            "show" => Self::Show(Page::read(content)?),
            "see" => Self::See(View::parse(text(content, "view")?)?, Page::read(content)?),
            "act" => Self::Act(Box::new(Act::read(content)?)),
            "is_known" => Self::IsKnown,
            _ => return None,
        })
    }
}

/// The protocol's codes, one by one: a code that only a later version knows is not taken for another.
fn code(name: &str) -> Option<ErrorCode> {
    let all = [
        ErrorCode::PaymentRequired,
        ErrorCode::InsufficientCredits,
        ErrorCode::CardDeclined,
        ErrorCode::PaymentFailed,
        ErrorCode::InvalidPayment,
        ErrorCode::TopUpBelowMinimum,
    ];
    all.into_iter().find(|code| code.as_str() == name)
}

impl Record for Answer {
    fn write(&self) -> Value {
        let fields = Fields::default();
        let client_text = |id: &Option<ClientId>| id.as_ref().map(|id| id.as_str().to_owned());
        match self {
            Self::Paid { seq, balance, charge, client_id, op } => fields
                .with("seq", *seq)
                .with("balance", balance.get())
                .with_some("charge", charge.as_ref().map(PaymentIntentId::as_str))
                .with_some("client_id", client_text(client_id))
                .with_some("op", op.as_ref().map(Op::as_str))
                .under("paid"),
            Self::Deposited { balance, charge, client_id } => fields
                .with("balance", balance.get())
                .with("charge", charge.as_str())
                .with_some("client_id", client_text(client_id))
                .under("deposited"),
            Self::Insufficient { balance, unknown } => {
                let fields = fields.with("balance", balance.get());
                fields.with_some("unknown", unknown.then_some(true)).under("insufficient")
            }
            Self::Refused(Refused { code, message, balance, client_secret, frozen }) => fields
                .with("code", code.as_str())
                .with("message", message.as_str())
                .with("balance", balance.get())
                .with_some("client_secret", client_secret.as_deref())
                .with_some("frozen", frozen.then_some(true))
                .under("refused"),
            Self::Limited { retry_after, message } => {
                fields.with("retry_after", *retry_after).with("message", message.as_str()).under("limited")
            }
            Self::Pending { retry_after } => fields.with("retry_after", *retry_after).under("pending"),
            Self::Reversed { balance } => fields.with("balance", balance.get()).under("reversed"),
            Self::Running { retry_after } => fields.with("retry_after", *retry_after).under("running"),
            Self::Delivered { seq, balance, client_id } => fields
                .with("seq", *seq)
                .with("balance", balance.get())
                .with_some("client_id", client_text(client_id))
                .under("delivered"),
            Self::Statement(statement) => fields.with("json", statement.as_str()).under("statement"),
            Self::Objected { status, message } => {
                fields.with("status", *status).with("message", message.as_str()).under("objected")
            }
            Self::OtherTarget => fields.under("other_target"),
            Self::Done => fields.under("done"),
            Self::NotOurs => fields.under("not_ours"),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        let balance = || units(content, "balance");
        let retry_after = || count(content, "retry_after");
        Some(match name {
            "paid" => Self::Paid {
                seq: integer(content, "seq")?,
                balance: balance()?,
                charge: optional_text(content, "charge", |id| PaymentIntentId::parse(id).ok())?,
                client_id: client(content)?,
                op: optional_text(content, "op", Op::parse)?,
            },
            "deposited" => Self::Deposited {
                balance: balance()?,
                charge: PaymentIntentId::parse(text(content, "charge")?).ok()?,
                client_id: client(content)?,
            },
            "insufficient" => Self::Insufficient { balance: balance()?, unknown: flag(content, "unknown") },
            "refused" => Self::Refused(Refused {
                code: code(text(content, "code")?)?,
                message: owned(content, "message")?,
                balance: balance()?,
                client_secret: owned(content, "client_secret"),
                frozen: flag(content, "frozen"),
            }),
            "limited" => Self::Limited { retry_after: retry_after()?, message: owned(content, "message")? },
            "pending" => Self::Pending { retry_after: retry_after()? },
            "reversed" => Self::Reversed { balance: balance()? },
            "running" => Self::Running { retry_after: retry_after()? },
            "delivered" => Self::Delivered {
                seq: integer(content, "seq")?,
                balance: balance()?,
                client_id: client(content)?,
            },
            "statement" => Self::Statement(owned(content, "json")?),
            "objected" => Self::Objected {
                status: u16::try_from(integer(content, "status")?).ok()?,
                message: owned(content, "message")?,
            },
            "other_target" => Self::OtherTarget,
            "done" => Self::Done,
            "not_ours" => Self::NotOurs,
            _ => return None,
        })
    }
}
