//! A model of Stripe: what it holds, and by which rules that changes.
//!
//! Kept true here: what facts and documentation say of idempotency keys (stored answers, 500s among them; pruned after a
//! day; 409 while the first is running; 400 with other parameters), of attaching, confirming, cancelling, refunds and
//! disputes. Everything that the ledger may learn goes through `get` and `post`, as JSON.

mod life;
mod read;
mod write;

use std::collections::HashMap;

use stripe402_core::protocol::{AccountId, ClientId};
use stripe402_edge::ledger::Millis;
use stripe402_edge::ledger::topup::StripeSide;
use stripe402_edge::stripe::{API_VERSION, Answer, Reply};

pub(crate) use life::Life;
pub(crate) use write::Treated;

/// The deployment's tag in Stripe's metadata.
pub(crate) const DEPLOYMENT: &str = "0123456789abcdef";

/// What client ids are derived with.
pub(crate) const SERVER_SECRET: [u8; 32] = [7; 32];

/// Stripe, as far as our keys ever reach: two accounts, or two modes of one.
pub(crate) struct Stripe {
    pub(crate) sides: [Side; 2],
    /// Which PaymentIntents say that they belong to a top-up.
    pub(crate) of_top_up: HashMap<String, Vec<IntentRef>>,
    /// What has happened since the world last asked.
    pub(crate) events: Vec<Occurrence>,
    /// What will happen there by itself.
    pub(crate) later: Vec<(Millis, Life)>,
}

/// One Stripe account in one mode.
pub(crate) struct Side {
    /// Whose it is: what our keys tell.
    pub(crate) name: StripeSide,
    pub(crate) methods: Vec<Method>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) intents: Vec<Intent>,
    keys: HashMap<String, Stored>,
}

/// A PaymentMethod.
pub(crate) struct Method {
    pub(crate) id: String,
    /// Whose card it is: the number of its fingerprint.
    pub(crate) card: usize,
    pub(crate) customer: Option<usize>,
    /// Detached: Stripe does not take it again.
    pub(crate) spent: bool,
}

/// A Customer.
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) deleted: bool,
}

/// A PaymentIntent.
pub(crate) struct Intent {
    pub(crate) id: String,
    customer: usize,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    /// What came in, as Stripe tells it now.
    pub(crate) received: i64,
    pub(crate) top_up: String,
    pub(crate) account: String,
    created: i64,
    /// Whether a payer has its secret.
    handed_out: bool,
    /// Whether reads and lists know it: a charge behind a 500 may be rolled forward later.
    visible: bool,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) disputes: Vec<Dispute>,
}

/// A refund.
pub(crate) struct Refund {
    pub(crate) amount: i64,
    pub(crate) status: &'static str,
    /// The payback that asked for it, by its metadata.
    pub(crate) ours: Option<String>,
}

/// A dispute.
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) status: &'static str,
    pub(crate) withdrawn: bool,
    pub(crate) reinstated: bool,
}

/// What stands under an idempotency key.
struct Stored {
    at: Millis,
    path: String,
    body: String,
    /// None: the first request is still running.
    answer: Option<(u16, String)>,
}

/// Which PaymentIntent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IntentRef {
    pub(crate) side: usize,
    pub(crate) nth: usize,
}

/// Something that Stripe announces.
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    pub(crate) kind: &'static str,
    pub(crate) of: IntentRef,
    pub(crate) dispute: Option<usize>,
    /// The only way to learn of it: Stripe's lists did not know it when we looked.
    pub(crate) only_way: bool,
}

/// A reply, and what it says in a word, for the history and the coverage.
pub(crate) type Said = (Reply, &'static str);

impl Intent {
    /// What of its money is still there: received, not refunded, not withdrawn.
    pub(crate) fn kept(&self) -> i64 {
        let refunded: i64 = self.refunds.iter().filter(|refund| refund.takes()).map(|r| r.amount).sum();
        let disputed = self.disputes.iter().filter(|dispute| dispute.withdrawn && !dispute.reinstated);
        let received = if self.status == "succeeded" { self.amount } else { 0 };
        received - refunded - disputed.map(|dispute| dispute.amount).sum::<i64>()
    }

    /// What can still be refunded or disputed.
    fn left(&self) -> i64 {
        let refunded: i64 = self.refunds.iter().filter(|refund| refund.takes()).map(|r| r.amount).sum();
        let disputed = self.disputes.iter().filter(|dispute| !dispute.reinstated);
        self.amount - refunded - disputed.map(|dispute| dispute.amount).sum::<i64>()
    }
}

impl Refund {
    pub(crate) fn takes(&self) -> bool {
        matches!(self.status, "pending" | "requires_action" | "succeeded")
    }
}

impl Stripe {
    /// Two sides of it, each with some PaymentMethods of every client's card. The second is another account or, if so
    /// said, the live mode.
    pub(crate) fn new(clients: usize, second_is_live: bool) -> Self {
        let side = |nth: usize| {
            let mut methods = Vec::new();
            for card in 0..clients {
                for copy in 0..2 {
                    let id = format!("pm_{nth}c{card}x{copy}");
                    methods.push(Method { id, card, customer: None, spent: false });
                }
            }
            let other = nth == 1 && !second_is_live;
            let account = if other { "another account" } else { "the account" }.to_owned();
            let live = nth == 1 && second_is_live;
            let name = StripeSide { live, account, version: API_VERSION.to_owned() };
            Side { name, methods, customers: Vec::new(), intents: Vec::new(), keys: HashMap::new() }
        };
        Self { sides: [side(0), side(1)], of_top_up: HashMap::new(), events: Vec::new(), later: Vec::new() }
    }

    pub(crate) fn intent(&self, of: IntentRef) -> &Intent {
        &self.sides[of.side].intents[of.nth]
    }

    fn intent_mut(&mut self, of: IntentRef) -> &mut Intent {
        &mut self.sides[of.side].intents[of.nth]
    }

    /// A PaymentIntent by its id, whatever side it is on.
    pub(crate) fn find(&self, id: &str) -> Option<&Intent> {
        self.sides.iter().flat_map(|side| &side.intents).find(|intent| intent.id == id)
    }

    /// All PaymentIntents.
    pub(crate) fn intents(&self) -> impl Iterator<Item = (IntentRef, &Intent)> {
        self.sides.iter().enumerate().flat_map(|(side, one)| {
            one.intents.iter().enumerate().map(move |(nth, intent)| (IntentRef { side, nth }, intent))
        })
    }

    /// What a list says of a top-up's PaymentIntent.
    pub(crate) fn listed(&self, top_up: &str) -> &'static str {
        let all = self.of_top_up.get(top_up).into_iter().flatten();
        let seen = all.map(|of| self.intent(*of)).find(|intent| intent.visible);
        seen.map_or("nothing found", |intent| intent.told())
    }

    /// Whether a PaymentIntent of this top-up succeeded.
    pub(crate) fn has_paid(&self, top_up: &str) -> Option<&Intent> {
        let all = self.of_top_up.get(top_up).into_iter().flatten();
        all.map(|of| self.intent(*of)).find(|intent| intent.status == "succeeded")
    }
}

fn answered(status: u16, body: String) -> Reply {
    Reply::Answered(Answer { status, body, replayed: false, request_id: None })
}

fn replayed(status: u16, body: String) -> Reply {
    Reply::Answered(Answer { status, body, replayed: true, request_id: None })
}

fn error(kind: &str, code: &str, param: &str, message: &str) -> String {
    format!(r#"{{"error":{{"type":"{kind}","code":"{code}","param":"{param}","message":"{message}"}}}}"#)
}

/// The fingerprint of a client's card.
pub(crate) fn fingerprint(card: usize) -> String {
    format!("print{card}")
}

/// The client that a card's fingerprint stands for, and its account.
pub(crate) fn client(card: usize) -> (ClientId, AccountId) {
    let client = ClientId::derive(&SERVER_SECRET, &fingerprint(card));
    let account = AccountId::of(&client);
    (client, account)
}
