//! The command line's grammar.

use super::money::{Allowance, Amount};
use crate::protocol::PaymentMethodId;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Pays for HTTP requests that answer 402, by the stripe402 protocol, within limits.
///
/// The first payment charges a card for a few dollars of credits; the requests that follow are paid from those. What may
/// be spent is in the configuration (`stripe402 config`); flags can only tighten it. Without a configuration, flags in
/// another currency than dollars need its --max-top-up.
#[derive(Debug, Parser)]
#[command(
    name = "stripe402",
    version,
    max_term_width = 100,
    after_help = "Exit codes: see `stripe402 man`, section EXIT STATUS."
)]
pub(crate) struct Args {
    /// Say results and errors as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing beside the result
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Another configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// GET a URL, and pay for it if it costs something
    Get {
        url: String,
        #[command(flatten)]
        request: Message,
        #[command(flatten)]
        pay: Pay,
    },
    /// POST to a URL, and pay for it if it costs something
    Post {
        url: String,
        #[command(flatten)]
        request: Message,
        #[command(flatten)]
        pay: Pay,
    },
    /// Send any request, and pay for it if it costs something
    Request {
        url: String,
        /// The method
        #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
        method: String,
        #[command(flatten)]
        request: Message,
        #[command(flatten)]
        pay: Pay,
    },
    /// Say what a request costs, without paying. It is sent: if it is free, it has its effect
    Quote {
        url: String,
        /// The method
        #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
        method: String,
        #[command(flatten)]
        request: Message,
    },
    /// Say how much credit is left at a server
    Balance {
        url: String,
        /// Only this currency
        #[arg(long)]
        currency: Option<String>,
    },
    /// List what was paid at a server, newest first
    Statement {
        url: String,
        #[command(flatten)]
        page: Page,
    },
    /// Try the ways around a paywall on a deployment of your own
    Check(Check),
    /// Look at a server's health: configuration, keys, webhook, card payments
    Doctor {
        url: String,
        /// Ask Stripe for a payment method of a test card, to see whether `--card` works (needs a priced URL and a test
        /// key)
        #[arg(long)]
        tokenization: bool,
    },
    /// Show or change what this program keeps
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script
    Completions { shell: clap_complete::Shell },
    /// Print the manual page (roff)
    Man,
}

/// What is sent, as curl has it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Message {
    /// A header, "Name: value"; may be given more than once
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body; @FILE reads it from a file, @- from standard input
    #[arg(short, long, value_name = "DATA")]
    pub(crate) data: Option<String>,
    /// Write the answer's body into a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Show status and headers of the answer, too
    #[arg(short, long)]
    pub(crate) include: bool,
    /// Give up after so many seconds without a byte
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) timeout: u64,
}

/// What it is paid with, and within which limits.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Pay {
    /// A payment method of Stripe's
    #[arg(long, value_name = "pm_…", env = "STRIPE402_PAYMENT_METHOD", value_parser = PaymentMethodId::parse, hide_env_values = true)]
    pub(crate) payment_method: Option<PaymentMethodId>,
    /// Ask for a card (or take STRIPE402_CARD_NUMBER, _EXPIRY and _CVC), have Stripe make a payment method of it, and use
    /// that instead of any other
    #[arg(long)]
    pub(crate) card: bool,
    /// How much to charge the card for credits, instead of the smallest that the server takes
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) top_up: Option<Amount>,
    /// The most that the request may cost
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) max_price: Option<Amount>,
    /// The most that the card may be charged
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) max_top_up: Option<Amount>,
    /// The most that all requests together may cost: AMOUNT, AMOUNT/hour, /day (as without) or /month
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) budget: Vec<Allowance>,
    /// The most that cards may be charged in all, likewise
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) top_up_budget: Vec<Allowance>,
    /// Say what would be paid, and whether it is allowed; pay nothing. The request is sent as by `quote`
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which entries.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Page {
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// Those before this one: the `next` of the page before
    #[arg(long, value_name = "NEXT")]
    pub(crate) before: Option<String>,
    /// Only this currency
    #[arg(long)]
    pub(crate) currency: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Check {
    /// The deployment: https://api.example
    pub(crate) url: String,
    /// What has a price: "METHOD /path", separated by commas; without it, the priced routes of wrangler.toml
    pub(crate) paths: Option<String>,
    /// Where to read the routes
    #[arg(long, value_name = "FILE", default_value = "wrangler.toml")]
    pub(crate) wrangler: PathBuf,
    /// Of which [env.NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// At most so many requests
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) most: u32,
    /// At most so many requests a second
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) rate: u32,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Config {
    /// Show the limits, what was spent, and where credits are
    Show,
    /// Show where the files are
    Path,
    /// Write a configuration to start from
    Init,
    /// Forget the client id of a server: its credits can then be reached with the card only
    Forget { url: String },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_holds_together() {
        Args::command().debug_assert();
    }
}
