use std::process::ExitCode;

use crate::failure::{self, Failure};
use crate::step::Step;
use crate::system_need::{self, AXE, BROWSER, SERVERS, VECTORS};
use crate::totals::Totals;
use crate::{lint, package, task};

/// Everything that must hold before a change is merged, and a last line that counts the tests.
///
/// It stops at the first step that fails. The tests are one step, which runs all of them.
pub(crate) fn run() -> ExitCode {
    let mut totals = Totals::default();
    let exit = failure::report(steps(&mut totals));
    println!("{totals}");
    exit
}

fn steps(totals: &mut Totals) -> Result<(), Failure> {
    system_need::provide(&[VECTORS, SERVERS, BROWSER, AXE])?;
    lint::run()?;
    task::docs()?;
    tests(totals)?;
    package::run()
}

fn tests(totals: &mut Totals) -> Result<(), Failure> {
    Step::cargo("tests")
        .words("test --locked --workspace --all-features --no-fail-fast")
        .run_reading(|line| {
            if let Some(counts) = Totals::of_result_line(line) {
                *totals += counts;
            }
        })?;
    if totals.passed == 0 { Err(Failure::NoTests) } else { Ok(()) }
}
