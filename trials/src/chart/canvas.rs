use std::fmt::{Display, Write};

/// An SVG that grows. Colours are by class, so that they follow the page's.
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text begins, ends or has its middle.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Contrasts of 4.5 and more for text, of 3 and more for shapes (WCAG 2.2, 1.4.3 and 1.4.11), on
/// either ground.
const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1f2328}\
.title{font-weight:600;font-size:14px}\
.soft{fill:#59636e}\
.paper{fill:#fff}\
.grid{stroke:#d1d9e0;fill:none}\
.mark{stroke:#1f2328;fill:none}\
.goal{stroke:#59636e;stroke-dasharray:4 3;fill:none}\
.bar{fill:#0969da}\
.accepted{fill:#1a7f37}\
.refused{fill:#cf222e}\
.unavailable{fill:#bf8700}\
.fault{fill:#818b98;fill-opacity:.22}\
@media(prefers-color-scheme:dark){\
text{fill:#f0f6fc}\
.soft{fill:#9198a1}\
.paper{fill:#0d1117}\
.grid{stroke:#3d444d}\
.mark{stroke:#f0f6fc}\
.goal{stroke:#9198a1}\
.bar{fill:#4493f8}\
.accepted{fill:#3fb950}\
.refused{fill:#f85149}\
.unavailable{fill:#d29922}\
}";

impl Canvas {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn rectangle(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        self.element(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>"
        ));
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.element(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    pub(super) fn text(&mut self, class: &str, anchor: Anchor, at: (f64, f64), text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = at;
        let text = text.to_string().replace('&', "&amp;").replace('<', "&lt;");
        self.element(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}\
             </text>"
        ));
    }

    /// The whole, described in words for those who do not see it.
    pub(super) fn finish(self, description: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{description}</title>\n\
             <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
             {body}</svg>\n"
        )
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes whatever is written to it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.text("soft", Anchor::Start, (1.0, 2.0), "a < b & c");
        let svg = canvas.finish("none");
        assert!(svg.contains(">a &lt; b &amp; c</text>"), "{svg}");
    }
}
