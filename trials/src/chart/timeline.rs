use std::time::Duration;

use super::canvas::{Anchor, Canvas};
use crate::monotonic::Monotonic;
use crate::protocol::{Answer, Segment, Sight};

/// What nodes answered about keys while something was broken.
pub(crate) struct Timeline {
    pub(crate) title: String,
    pub(crate) from: Monotonic,
    pub(crate) to: Monotonic,
    /// What was broken, and from when to when.
    pub(crate) fault: (String, Monotonic, Monotonic),
    /// When the revocation returned, and when no node may honour the key any more.
    pub(crate) revoked: Monotonic,
    pub(crate) bound: Monotonic,
    pub(crate) strips: Vec<Strip>,
}

/// One key on one node.
pub(crate) struct Strip {
    pub(crate) label: String,
    pub(crate) sight: Sight,
}

const WIDTH: f64 = 760.0;
const PLOT: (f64, f64) = (190.0, 550.0);
const TOP: f64 = 62.0;
const ROW: f64 = 30.0;
const STRIP: f64 = 18.0;

impl Timeline {
    pub(crate) fn to_svg(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "there are a few")]
        let bottom = TOP + ROW * self.strips.len() as f64;
        let height = bottom + 74.0;
        let mut canvas = Canvas::new(WIDTH, height);
        canvas.text("title", Anchor::Start, (20.0, 24.0), &self.title);
        let (what, from, to) = &self.fault;
        let (start, end) = (self.x(*from), self.x(*to));
        canvas.rectangle("fault", start, TOP - 8.0, end - start, bottom - TOP + 8.0);
        let middle = f64::midpoint(start, end);
        canvas.text("soft", Anchor::Middle, (middle, TOP - 14.0), what);
        let mut y = TOP;
        for Strip { label, sight } in &self.strips {
            canvas.text("", Anchor::Start, (20.0, y + 13.0), label);
            self.draw(&mut canvas, sight, y);
            y += ROW;
        }
        for (at, class, label) in
            [(self.revoked, "mark", "revoked"), (self.bound, "goal", "the bound after it")]
        {
            let x = self.x(at);
            canvas.line(class, (x, TOP - 8.0), (x, bottom + 4.0));
            canvas.text("", Anchor::Middle, (x, bottom + 18.0), label);
        }
        self.draw_axis(&mut canvas, bottom + 26.0);
        draw_legend(&mut canvas, height - 12.0);
        canvas.finish(&self.title)
    }

    /// An answer stands until another one is given.
    fn draw(&self, canvas: &mut Canvas, sight: &Sight, y: f64) {
        let segments = sight.segments();
        for (number, segment) in segments.iter().enumerate() {
            let end = segments.get(number + 1).map_or(segment.last_ended, given);
            let (start, end) = (self.x(given(segment)), self.x(end));
            canvas.rectangle(class(&segment.answer), start, y, (end - start).max(1.0), STRIP);
        }
    }

    fn draw_axis(&self, canvas: &mut Canvas, y: f64) {
        let mut second = Duration::ZERO;
        while self.from.plus(second) <= self.to {
            let x = self.x(self.from.plus(second));
            canvas.line("mark", (x, y), (x, y + 4.0));
            let label = format!("{} s", second.as_secs());
            canvas.text("soft", Anchor::Middle, (x, y + 17.0), label);
            second += Duration::from_secs(1);
        }
    }

    fn x(&self, at: Monotonic) -> f64 {
        let share = at.since(self.from).as_secs_f64() / self.to.since(self.from).as_secs_f64();
        PLOT.0 + PLOT.1 * share.clamp(0.0, 1.0)
    }
}

/// When nobody can tell, nobody could from the moment of the question on.
fn given(segment: &Segment) -> Monotonic {
    match segment.answer {
        Answer::Unavailable => segment.first_began,
        Answer::Accepted | Answer::Refused(_) => segment.first_ended,
    }
}

const fn class(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted => "accepted",
        Answer::Refused(_) => "refused",
        Answer::Unavailable => "unavailable",
    }
}

fn draw_legend(canvas: &mut Canvas, y: f64) {
    let mut x = PLOT.0;
    for (class, label) in
        [("accepted", "accepted"), ("refused", "refused"), ("unavailable", "cannot tell (503)")]
    {
        canvas.rectangle(class, x, y - 10.0, 12.0, 12.0);
        canvas.text("soft", Anchor::Start, (x + 18.0, y), label);
        x += 110.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_a_stretch_of_its_colour() {
        let from = Monotonic::now();
        let at = |seconds| from.plus(Duration::from_secs(seconds));
        let mut sight = Sight::default();
        for (answer, second) in [
            (Answer::Accepted, 0),
            (Answer::Accepted, 3),
            (Answer::Unavailable, 4),
            (Answer::Refused("revoked".into()), 8),
        ] {
            sight.add(answer, at(second), at(second));
        }
        let timeline = Timeline {
            title: "cut off".into(),
            from,
            to: at(10),
            fault: ("the store hangs".into(), at(1), at(7)),
            revoked: at(2),
            bound: at(7),
            strips: vec![Strip { label: "a key".into(), sight }],
        };
        let svg = timeline.to_svg();
        // From the first acceptance to the first answer of another kind: four tenths of the plot.
        assert!(
            svg.contains(
                "<rect class=\"accepted\" x=\"190.0\" y=\"62.0\" width=\"220.0\" height=\"18.0\"/>"
            ),
            "{svg}"
        );
        assert!(svg.contains("class=\"refused\" x=\"630.0\""), "{svg}");
    }
}
