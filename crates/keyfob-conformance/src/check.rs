use crate::factory::BoxFuture;
use crate::failure::Outcome;
use crate::stage::Stage;

/// One test of one line of the contract.
pub(crate) struct Check {
    /// The line of the contract.
    pub(crate) contract: u8,
    /// What holds when the check passes.
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Stage) -> BoxFuture<'a, Outcome>,
}

/// Checks, each an `async fn(&Stage) -> Outcome`, under the line of the contract that they are of.
macro_rules! checks {
    ($(contract $contract:literal: $($check:ident),+ $(,)?);+ $(;)?) => {
        &[$($($crate::check::Check {
            contract: $contract,
            name: stringify!($check),
            run: |stage| Box::pin($check(stage)),
        }),+),+]
    };
}

pub(crate) use checks;
