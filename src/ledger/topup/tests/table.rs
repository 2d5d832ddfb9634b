//! What comes of each pair of state and event. What stands in no row changes nothing.

/// The names that a group stands for; any other name stands for itself.
pub(super) fn groups(name: &str) -> Vec<&str> {
    match name {
        "@attaches" => vec!["attach", "attach only", "attach anew", "attach again", "attach, last"],
        "@charges" => vec!["charge", "charge again", "charge, third", "charge, last", "charge, stored"],
        "@looks" => vec!["look up, early", "look up", "missed, early", "missed"],
        "@follows" => vec!["follow", "follow, refused", "follow, paused", "follow, missing"],
        "@actions" => vec!["action", "action, early", "action, same", "action, other"],
        "@over" => vec!["attached", "declined", "refused", "never happened", "canceled"],
        "@unanswered" => vec!["lost", "500", "409", "429", "401"],
        "@unread" => vec!["lost", "500", "429", "401"],
        "@late refusal" => vec!["already attached", "no customer", "refused"],
        "@could still be paid" => {
            vec!["requires_action", "requires_payment_method", "requires_confirmation", "requires_capture"]
        }
        "@not settled" => vec!["processing", "hovering", "nothing received"],
        "@any intent" => vec![
            "succeeded",
            "processing",
            "requires_action",
            "requires_payment_method",
            "requires_confirmation",
            "requires_capture",
            "canceled",
            "hovering",
            "nothing received",
        ],
        name => vec![name],
    }
}

/// States, events, what comes of each of these pairs: the state and in how many seconds it wakes, the call, and what
/// else is to be done. Names are separated by `;`, and `what: a / b` is two events.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, &str, &str)] = &[
    // Each write leads to the next.
    ("customer; customer, last", "written: customer", "attach 1 +25s | POST payment_methods/pm_1/attach | new customer"),
    ("attach; attach anew; attach again; attach, last", "written: attached", "charge 1 +25s | POST payment_intents"),
    ("attach only", "written: attached", "attached"),
    ("@attaches", "written: attached elsewhere", "refused"),
    ("@charges", "written: succeeded", "credited | credit 500 usd pi_1"),

    // What ends an attempt: a decline on any send, any other refusal on the first. A Customer that is gone is made anew
    // once.
    ("customer; customer, last; @attaches; @charges", "written: declined", "declined"),
    ("customer; charge", "written: already attached / refused", "refused"),
    ("attach; attach only; attach anew", "written: refused", "refused"),
    ("customer; attach anew; charge", "written: no customer", "refused"),
    ("attach; attach only", "written: no customer", "customer 1 +25s attempt 2 | POST customers"),
    ("@charges", "written: requires_payment_method / canceled", "refused"),

    // An attach that is refused since it is attached already, or after an earlier send: the card itself tells whose it is.
    ("attach; attach only; attach anew", "written: already attached", "attach 1 +25s | GET payment_methods/pm_1"),
    ("attach again", "written: @late refusal", "attach 2 +25s | GET payment_methods/pm_1"),
    ("attach, last", "written: @late refusal", "attach 4 +25s | GET payment_methods/pm_1"),
    ("attach; attach anew; attach again; attach, last", "method: attached", "charge 1 +25s | POST payment_intents"),
    ("attach only", "method: attached", "attached"),
    ("@attaches", "method: attached elsewhere / refused", "refused"),
    ("attach; attach only; attach anew", "method: @unread", "attach 1 +1s"),
    ("attach again", "method: @unread", "attach 2 +5s"),
    ("attach, last", "method: @unread", "never_happened"),

    // No word, or none that can be relied on: the same again, at most four times and one after a stored error.
    ("customer", "written: @unanswered / attached / attached elsewhere / @any intent", "customer 1 +1s"),
    ("customer", "written: stored 500", "customer 1 stored +1s"),
    ("customer", "woke: due", "customer 2 +25s | POST frozen"),
    ("attach; attach only; attach anew", "written: @unanswered / customer / @any intent", "attach 1 +1s"),
    ("attach; attach only; attach anew", "written: stored 500", "attach 1 stored +1s"),
    ("attach; attach only; attach anew", "woke: due", "attach 2 +25s | POST frozen"),
    ("attach again", "written: @unanswered / customer / @any intent", "attach 2 +5s"),
    ("attach again", "written: stored 500", "attach 2 stored +5s"),
    ("attach again", "woke: due", "attach 3 +25s | POST frozen"),
    ("charge", "written: @unanswered / customer / attached / attached elsewhere", "charge 1 +1s"),
    ("charge", "written: stored 500", "charge 1 stored +1s"),
    ("charge", "woke: due", "charge 2 +25s | POST frozen"),
    ("charge again", "written: @unanswered / @late refusal / customer / attached / attached elsewhere", "charge 2 +5s"),
    ("charge again", "written: stored 500", "charge 2 stored +5s"),
    ("charge again", "woke: due", "charge 3 +25s | POST frozen"),
    ("charge, third", "written: @unanswered / @late refusal / customer / attached / attached elsewhere", "charge 3 +25s"),
    ("charge, third", "written: stored 500", "charge 3 stored +25s"),
    ("charge, third", "woke: due", "charge 4 +25s | POST frozen"),
    ("charge, stored", "written: @unanswered / @late refusal / customer / attached / attached elsewhere", "charge 2 stored +5s"),
    ("charge, stored", "woke: due", "charge 3 stored +25s | POST frozen"),

    // Enough of that: what moves no money is let go, a charge is looked for.
    ("customer, last", "written: @unanswered / @late refusal / stored 500 / attached / attached elsewhere / @any intent", "never_happened"),
    ("attach, last", "written: @unanswered / stored 500 / customer / @any intent", "never_happened"),
    ("customer, last; attach, last", "woke: due", "never_happened"),
    ("customer; customer, last; @attaches", "woke: two minutes late; written: key reused", "never_happened"),
    ("charge, last", "written: @unanswered / @late refusal / customer / attached / attached elsewhere", "look up +25s | GET payment_intents"),
    ("charge, last; charge, stored", "written: stored 500", "look up +25s | GET payment_intents"),
    ("charge, last", "woke: due", "look up +25s | GET payment_intents"),
    ("@charges", "woke: two minutes late; written: key reused", "look up +25s | GET payment_intents"),

    // A charge that is neither over nor unknown.
    ("@charges", "written: requires_action", "action +3600s | secret"),
    ("@charges", "written: requires_confirmation / requires_capture", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("@charges", "written: @not settled", "follow 0 0 +30s"),

    // Looking: found, not found (twice, five minutes apart, the first five minutes after the last send), or no word.
    ("look up, early; look up", "woke: due / two minutes late", "look up +25s | GET payment_intents"),
    ("missed, early; missed", "woke: due / two minutes late", "missed +25s | GET payment_intents"),
    ("look up, early; look up", "listed: @unread / more", "look up +30s"),
    ("missed, early; missed", "listed: @unread / more", "missed +30s"),
    ("look up, early", "listed: none / of another", "look up +180s"),
    ("look up", "listed: none / of another", "missed +300s"),
    ("missed, early", "listed: none / of another", "missed +60s"),
    ("missed", "listed: none / of another", "never_happened"),
    ("@looks", "listed: succeeded", "credited | credit 500 usd pi_1"),
    ("@looks", "listed: canceled", "canceled"),
    ("@looks", "listed: @could still be paid", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("@looks", "listed: @not settled", "follow 0 0 +30s"),

    // Following: read with growing pauses until it is over. After a cancel that did nothing it rests for one read.
    ("follow", "woke: due / two minutes late", "follow 2 0 +25s | GET payment_intents/pi_1"),
    ("follow, refused", "woke: due / two minutes late", "follow 2 1 +25s | GET payment_intents/pi_1"),
    ("follow, paused", "woke: due / two minutes late", "follow 3 1 +25s | GET payment_intents/pi_1"),
    ("follow, missing", "woke: due / two minutes late", "follow 4 0 missing +25s | GET payment_intents/pi_1"),
    ("follow", "read: @unread / refused / processing / hovering", "follow 1 0 +60s"),
    ("follow", "read: @could still be paid", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("follow, refused", "read: @unread / refused / processing / hovering / @could still be paid", "follow 1 1 +60s"),
    ("follow, paused", "read: @unread / refused / processing / hovering", "follow 2 1 +120s"),
    ("follow, paused", "read: @could still be paid", "cancel 2 +25s | POST payment_intents/pi_1/cancel"),
    // What Stripe does not have any more is read on, and remembered as missing until Stripe shows it again.
    ("follow", "read: missing", "follow 1 0 missing +60s"),
    ("follow, refused", "read: missing", "follow 1 1 missing +60s"),
    ("follow, paused", "read: missing", "follow 2 1 missing +120s"),
    ("follow, missing", "read: missing / refused / @unread", "follow 3 0 missing +240s"),
    ("follow, missing", "read: processing / hovering", "follow 3 0 +240s"),
    ("follow, missing", "read: @could still be paid", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("action, other", "read: missing", "follow 0 0 missing +30s"),
    ("@follows", "read: succeeded", "credited | credit 500 usd pi_1"),
    ("@follows", "read: canceled", "canceled"),
    ("@follows", "read: nothing received", "follow 0 0 +30s"),

    // 3-D Secure: read when the payer comes back or the hour is over, cancelled if another is wanted.
    ("action; action, other", "woke: due / two minutes late", "action Other +25s | GET payment_intents/pi_1"),
    ("action, same", "woke: due / two minutes late", "action Same +25s | GET payment_intents/pi_1"),
    ("action, early", "woke: due", "action +3539s"),
    ("action, early", "woke: two minutes late", "action +3419s"),
    ("@actions", "came back: same", "action Same +25s | GET payment_intents/pi_1"),
    ("@actions", "came back: other / same after an hour", "action Other +25s | GET payment_intents/pi_1"),
    ("action, same", "read: requires_action", "action +3540s | secret"),
    ("action, same", "read: requires_payment_method / requires_confirmation / requires_capture", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("action; action, early; action, other", "read: @could still be paid", "cancel 1 +25s | POST payment_intents/pi_1/cancel"),
    ("action, early; action, same", "read: @unread / refused / missing", "action +3540s"),
    ("action, other", "read: @unread / refused", "action Other +30s"),
    ("@actions", "read: succeeded", "credited | credit 500 usd pi_1"),
    ("@actions", "read: canceled", "canceled"),
    ("@actions", "read: @not settled", "follow 0 0 +30s"),

    // A cancel: only `canceled` ends it; whatever else is read.
    ("cancel", "cancel: canceled", "canceled"),
    ("cancel", "cancel: @unread / refused / succeeded / requires_action", "follow 1 1 +25s | GET payment_intents/pi_1"),
    ("cancel", "woke: due / two minutes late", "follow 1 1 +25s | GET payment_intents/pi_1"),

    // Money that came in is credited, whatever was believed before. A success without money opens nothing again.
    ("customer; customer, last; @attaches; @charges; @looks; @follows; @actions; cancel; @over", "announced: succeeded", "credited | credit 500 usd pi_1"),
    ("customer; customer, last; @attaches; @charges; @looks; @follows; @actions; cancel", "announced: nothing received", "follow 0 0 +30s"),
];
