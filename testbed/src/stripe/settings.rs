//! What a test can switch, by `POST /_testbed/settings`.

use serde::{Deserialize, Serialize};

/// The switches; a request changes the ones it names.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether card numbers are accepted under a publishable key.
    pub(crate) publishable_key_tokenization: bool,
    /// Pauses between the attempts to deliver an event; one attempt more than there are pauses.
    pub(crate) webhook_backoff_ms: Vec<u64>,
    /// The pause before the first attempt.
    pub(crate) webhook_delay_ms: u64,
    /// How often each event is delivered over and above the one time; duplicates keep the event's id.
    pub(crate) webhook_duplicates: u32,
    /// No event is delivered on its own while this is set; `/_testbed/webhooks/send` still works.
    pub(crate) webhooks_paused: bool,
    /// How long "later" is: disputes of dispute cards, refunds that fail or pend. Nothing means never.
    pub(crate) later_ms: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            publishable_key_tokenization: false,
            webhook_backoff_ms: vec![50, 200, 500, 1000],
            webhook_delay_ms: 0,
            webhook_duplicates: 0,
            webhooks_paused: false,
            later_ms: Some(200),
        }
    }
}
