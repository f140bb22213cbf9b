use std::time::Duration;

/// Durations along a logarithmic axis, from one power of ten to another.
pub(super) struct LogAxis {
    left: f64,
    width: f64,
    /// Powers of ten, of seconds.
    first: i32,
    last: i32,
}

impl LogAxis {
    /// The durations must not be zero.
    pub(super) fn spanning(left: f64, width: f64, least: Duration, most: Duration) -> Self {
        let power = |duration: Duration| duration.as_secs_f64().log10();
        #[expect(clippy::cast_possible_truncation, reason = "between -9 and 20")]
        let (first, end) = (power(least).floor() as i32, power(most).ceil() as i32);
        Self { left, width, first, last: end.max(first + 1) }
    }

    /// Where it lies. What is below the axis lies at its beginning.
    pub(super) fn x(&self, duration: Duration) -> f64 {
        self.x_of(duration.as_secs_f64().log10())
    }

    /// Each power of ten, as a label, and where it lies.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        (self.first..=self.last).map(|power| (self.x_of(f64::from(power)), label(power)))
    }

    /// How many parts it has, of which ten make a power of ten.
    pub(super) fn parts(&self) -> usize {
        usize::try_from((self.last - self.first) * 10).unwrap_or(0)
    }

    /// In which of them a duration lies.
    pub(super) fn part(&self, duration: Duration) -> usize {
        let at = (duration.as_secs_f64().log10() - f64::from(self.first)) * 10.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number there is"
        )]
        let part = at as usize;
        part.min(self.parts() - 1)
    }

    fn x_of(&self, power: f64) -> f64 {
        let share = (power - f64::from(self.first)) / f64::from(self.last - self.first);
        self.left + self.width * share.clamp(0.0, 1.0)
    }
}

fn label(power: i32) -> String {
    let (unit, zeros) = match power {
        ..=-7 => ("ns", power + 9),
        -6..=-4 => ("µs", power + 6),
        -3..=-1 => ("ms", power + 3),
        _ => ("s", power),
    };
    format!("{} {unit}", 10_u64.pow(zeros.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis() -> LogAxis {
        LogAxis::spanning(100.0, 300.0, Duration::from_micros(150), Duration::from_millis(40))
    }

    #[test]
    fn axis_spans_whole_powers_of_ten() {
        let ticks: Vec<_> = axis().ticks().collect();
        let labels: Vec<_> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["100 µs", "1 ms", "10 ms", "100 ms"]);
        for ((x, _), expected) in ticks.iter().zip([100.0, 200.0, 300.0, 400.0]) {
            assert!((x - expected).abs() < 1e-9);
        }
        assert!((axis().x(Duration::from_millis(1)) - 200.0).abs() < 1e-9);
        assert!((axis().x(Duration::ZERO) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn every_duration_has_its_part() {
        let axis = axis();
        assert_eq!(axis.parts(), 30);
        for (micros, part) in [(1, 0), (101, 0), (1_001, 10), (99_000, 29), (5_000_000, 29)] {
            assert_eq!(axis.part(Duration::from_micros(micros)), part, "{micros}");
        }
    }
}
