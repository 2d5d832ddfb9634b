//! A line that breaks after the request was paid for.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stripe402_client::{FileStore, Limits, Outcome, Paying, Policy};

use crate::given::{Folder, USD, client, outcome, shared, units};

/// Passes requests on to a server, and loses the first so many answers to requests that carry a payment.
fn line_that_loses(server: SocketAddr, most: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let lost = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lost);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let lost = Arc::clone(&counted);
            std::thread::spawn(move || pass(client, server, most, &lost));
        }
    });
    (url, lost)
}

fn pass(mut client: TcpStream, server: SocketAddr, most: usize, lost: &AtomicUsize) {
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    // Requests without a body: the head is all.
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => head.extend_from_slice(&byte),
            _ => return,
        }
    }
    let text = String::from_utf8(head).unwrap().replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut upstream = TcpStream::connect(server).unwrap();
    upstream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).unwrap();
    if text.contains("\r\npayment: ") && lost.fetch_add(1, Ordering::SeqCst) < most {
        return drop(client.shutdown(Shutdown::Both));
    }
    drop(client.write_all(&answer));
}

#[tokio::test]
async fn a_lost_answer_to_a_get_is_asked_for_again_and_paid_for_once() {
    let (paywall, folder) = (shared(), Folder::new());
    let card = paywall.stripe().card("lost");
    let store = FileStore::new(folder.join("books.json"));
    let (line, lost) = line_that_loses(paywall.address(), 1);
    let paying = Paying::new(card.method.clone())
        .store(store)
        .policy(Policy::new().limits(USD, Limits::new().max_price(units(100)).max_top_up(units(50_000))));
    let answer = client(&paying).get(format!("{line}/api/joke?lost")).send().await.unwrap();
    // The first delivery was marked when its answer began, so the second is told that it was answered; either way, there
    // is one debit.
    let first = outcome(&answer);
    assert!(matches!(first, Outcome::Paid(_) | Outcome::Rejected), "{} {first:?}", answer.status());
    assert_eq!(lost.load(Ordering::SeqCst), 2, "sent twice, with the payment");
    let answer = client(&paying).get(format!("{line}/api/joke?after")).send().await.unwrap();
    let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!(paid.receipt.unwrap().credits_remaining, units(49_800), "two requests, two debits");
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
}
