use std::fmt;
use std::time::Duration;

/// Many durations of the same thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    sorted: Vec<Duration>,
}

impl Distribution {
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self { sorted: durations }
    }

    /// The duration that so many hundredths of all do not exceed, by the nearest rank: one that was
    /// measured, never one in between. Zero when there is none.
    pub(crate) fn percentile(&self, percent: u32) -> Duration {
        let rank = (self.sorted.len() * percent as usize).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub(crate) fn most(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// From the shortest to the longest.
    pub(crate) fn sorted(&self) -> &[Duration] {
        &self.sorted
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99] = [50, 99].map(|percent| Millis(self.percentile(percent)));
        write!(f, "p50 {p50}, p99 {p99}, maximum {} of {}", Millis(self.most()), self.len())
    }
}

/// Shown in milliseconds, to the microsecond.
#[derive(Clone, Copy)]
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.0.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl Iterator<Item = u64>) -> Distribution {
        Distribution::of(millis.map(Duration::from_millis).collect())
    }

    #[test]
    fn percentile_is_the_nearest_rank() {
        let hundred = of((1..=100).rev());
        for (percent, millis) in [(1, 1), (50, 50), (99, 99), (100, 100)] {
            assert_eq!(hundred.percentile(percent), Duration::from_millis(millis));
        }
        let three = of([7, 9, 8].into_iter());
        assert_eq!(three.percentile(50), Duration::from_millis(8));
        assert_eq!(three.percentile(99), Duration::from_millis(9));
        assert_eq!(three.to_string(), "p50 8.000 ms, p99 9.000 ms, maximum 9.000 ms of 3");
    }

    #[test]
    fn nothing_is_no_time() {
        assert_eq!(of(std::iter::empty()).percentile(99), Duration::ZERO);
    }
}
