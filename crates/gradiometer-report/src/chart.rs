//! Charts: two axes, linear or logarithmic, with lines, bands and dots in data coordinates.

use super::figures::{raised, typeset};
use super::svg::{Svg, escape, pixel, polyline};
use gradiometer_hermite::float::{maximum_of, minimum_of};

/// How an axis maps numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// Only positive numbers have a place.
    Log,
}

/// One axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    label: String,
}

/// Decades that a logarithmic axis shows at most, from the top: below, only rounding is left.
const MOST_DECADES: f64 = 24.0;

impl Axis {
    /// An axis over the finite values, positive ones on a logarithmic scale, with a little room;
    /// `None` without any.
    pub(crate) fn over(
        scale: Scale,
        label: &str,
        values: impl IntoIterator<Item = f64>,
    ) -> Option<Self> {
        let places: Vec<f64> =
            values.into_iter().map(|x| scale.place(x)).filter(|x| x.is_finite()).collect();
        let (mut low, mut high) = (minimum_of(places.iter().copied()), maximum_of(places));
        if !(low <= high) {
            return None;
        }
        if scale == Scale::Log && high - low > MOST_DECADES {
            low = high - MOST_DECADES;
        }
        let room = if high > low { 0.04 * (high - low) } else { 0.5 * low.abs() + 0.5 };
        low -= room;
        high += room;
        Some(Self { scale, low, high, label: label.to_owned() })
    }

    /// A linear axis between two numbers.
    pub(crate) fn between(low: f64, high: f64, label: &str) -> Self {
        Self { scale: Scale::Linear, low, high, label: label.to_owned() }
    }

    /// Where in `[0, 1]` a number is; NaN if it has no place.
    pub(crate) fn share(&self, x: f64) -> f64 {
        (self.scale.place(x) - self.low) / (self.high - self.low)
    }

    /// The ends, as numbers.
    pub(crate) fn ends(&self) -> (f64, f64) {
        match self.scale {
            Scale::Linear => (self.low, self.high),
            Scale::Log => (10.0_f64.powf(self.low), 10.0_f64.powf(self.high)),
        }
    }

    /// Places of the ticks with labels that are markup.
    pub(crate) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, most),
            Scale::Log => log_ticks(self.low, self.high, most),
        }
    }
}

impl Scale {
    fn place(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Log if x > 0.0 => x.log10(),
            Self::Log => f64::NAN,
        }
    }
}

/// A minus sign as wide as a digit.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let width = (high - low) / most as f64;
    let decade = 10.0_f64.powf(width.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|f| f * decade).into_iter().find(|s| *s >= width);
    let step = step.unwrap_or(10.0 * decade);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "digits after the point, few"
    )]
    let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let first = (low / step).ceil();
    (0..=most + 1)
        .map(|k| (first + k as f64) * step)
        .take_while(|x| *x <= high)
        .map(|x| {
            let text = format!("{x:.digits$}");
            let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
            (x, if zero { "0".to_owned() } else { minus(&text) })
        })
        .collect()
}

fn log_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let (first, last) = (low.ceil(), high.floor());
    let decades = last - first + 1.0;
    if decades >= 2.0 {
        let step = (decades / most as f64).ceil();
        // Multiples of the step, so that 0 is one.
        let start = (first / step).ceil() * step;
        return (0..most)
            .map(|k| start + k as f64 * step)
            .take_while(|k| *k <= last)
            .map(|k| (10.0_f64.powf(k), power_of_ten(k)))
            .collect();
    }
    let decade = low.floor();
    let ones = [1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 200.0, 500.0];
    let inside: Vec<f64> = ones
        .iter()
        .map(|f| f * 10.0_f64.powf(decade))
        .filter(|x| (low..=high).contains(&x.log10()))
        .collect();
    let every = inside.len().div_ceil(most.max(1)).max(1);
    inside.into_iter().step_by(every).map(|x| (x, plain(x))).collect()
}

/// `10^k` with the exponent raised.
fn power_of_ten(exponent: f64) -> String {
    match exponent {
        0.0..0.5 => "1".to_owned(),
        1.0..1.5 => "10".to_owned(),
        _ => format!("10{}", raised(&format!("{exponent}"))),
    }
}

/// A number with as few digits as tell it.
pub(crate) fn plain(x: f64) -> String {
    let without_zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if x.abs() >= 1e5 || (x.abs() < 1e-3 && x.abs() > 0.0) {
        let text = format!("{x:.4e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return typeset(&format!("{}e{exponent}", without_zeros(mantissa)));
    }
    minus(&without_zeros(&format!("{x:.4}")))
}

/// Size of every chart, pixels.
pub(crate) const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 46.0;
/// Height of a line of the legend.
const LEGEND: f64 = 19.0;

/// What a legend shows beside its text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    Line(&'a str),
    Area(&'a str),
    Dot(&'a str),
}

/// A chart being drawn.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) svg: Svg,
    x: Axis,
    y: Axis,
    top: f64,
    bottom: f64,
}

impl Chart {
    /// Axes, grid and legend; `id` names the region that marks are clipped to.
    pub(crate) fn new(
        (id, title, description): (&str, &str, &str),
        x: Axis,
        y: Axis,
        legend: &[(Key<'_>, &str)],
    ) -> Self {
        let mut svg = Svg::new(WIDTH, HEIGHT, title, description);
        let top = 12.0 + draw_legend(&mut svg, legend);
        let mut chart = Self { svg, x, y, top, bottom: HEIGHT - BOTTOM };
        chart.frame();
        let [left, top, width, height] =
            [LEFT, top, WIDTH - LEFT - RIGHT, chart.bottom - top].map(pixel);
        let region =
            format!("<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>");
        chart.svg.open_clipped(&format!("{id}-area"), &region);
        chart
    }

    fn frame(&mut self) {
        let (right, bottom) = (WIDTH - RIGHT, self.bottom);
        for (value, label) in self.y.ticks(7) {
            let y = self.at_y(value);
            self.svg.line("g", (LEFT, y), (right, y));
            self.svg.label("t e", (LEFT - 8.0, y + 4.0), &label);
        }
        for (value, label) in self.x.ticks(8) {
            let x = self.at_x(value);
            self.svg.line("a", (x, bottom), (x, bottom + 4.0));
            self.svg.label("t m", (x, bottom + 18.0), &label);
        }
        self.svg.line("a", (LEFT, bottom), (right, bottom));
        let (x, y) = (self.x.label.clone(), self.y.label.clone());
        self.svg.text("m", (f64::midpoint(LEFT, right), HEIGHT - 8.0), &x);
        self.svg.vertical_text((15.0, f64::midpoint(self.top, bottom)), &y);
    }

    pub(crate) fn at_x(&self, x: f64) -> f64 {
        LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)
    }

    pub(crate) fn at_y(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y) * (self.bottom - self.top)
    }

    pub(crate) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.at_x(x), self.at_y(y))
    }

    /// A line through points; a point without a place breaks it, and a part of one point is a dot.
    pub(crate) fn line(&mut self, style: usize, points: &[(f64, f64)]) {
        let places: Vec<(f64, f64)> = points.iter().map(|p| self.at(*p)).collect();
        let alone = places.iter().filter(|p| p.0.is_finite() && p.1.is_finite()).count() == 1;
        if alone {
            self.dots(&format!("f{}", style % super::colour::STYLES), points, 3.0);
        } else {
            self.svg.path(&format!("s s{}", style % super::colour::STYLES), &polyline(places));
        }
    }

    /// A line that is not data.
    pub(crate) fn guide(&mut self, class: &str, points: &[(f64, f64)]) {
        self.svg.path(class, &polyline(points.iter().map(|p| self.at(*p))));
    }

    /// The area between two curves `(x, low, high)`; a low end without a place lies at the bottom.
    pub(crate) fn band(&mut self, style: usize, points: &[(f64, f64, f64)]) {
        let floor = self.bottom;
        let at = |x: f64, y: f64| {
            let place = self.at_y(y);
            (self.at_x(x), if place.is_finite() { place } else { floor })
        };
        let upper = points.iter().filter(|p| self.at_y(p.2).is_finite());
        let lower = upper.clone().rev().map(|(x, low, _)| at(*x, *low));
        let path = polyline(upper.map(|(x, _, high)| at(*x, *high)).chain(lower));
        if !path.is_empty() {
            self.svg.path(&format!("b f{}", style % super::colour::STYLES), &(path + "Z"));
        }
    }

    /// A dot at each point that has a place.
    pub(crate) fn dots(&mut self, class: &str, points: &[(f64, f64)], radius: f64) {
        for point in points {
            let place = self.at(*point);
            self.svg.circle(class, place, radius);
        }
    }

    /// A vertical rule.
    pub(crate) fn rule(&mut self, x: f64) {
        let place = self.at_x(x);
        self.svg.line("v", (place, self.top), (place, self.bottom));
    }

    /// Text at a data point, moved by pixels.
    pub(crate) fn note(
        &mut self,
        class: &str,
        point: (f64, f64),
        (dx, dy): (f64, f64),
        text: &str,
    ) {
        let (x, y) = self.at(point);
        self.svg.text(class, (x + dx, y + dy), text);
    }

    /// The drawing.
    pub(crate) fn finish(mut self) -> Svg {
        self.svg.close();
        self.svg
    }
}

/// Draws a legend above the chart and returns its height.
fn draw_legend(svg: &mut Svg, legend: &[(Key<'_>, &str)]) -> f64 {
    let (mut x, mut y) = (LEFT, 18.0);
    for (key, text) in legend {
        // The mean width of a character in the larger type of phones.
        let width = 34.0 + 8.0 * text.chars().count() as f64;
        if x > LEFT && x + width > WIDTH - RIGHT + 6.0 {
            (x, y) = (LEFT, y + LEGEND);
        }
        match key {
            Key::Line(class) => svg.line(class, (x, y - 4.5), (x + 22.0, y - 4.5)),
            Key::Area(class) => svg.rectangle(class, (x, y - 10.0), (22.0, 11.0)),
            Key::Dot(class) => svg.circle(class, (x + 11.0, y - 4.5), 4.0),
        }
        svg.label("", (x + 28.0, y), &escape(text));
        x += width + 8.0;
    }
    if legend.is_empty() { 0.0 } else { y - 18.0 + LEGEND }
}

#[cfg(test)]
mod tests;
