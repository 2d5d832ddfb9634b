//! Which requests may be sent to the origin while their debit is still under way (`speculative = true` on a route).
//!
//! Kept true here: only a client that this isolate has just seen pay, and only a few at once: whoever is refused makes
//! the origin work for nothing once, and then no more until it has paid again. The answer is for the caller to hold back.

use std::collections::HashMap;

use stripe402_core::protocol::ClientId;

use super::Memory;
use crate::ledger::Millis;

/// How long a client counts as one that pays.
const PAID_WITHIN: i64 = 60_000;
/// How many clients are remembered.
const CLIENTS: usize = 2_000;
/// How many requests of one client may be ahead of their debits.
const AT_ONCE: usize = 4;

/// The clients that pay, and how many requests of theirs are ahead.
#[derive(Debug)]
pub struct Ahead {
    paying: Memory<ClientId, ()>,
    /// When each began. One that was cut off is never decided: it counts for as long as one pays.
    running: HashMap<ClientId, Vec<Millis>>,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { paying: Memory::new(CLIENTS, PAID_WITHIN), running: HashMap::new() }
    }
}

impl Ahead {
    /// Whether a request of this client may go ahead now. If so it counts until [`Ahead::decided`].
    pub fn starts(&mut self, client: &ClientId, now: Millis) -> bool {
        if self.paying.get(client, now).is_none() {
            return false;
        }
        if self.running.len() >= CLIENTS {
            self.running.retain(|_, begun| begun.iter().any(|at| now.since(*at) < PAID_WITHIN));
        }
        let running = self.running.entry(client.clone()).or_default();
        running.retain(|at| now.since(*at) < PAID_WITHIN);
        if running.len() >= AT_ONCE {
            return false;
        }
        running.push(now);
        true
    }

    /// The debit of a request that went ahead was made or refused.
    pub fn decided(&mut self, client: &ClientId) {
        if let Some(running) = self.running.get_mut(client) {
            running.pop();
            if running.is_empty() {
                self.running.remove(client);
            }
        }
    }

    /// A client has paid.
    pub fn paid(&mut self, client: &ClientId, now: Millis) {
        self.paying.put(client.clone(), (), now);
    }

    /// A client was refused.
    pub fn refused(&mut self, client: &ClientId) {
        self.paying.remove(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> ClientId {
        ClientId::derive(&[number; 32], "fingerprint")
    }

    #[test]
    fn only_who_has_just_paid_goes_ahead() {
        let mut ahead = Ahead::default();
        assert!(!ahead.starts(&client(1), Millis(0)));
        ahead.paid(&client(1), Millis(0));
        assert!(ahead.starts(&client(1), Millis(59_999)));
        assert!(
            !ahead.starts(&client(1), Millis(60_000)),
            "a minute later it has to show again that it pays"
        );
        assert!(!ahead.starts(&client(2), Millis(1)), "each client for itself");
    }

    #[test]
    fn who_is_refused_goes_ahead_no_more() {
        let mut ahead = Ahead::default();
        ahead.paid(&client(1), Millis(0));
        assert!(ahead.starts(&client(1), Millis(1)));
        ahead.decided(&client(1));
        ahead.refused(&client(1));
        assert!(!ahead.starts(&client(1), Millis(2)));
        ahead.paid(&client(1), Millis(3));
        assert!(ahead.starts(&client(1), Millis(4)));
    }

    #[test]
    fn four_at_once_and_a_decision_makes_room_for_the_next() {
        let mut ahead = Ahead::default();
        ahead.paid(&client(1), Millis(0));
        ahead.paid(&client(2), Millis(0));
        for _ in 0..4 {
            assert!(ahead.starts(&client(1), Millis(1)));
        }
        assert!(!ahead.starts(&client(1), Millis(1)));
        assert!(ahead.starts(&client(2), Millis(1)));
        ahead.decided(&client(1));
        assert!(ahead.starts(&client(1), Millis(1)));
        assert!(!ahead.starts(&client(1), Millis(1)));
        for _ in 0..4 {
            ahead.decided(&client(1));
        }
        ahead.decided(&client(2));
        assert!(ahead.running.is_empty(), "nothing is left behind");
        ahead.decided(&client(1));
    }

    #[test]
    fn requests_that_were_cut_off_do_not_count_for_ever() {
        let mut ahead = Ahead::default();
        ahead.paid(&client(1), Millis(0));
        for _ in 0..4 {
            assert!(ahead.starts(&client(1), Millis(1)));
        }
        ahead.paid(&client(1), Millis(59_000));
        assert!(!ahead.starts(&client(1), Millis(60_000)));
        assert!(ahead.starts(&client(1), Millis(60_001)));
    }
}
