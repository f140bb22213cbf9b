use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Arguments;
use super::failure::Failure;
use super::output;

/// Prints what the shell has to read: `source <(takumo-cloud completions bash)`.
pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    // By way of memory: the generator panics when nobody reads what it writes.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "takumo-cloud", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(())
}
