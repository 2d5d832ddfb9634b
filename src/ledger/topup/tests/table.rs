//! What comes of each pair of state and event. What stands in no row changes nothing.

/// The names that a group stands for; any other name stands for itself.
pub(super) fn groups(name: &str) -> Vec<&str> {
    match name {
        "@charges" => vec!["charge", "charge again", "charge, third", "charge, last", "charge, stored"],
        "@attaches" => vec!["attach", "attach only", "attach anew", "attach again", "attach, last"],
        "@looks" => vec!["look up, early", "look up", "missed, early", "missed"],
        "@follows" => vec!["follow", "follow, refused", "follow, paused"],
        "@actions" => vec!["action", "action, early", "action, same", "action, other"],
        "@over" => vec!["attached", "declined", "refused", "never happened", "canceled"],
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
        "@no answer" => vec!["lost", "500", "429", "401"],
        name => vec![name],
    }
}

/// States, events, what comes of each of these pairs: the state and in how many seconds it wakes, the call, and what
/// else is to be done. Names are separated by `;`, and `what: a / b` is two events.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, &str, &str)] = &[
];
