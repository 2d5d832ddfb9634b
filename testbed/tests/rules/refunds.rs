//! §7: refunds; §6: how disputes move.

use serde_json::{Value, json};

use crate::client::{Bed, Reply, Row, prove};

fn refund(bed: &Bed, intent: &str, more: &[(&str, &str)]) -> Reply {
    bed.post("/v1/refunds", &[&[("payment_intent", intent)], more].concat())
}

/// The types of the events after the payment.
fn since_payment(bed: &Bed) -> Vec<String> {
    let events = bed.events();
    let paid = events.iter().rposition(|kind| kind == "payment_intent.succeeded").unwrap();
    events[paid + 1..].to_vec()
}

fn dispute(bed: &Bed, intent: &str, status: &str) -> Value {
    bed.order("/disputes", &json!({"payment_intent": intent, "status": status}))
}

const ROWS: &[Row] = &[
    ("§7 row 1: by payment_intent or charge; amount left out means all that is left", |bed| {
        let paid = bed.paid("pm_card_visa");
        let first = refund(bed, &paid.id(), &[("amount", "200"), ("metadata[why]", "test")]).expect(200);
        assert_eq!((&first["amount"], &first["metadata"]["why"]), (&json!(200), &json!("test")));
        let charge = paid["latest_charge"].as_str().unwrap();
        let rest =
            bed.post("/v1/refunds", &[("charge", charge), ("reason", "requested_by_customer")]).expect(200);
        assert_eq!((&rest["amount"], &rest["payment_intent"]), (&json!(300), &json!(paid.id())));
        let charge = bed.get(&format!("/v1/charges/{charge}?expand[]=refunds"));
        assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(500), &json!(true)));
        assert_eq!(charge["refunds"]["data"].as_array().unwrap().len(), 2);
        bed.post("/v1/refunds", &[]).refused(
            400,
            Some("parameter_missing"),
            None,
            "payment_intent or charge",
        );
        refund(bed, &paid.id(), &[("reason", "bored")]).refused(400, None, Some("reason"), "must be one of");
    }),
    (
        "§7 row 1: partial refunds up to the charge, listed by payment, with charge.refunded cumulative",
        |bed| {
            let paid = bed.paid("pm_card_visa");
            for amount in ["100", "150"] {
                refund(bed, &paid.id(), &[("amount", amount)]).expect(200);
            }
            let other = bed.paid("pm_card_visa");
            refund(bed, &other.id(), &[]).expect(200);
            let listed = bed.get(&format!("/v1/refunds?payment_intent={}", paid.id())).expect(200);
            let amounts: Vec<i64> = listed["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["amount"].as_i64().unwrap())
                .collect();
            assert_eq!(amounts, [150, 100]);
            let state = bed.state();
            let totals: Vec<i64> = state["events"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|event| event["type"] == "charge.refunded")
                .map(|event| event["data"]["object"]["amount_refunded"].as_i64().unwrap())
                .collect();
            assert_eq!(totals, [100, 250, 500]);
        },
    ),
    ("§7 row 2: already refunded, over the rest, nothing paid, unknown", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        refund(bed, &paid, &[("amount", "400")]).expect(200);
        refund(bed, &paid, &[("amount", "101")]).refused(
            400,
            None,
            Some("amount"),
            "Refund amount ($1.01 usd) is greater than unrefunded amount on charge ($1.00 usd)",
        );
        refund(bed, &paid, &[("amount", "0")]).refused(
            400,
            Some("parameter_invalid_integer"),
            Some("amount"),
            "",
        );
        refund(bed, &paid, &[]).expect(200);
        refund(bed, &paid, &[]).refused(
            400,
            Some("charge_already_refunded"),
            None,
            "has already been refunded",
        );
        let waiting = bed.paid("pm_card_authenticationRequired").id();
        refund(bed, &waiting, &[]).refused(
            400,
            None,
            Some("payment_intent"),
            "does not have a successful charge",
        );
        refund(bed, "pi_none", &[]).refused(400, Some("resource_missing"), Some("payment_intent"), "pi_none");
        assert_eq!(bed.count("refunds"), 2);
    }),
    ("§7 row 2: what the bank has taken back cannot be refunded; an inquiry can", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        dispute(bed, &paid, "needs_response");
        refund(bed, &paid, &[]).refused(400, Some("charge_disputed"), None, "charged back");
        let inquired = bed.paid("pm_card_visa").id();
        assert_eq!(dispute(bed, &inquired, "warning_needs_response")["is_charge_refundable"], true);
        refund(bed, &inquired, &[]).expect(200);
    }),
    ("§7 row 3: a refund's statuses; with an idempotency key there is one refund", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        let fields = [("payment_intent", paid.as_str()), ("amount", "100")];
        let made = bed.keyed("r", "/v1/refunds", &fields).unwrap().expect(200).id();
        assert_eq!(bed.keyed("r", "/v1/refunds", &fields).unwrap().id(), made);
        for status in ["pending", "requires_action", "failed", "canceled", "succeeded"] {
            let moved = bed.order("/refunds", &json!({"refund": made, "status": status}));
            assert_eq!(moved["status"], status);
            assert_eq!(moved["failure_reason"].as_str(), (status == "failed").then_some("unknown"));
            assert_eq!(bed.get(&format!("/v1/refunds/{made}"))["status"], status);
            let taken = matches!(status, "pending" | "requires_action" | "succeeded");
            let refunded = bed.state()["charges"][0]["amount_refunded"].as_i64().unwrap();
            assert_eq!(refunded, if taken { 100 } else { 0 }, "{status}");
        }
    }),
    ("§7 row 4: a refund that succeeded can fail later; then the money can be refunded again", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        let made = refund(bed, &paid, &[]).expect(200).id();
        bed.order("/refunds", &json!({"refund": made, "status": "failed"}));
        assert_eq!(
            since_payment(bed),
            ["refund.created", "charge.refunded", "refund.updated", "charge.refund.updated", "refund.failed"]
        );
        refund(bed, &paid, &[]).expect(200);
    }),
    ("§6: a dispute takes the money, and gives it back when it is won", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        let opened = dispute(bed, &paid, "needs_response");
        assert_eq!(since_payment(bed), ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
        assert_eq!(opened["balance_transactions"][0]["amount"], -500);
        dispute(bed, &paid, "under_review");
        let won = dispute(bed, &paid, "won");
        assert_eq!(
            since_payment(bed)[2..],
            ["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]
        );
        assert_eq!((&won["id"], &won["status"]), (&opened["id"], &json!("won")));
        assert_eq!(won["balance_transactions"].as_array().unwrap().len(), 2);
        dispute(bed, &paid, "won");
        assert_eq!(since_payment(bed).len(), 5, "the same status again is no news");
    }),
    ("§6: a lost dispute keeps the money; an inquiry never takes it, unless it escalates", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        dispute(bed, &paid, "lost");
        assert_eq!(
            since_payment(bed),
            ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
        );
        let closed = bed.paid("pm_card_visa").id();
        dispute(bed, &closed, "warning_needs_response");
        dispute(bed, &closed, "warning_closed");
        assert_eq!(since_payment(bed), ["charge.dispute.created", "charge.dispute.closed"]);
        let escalated = bed.paid("pm_card_visa").id();
        dispute(bed, &escalated, "warning_needs_response");
        dispute(bed, &escalated, "needs_response");
        assert_eq!(
            since_payment(bed),
            ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"]
        );
        let prevented = bed.paid("pm_card_visa").id();
        assert_eq!(dispute(bed, &prevented, "prevented")["balance_transactions"], json!([]));
    }),
    ("§6: a payment can have several disputes, of other amounts; they are listed by payment", |bed| {
        let paid = bed.paid("pm_card_visa").id();
        let first = bed
            .order("/disputes", &json!({"payment_intent": paid, "status": "needs_response", "amount": 300}));
        let second = bed.order(
            "/disputes",
            &json!({"payment_intent": paid, "status": "needs_response", "amount": 200, "another": true}),
        );
        assert_eq!((&first["amount"], &second["amount"]), (&json!(300), &json!(200)));
        bed.order("/disputes", &json!({"dispute": first["id"], "status": "won"}));
        let listed = bed.get(&format!("/v1/disputes?payment_intent={paid}")).expect(200);
        let statuses: Vec<&str> =
            listed["data"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["needs_response", "won"]);
        let whole =
            bed.get(&format!("/v1/disputes/{}?expand[]=payment_intent", first["id"].as_str().unwrap()));
        assert_eq!(whole.expect(200)["payment_intent"]["id"], paid.as_str());
    }),
];

#[test]
fn refunds_and_disputes() {
    prove(ROWS);
}
