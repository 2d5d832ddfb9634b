//! `completions` and `man`.

use super::args::Args;
use super::exit::{Exit, Failed};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "stripe402", &mut script);
    print(&script)
}

/// Prints the manual page, with those of all commands in it.
pub(crate) fn man() -> Result<Exit, Failed> {
    let page = page().map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
    print(&page)
}

fn page() -> std::io::Result<Vec<u8>> {
    let command = Args::command().after_help("");
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        // Each as a part of this page: its synopsis and its options.
        let mut part = Vec::new();
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut part)?;
        man.render_synopsis_section(&mut part)?;
        man.render_options_section(&mut part)?;
        let part = String::from_utf8_lossy(&part).replace(".SH SYNOPSIS\n", ".PP\n");
        let part = part.replace(".SH OPTIONS\n", "").replace(".SH DESCRIPTION\n", "");
        writeln!(page, ".SS stripe402 {}\n{part}", sub.get_name())?;
    }
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    for exit in Exit::ALL {
        writeln!(page, ".TP\n.B {}\n{}", exit.code(), exit.meaning())?;
    }
    writeln!(
        page,
        ".SH ENVIRONMENT\n.TP\n.B STRIPE402_PAYMENT_METHOD\nPays where neither \\-\\-payment\\-method nor \\-\\-card is \
         given.\n.TP\n.B STRIPE402_CARD_NUMBER, STRIPE402_CARD_EXPIRY, STRIPE402_CARD_CVC\nThe card of \\-\\-card, instead \
         of being asked for.\n.TP\n.B STRIPE402_HOME\nThe folder of config.toml and books.json.\n.SH FILES\n.TP\n.B \
         config.toml\nWhat may be spent; \\fBstripe402 config init\\fR writes one.\n.TP\n.B books.json\nClient ids, last \
         prices, and what was spent. Whoever can read it can spend the credits: its mode is 0600.\n\
         .PP\n\\fBstripe402 config path\\fR says where they are."
    )?;
    Ok(page)
}

fn print(bytes: &[u8]) -> Result<Exit, Failed> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failed::new(Exit::Local, error.to_string()))
        }
        _ => Ok(Exit::Ok),
    }
}
