//! Payers who ask all the time, and remember every answer that they got.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stripe402_core::protocol::PaymentResponse;
use stripe402_e2e::{Card, Request, Stripe};

/// splitmix64: repeatable.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).expect("below the end")
    }
}

/// One client, with one card.
pub(crate) struct Payer {
    pub(crate) card: Card,
    random: Mutex<Random>,
    /// The receipts of all answers that were paid for.
    pub(crate) receipts: Mutex<Vec<PaymentResponse>>,
    /// How many requests were sent.
    pub(crate) sent: AtomicUsize,
    /// How many were cut off without an answer.
    pub(crate) cut_off: AtomicUsize,
}

impl Payer {
    pub(crate) fn new(stripe: Stripe, nth: usize) -> Self {
        Self {
            card: stripe.card(&format!("payer{nth}")),
            random: Mutex::new(Random(nth as u64)),
            receipts: Mutex::default(),
            sent: AtomicUsize::default(),
            cut_off: AtomicUsize::default(),
        }
    }

    /// Asks once; gives the status, if there was an answer.
    fn asks(&self, address: SocketAddr) -> Option<u16> {
        let choice = self.random.lock().unwrap().below(10);
        let card = &self.card;
        let request = match choice {
            0..=3 => Request::post("/api/translate", "x").payment(card.spends_or_pays()),
            4..=6 => Request::post("/api/translate", "x").payment(card.pays()),
            _ => Request::get("/api/joke").payment(card.spends_or_pays()),
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        let Ok(answer) = request.send(address) else {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        assert!([200, 402, 503].contains(&answer.status), "{answer:?}");
        if answer.status == 200 {
            let receipt = answer.receipt();
            assert!(receipt.success, "{receipt:?}");
            self.receipts.lock().unwrap().push(receipt);
        }
        Some(answer.status)
    }
}

/// Lets everyone ask for a while, two requests at a time each, and then ends it in the middle of that.
pub(crate) fn for_a_while(payers: &[Payer], address: SocketAddr, span: Duration, end: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for payer in payers.iter().chain(payers) {
            let over = &over;
            scope.spawn(move || {
                // A request that was sent before the end waits for its answer; nobody asks a dead Worker again.
                while !over.load(Ordering::Relaxed) {
                    if payer.asks(address).is_none() {
                        thread::sleep(Duration::from_millis(5));
                    }
                }
            });
        }
        thread::sleep(span);
        end();
        over.store(true, Ordering::Relaxed);
    });
}

/// Waits until everyone is served again: whatever was cut off has been finished by then.
pub(crate) fn until_everyone_is_served(payers: &[Payer], address: SocketAddr) {
    let began = Instant::now();
    for payer in payers {
        while payer.asks(address) != Some(200) {
            assert!(
                began.elapsed() < Duration::from_mins(3),
                "{:?} was never served again",
                payer.card.account
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
}
