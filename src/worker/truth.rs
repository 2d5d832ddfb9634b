//! What Stripe says about what it announced: an event is a hint, and what it hints at is read.

use super::platform::console_error;
use super::setup::Setup;
use super::stripe_http;
use crate::ledger::account::{Announcement, DisputeFlags};
use crate::stripe::object::{FromJson, List};
use crate::stripe::{API_VERSION, Dispute, PaymentIntent, Refund, Request as StripeRequest, request};

/// What Stripe says about what was announced.
pub(super) enum Truth {
    Intent(PaymentIntent),
    Refunds(PaymentIntent, Vec<Refund>),
    Dispute(PaymentIntent, Dispute, DisputeFlags),
}

impl Truth {
    pub(super) const fn intent(&self) -> &PaymentIntent {
        match self {
            Self::Intent(intent) | Self::Refunds(intent, _) | Self::Dispute(intent, ..) => intent,
        }
    }
}

/// Reads it. None: Stripe could not be asked, or did not answer as it should.
pub(super) async fn truth(setup: &Setup, announcement: &Announcement) -> Option<Truth> {
    let intent = read(setup, &request::retrieve_payment_intent(announcement.intent())).await?;
    match announcement {
        Announcement::Intent { .. } => Some(Truth::Intent(intent)),
        Announcement::Refunds { .. } => {
            let refunds: List<Refund> = read(setup, &request::list_refunds(&intent.id)).await?;
            // A payment of more than a hundred refunds is not booked from its first hundred.
            if refunds.has_more {
                return None;
            }
            Some(Truth::Refunds(intent, refunds.data))
        }
        Announcement::Dispute { dispute, flags, .. } => {
            let dispute = read(setup, &request::retrieve_dispute(dispute)).await?;
            Some(Truth::Dispute(intent, dispute, *flags))
        }
    }
}

async fn read<T: FromJson>(setup: &Setup, request: &StripeRequest) -> Option<T> {
    let reply = stripe_http::send(&setup.settings, request, API_VERSION).await;
    match reply.object(true) {
        Ok(object) => Some(object),
        Err(failure) => {
            let id = reply.request_name();
            console_error(&format!(
                "stripe402: an announcement could not be read at Stripe: {failure} ({id})"
            ));
            None
        }
    }
}
