//! A small writer of SVG: a few kinds of marks, coordinates to a tenth of a pixel, nothing that is
//! not finite.

use super::colour;
use gradiometer_run::format::FIGURE_START;
use std::fmt::Write as _;

/// A drawing: its size in pixels, its accessible name, its marks.
#[derive(Clone, Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    description: String,
    body: String,
}

/// Text in a form that markup may hold.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Control characters are not allowed in XML.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A coordinate: a tenth of a pixel, without a sign on zero.
pub(crate) fn pixel(x: f64) -> String {
    let text = format!("{x:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn finite(coordinates: &[f64]) -> bool {
    coordinates.iter().all(|x| x.is_finite())
}

/// `M x y L x y ...` through the points, broken where one is not finite.
pub(crate) fn polyline(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let (mut path, mut pen) = (String::new(), false);
    for (x, y) in points {
        if finite(&[x, y]) {
            let _infallible =
                write!(path, "{}{} {}", if pen { "L" } else { "M" }, pixel(x), pixel(y));
        }
        pen = finite(&[x, y]);
    }
    path
}

impl Svg {
    /// An empty drawing; the title is its accessible name, the description says what it shows.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        Self {
            width,
            height,
            title: title.to_owned(),
            description: description.to_owned(),
            body: String::new(),
        }
    }

    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        if finite(&[x1, y1, x2, y2]) {
            let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(pixel);
            let _infallible = writeln!(
                self.body,
                "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
            );
        }
    }

    pub(crate) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        if finite(&[x, y, radius]) {
            let [x, y, radius] = [x, y, radius].map(pixel);
            let _infallible = writeln!(
                self.body,
                "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"
            );
        }
    }

    pub(crate) fn rectangle(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
    ) {
        if finite(&[x, y, width, height]) {
            let [x, y, width, height] = [x, y, width, height].map(pixel);
            let _infallible = writeln!(
                self.body,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            );
        }
    }

    /// A path of drawing commands; an empty one is no mark.
    pub(crate) fn path(&mut self, class: &str, commands: &str) {
        if !commands.is_empty() {
            let _infallible = writeln!(self.body, "<path class=\"{class}\" d=\"{commands}\"/>");
        }
    }

    /// Text with its left end, or with the classes `m` and `e` its middle or right end, at a place.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        self.label(class, (x, y), &escape(text));
    }

    /// The same for text that is markup already.
    pub(crate) fn label(&mut self, class: &str, (x, y): (f64, f64), markup: &str) {
        if finite(&[x, y]) {
            let [x, y] = [x, y].map(pixel);
            let _infallible =
                writeln!(self.body, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{markup}</text>");
        }
    }

    /// Text from bottom to top around a place.
    pub(crate) fn vertical_text(&mut self, (x, y): (f64, f64), text: &str) {
        if finite(&[x, y]) {
            let [x, y] = [x, y].map(pixel);
            let text = escape(text);
            let _infallible = writeln!(
                self.body,
                "<text class=\"m\" transform=\"translate({x} {y}) rotate(-90)\">{text}</text>"
            );
        }
    }

    /// A group with attributes, to be closed.
    pub(crate) fn open(&mut self, attributes: &str) {
        let _infallible = writeln!(self.body, "<g {attributes}>");
    }

    /// The group of an id once more, moved.
    pub(crate) fn again(&mut self, id: &str, (dx, dy): (f64, f64)) {
        let [dx, dy] = [dx, dy].map(pixel);
        let _infallible =
            writeln!(self.body, "<use href=\"#{id}\" transform=\"translate({dx} {dy})\"/>");
    }

    pub(crate) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// A group of which only what is in the region shows, to be closed; the name is unique among
    /// the figures of a page.
    pub(crate) fn open_clipped(&mut self, name: &str, region: &str) {
        let _infallible = writeln!(
            self.body,
            "<clipPath id=\"{name}\">{region}</clipPath>\n<g clip-path=\"url(#{name})\">"
        );
    }

    /// The marks drawn so far.
    #[cfg(test)]
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// The element for a page, with ids that begin with `id`.
    pub(crate) fn inline(&self, id: &str) -> String {
        self.element(id, "")
    }

    /// A file of its own.
    pub(crate) fn standalone(&self, id: &str, with_dark: bool) -> String {
        let style = colour::style(with_dark);
        let head = format!(
            "<style>{style}</style>\n<rect class=\"paper\" width=\"{}\" height=\"{}\"/>\n",
            pixel(self.width),
            pixel(self.height)
        );
        self.element(id, &head)
    }

    fn element(&self, id: &str, head: &str) -> String {
        let [width, height] = [self.width, self.height].map(pixel);
        format!(
            "{FIGURE_START} viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n\
             {head}{}</svg>\n",
            escape(&self.title),
            escape(&self.description),
            self.body
        )
    }
}
