use std::time::Duration;

use super::canvas::{Anchor, Canvas};
use super::log_axis::LogAxis;
use crate::distribution::{Distribution, Millis};

/// How late the last acceptance of a revoked key was, in one panel for each state of the machine.
pub(crate) struct Latencies {
    panels: Vec<Panel>,
}

struct Panel {
    title: String,
    late: Distribution,
    goal: Duration,
}

const WIDTH: f64 = 760.0;
const PANEL: f64 = 210.0;
/// For those that came never after the revocation, which no logarithm reaches.
const ZERO: f64 = 40.0;
const AXIS: (f64, f64) = (130.0, 600.0);
const HEIGHT: f64 = 110.0;

impl Latencies {
    pub(crate) const fn new() -> Self {
        Self { panels: Vec::new() }
    }

    pub(crate) fn add(&mut self, title: &str, late: &Distribution, goal: Duration) {
        self.panels.push(Panel { title: title.to_owned(), late: late.clone(), goal });
    }

    pub(crate) fn to_svg(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "there are a few")]
        let height = PANEL * self.panels.len() as f64 + 30.0;
        let mut canvas = Canvas::new(WIDTH, height);
        let all = || self.panels.iter().flat_map(|panel| panel.late.sorted());
        let least = all().copied().filter(|late| !late.is_zero()).min();
        // What is shorter than a tenth of a millisecond is not told apart by the watch.
        let least = least.unwrap_or_default().clamp(FINEST, Duration::from_millis(1));
        let most = all().copied().max().unwrap_or_default().max(Duration::from_millis(100));
        let axis = LogAxis::spanning(AXIS.0, AXIS.1, least, most);
        let mut top = 0.0;
        for panel in &self.panels {
            panel.draw(&mut canvas, &axis, top);
            top += PANEL;
        }
        let caption = "from the return of `revoke` to the last verification, on any node, that \
                       was accepted";
        canvas.text("soft", Anchor::Start, (ZERO, height - 10.0), caption);
        canvas.finish("How long after its revocation a key was accepted last")
    }
}

const FINEST: Duration = Duration::from_micros(100);

impl Panel {
    fn draw(&self, canvas: &mut Canvas, axis: &LogAxis, top: f64) {
        let base = top + 60.0 + HEIGHT;
        let title = format!("{}: {}", self.title, self.late);
        canvas.text("title", Anchor::Start, (ZERO, top + 24.0), title);
        let (never, parts) = self.shares(axis);
        let most = parts.iter().copied().fold(never, f64::max).max(f64::MIN_POSITIVE);
        let mut bar = |x: f64, width: f64, share: f64| {
            let height = HEIGHT * share / most;
            canvas.rectangle("bar", x + 0.5, base - height, width - 1.0, height);
        };
        let width = AXIS.1 / f64::from(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        bar(ZERO, ZERO, never);
        let mut x = AXIS.0;
        for share in parts {
            bar(x, width, share);
            x += width;
        }
        draw_axis(canvas, axis, never, base);
        self.draw_marks(canvas, axis, base);
    }

    fn draw_marks(&self, canvas: &mut Canvas, axis: &LogAxis, base: f64) {
        let top = base - HEIGHT - 6.0;
        let goal = axis.x(self.goal);
        canvas.line("goal", (goal, base), (goal, top + 12.0));
        let label = format!("goal for p99: {}", Millis(self.goal));
        canvas.text("soft", Anchor::Middle, (goal, base + 30.0), label);
        let marks = [
            ("p50", self.late.percentile(50)),
            ("p99", self.late.percentile(99)),
            ("maximum", self.late.most()),
        ];
        // Labels that would overlap are pushed to the right, and where that has an end, up.
        let mut free = 0.0_f64;
        for (name, at) in marks {
            if at.is_zero() {
                continue;
            }
            let x = axis.x(at);
            canvas.line("mark", (x, base), (x, top));
            let (label, room) =
                (x.max(free) + 3.0, 7.5 * f64::from(u8::try_from(name.len()).unwrap_or(0)));
            if label + room > WIDTH {
                canvas.text("", Anchor::End, (x - 3.0, top - 10.0), name);
            } else {
                canvas.text("", Anchor::Start, (label, top + 2.0), name);
            }
            free = label + room;
        }
    }

    /// Of those never accepted afterwards, and of each part of the axis.
    fn shares(&self, axis: &LogAxis) -> (f64, Vec<f64>) {
        let mut parts = vec![0_u32; axis.parts()];
        let mut never = 0_u32;
        for late in self.late.sorted() {
            if late.is_zero() {
                never += 1;
            } else {
                parts[axis.part(*late)] += 1;
            }
        }
        let all = f64::from(never + parts.iter().sum::<u32>()).max(1.0);
        let share = |count: u32| f64::from(count) / all;
        (share(never), parts.into_iter().map(share).collect())
    }
}

fn draw_axis(canvas: &mut Canvas, axis: &LogAxis, never: f64, base: f64) {
    canvas.line("mark", (ZERO, base), (2.0 * ZERO, base));
    canvas.text("soft", Anchor::Middle, (1.5 * ZERO, base + 16.0), "never");
    canvas.text(
        "soft",
        Anchor::Middle,
        (1.5 * ZERO, base + 30.0),
        format_args!("{:.0} %", never * 100.0),
    );
    canvas.line("mark", (AXIS.0, base), (AXIS.0 + AXIS.1, base));
    for (x, label) in axis.ticks() {
        canvas.line("mark", (x, base), (x, base + 4.0));
        canvas.text("soft", Anchor::Middle, (x, base + 16.0), label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revocation_is_in_one_bar() {
        let millis = [0, 0, 1, 2, 2, 30].map(Duration::from_millis);
        let late = Distribution::of(millis.to_vec());
        let panel = Panel { title: "idle".into(), late, goal: Duration::from_millis(2) };
        let axis = LogAxis::spanning(0.0, 100.0, FINEST, Duration::from_millis(100));
        let (never, parts) = panel.shares(&axis);
        assert!((never - 2.0 / 6.0).abs() < 1e-9);
        assert!((never + parts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn chart_without_figures_is_drawn_all_the_same() {
        let mut chart = Latencies::new();
        chart.add("idle", &Distribution::default(), Duration::from_millis(2));
        assert!(chart.to_svg().ends_with("</svg>\n"));
        assert!(!chart.to_svg().contains("NaN"));
    }
}
