use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::failure::Failure;
use crate::node_process::NodeProcess;
use crate::protocol::StoreFault;

/// Something that breaks around a node, and is mended later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is stopped, as by a debugger or a hypervisor.
    Paused,
    /// The time of day is set, forward or back, by so many microseconds; and back again.
    ClockStepped(i64),
    /// The store's hints get lost.
    Silent,
    /// The store answers by errors.
    Unavailable,
    /// The store answers nothing.
    Hanging,
}

impl Fault {
    pub(super) fn draw(random: &mut StdRng) -> Self {
        match random.random_range(0..5) {
            0 => Self::Paused,
            1 => {
                let micros = random.random_range(100_000..3_600_000_000_i64);
                Self::ClockStepped(if random.random() { micros } else { -micros })
            }
            2 => Self::Silent,
            3 => Self::Unavailable,
            _ => Self::Hanging,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Paused => "node paused",
            Self::ClockStepped(..0) => "clock set back",
            Self::ClockStepped(_) => "clock set forward",
            Self::Silent => "notifications lost",
            Self::Unavailable => "store fails",
            Self::Hanging => "store hangs",
        }
    }

    /// Whether the node can't learn anything while it lasts: then it accepts nothing once the bound
    /// has passed.
    pub(super) const fn cuts_off(self) -> bool {
        matches!(self, Self::Unavailable | Self::Hanging)
    }

    pub(super) async fn begin(self, node: &NodeProcess) -> Result<(), Failure> {
        match self {
            Self::Paused => node.pause(),
            Self::ClockStepped(micros) => node.step_clock(micros).await,
            Self::Silent => node.fault(StoreFault::Silent).await,
            Self::Unavailable => node.fault(StoreFault::Unavailable).await,
            Self::Hanging => node.fault(StoreFault::Hanging).await,
        }
    }

    pub(super) async fn end(self, node: &NodeProcess) -> Result<(), Failure> {
        match self {
            Self::Paused => node.resume(),
            Self::ClockStepped(micros) => node.step_clock(-micros).await,
            Self::Silent | Self::Unavailable | Self::Hanging => node.fault(StoreFault::None).await,
        }
    }
}

/// How long a fault lasts: shorter than the bound, or longer.
pub(super) fn span(random: &mut StdRng, bound: Duration) -> Duration {
    bound.mul_f64(random.random_range(0.1..2.5))
}
