//! Figures as pixels: the SVG files, drawn by `resvg`. Their text is turned into outlines of a font
//! of our own first, so that the same figure has the same pixels everywhere.

use gradiometer_files::FilesError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use ttf_parser::{Face, OutlineBuilder};

/// Pixels to a pixel of the drawing.
const SCALE: f32 = 2.0;
/// Sizes of text in pixels: with the class `t`, and without.
const SIZES: (f64, f64) = (12.0, 13.0);

/// A rasteriser with its font.
#[derive(Clone, Debug)]
pub(crate) struct Rasteriser {
    face: Face<'static>,
}

impl Rasteriser {
    /// # Errors
    /// The font's, which is in the program.
    pub(crate) fn new() -> Result<Self, ttf_parser::FaceParsingError> {
        Ok(Self { face: Face::parse(dejavu::sans::regular(), 0)? })
    }

    /// The bytes of a PNG file; the path is for the error.
    pub(crate) fn png(&self, path: &Path, svg: &str) -> Result<Vec<u8>, FilesError> {
        let failed = |source: Box<dyn Error + Send + Sync>| FilesError::Encode {
            path: path.to_owned(),
            source,
        };
        let svg = self.outlined(svg).ok_or_else(|| failed("a text without its end".into()))?;
        let tree =
            Tree::from_str(&svg, &Options::default()).map_err(|error| failed(error.into()))?;
        let size = tree.size().to_int_size().scale_by(SCALE).unwrap_or(tree.size().to_int_size());
        let mut pixels = Pixmap::new(size.width(), size.height())
            .ok_or_else(|| failed("no such size".into()))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| failed(error.into()))
    }

    /// A drawing of [`crate::svg::Svg`] with every text as a path; `None` for one without its end.
    fn outlined(&self, svg: &str) -> Option<String> {
        let (mut drawn, mut rest) = (String::with_capacity(2 * svg.len()), svg);
        while let Some((before, text)) = rest.split_once("<text ") {
            let (element, after) = text.split_once("</text>")?;
            let (tag, markup) = element.split_once('>')?;
            drawn.push_str(before);
            drawn.push_str(&self.path(tag, markup));
            rest = after;
        }
        drawn.push_str(rest);
        Some(drawn)
    }

    /// The path of a text from its tag and its markup.
    fn path(&self, tag: &str, markup: &str) -> String {
        let class = attribute(tag, "class").unwrap_or_default();
        let has = |name: &str| class.split(' ').any(|c| c == name);
        let size = if has("t") { SIZES.0 } else { SIZES.1 };
        let mut outline =
            Outline { face: &self.face, path: String::new(), at: (0.0, 0.0), scale: 0.0 };
        outline.write(markup, size);
        let share = if has("m") { 0.5 } else { f64::from(u8::from(has("e"))) };
        let shift = -share * outline.at.0;
        let place = attribute(tag, "transform").map_or_else(
            || {
                let number = |name: &str| attribute(tag, name).unwrap_or("0");
                format!("translate({} {})", number("x"), number("y"))
            },
            str::to_owned,
        );
        let path = outline.path;
        format!(
            "<path class=\"{class}\" transform=\"{place} translate({shift:.2} 0)\" d=\"{path}\"/>"
        )
    }
}

/// The value of an attribute in a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (before, after) = tag.split_once(&format!("{name}=\""))?;
    (before.is_empty() || before.ends_with(' ')).then(|| after.split('"').next()).flatten()
}

/// Outlines of glyphs from a place on, in pixels, `y` downward.
struct Outline<'a> {
    face: &'a Face<'static>,
    path: String,
    at: (f64, f64),
    /// Pixels to a unit of the font.
    scale: f64,
}

impl Outline<'_> {
    fn write(&mut self, markup: &str, size: f64) {
        self.scale = size / f64::from(self.face.units_per_em());
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
        let text =
            entities.iter().fold(markup.to_owned(), |text, (from, to)| text.replace(from, to));
        for c in text.chars() {
            let Some(glyph) = self.face.glyph_index(c) else { continue };
            let face = self.face;
            // A blank has no outline.
            let _bounds = face.outline_glyph(glyph, self);
            self.at.0 += self.scale * f64::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        }
    }

    fn command(&mut self, name: char, points: &[(f32, f32)]) {
        self.path.push(name);
        for (x, y) in points {
            let (x, y) =
                (self.at.0 + self.scale * f64::from(*x), self.at.1 - self.scale * f64::from(*y));
            let _infallible = write!(self.path, "{x:.2} {y:.2} ");
        }
    }
}

impl OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.command('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.command('L', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.command('Q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.command('C', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.path.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::Svg;

    #[test]
    fn text_becomes_paths_where_it_was() {
        let rasteriser = Rasteriser::new().unwrap();
        let mut svg = Svg::new(200.0, 100.0, "a title", "a description");
        svg.text("t m", (100.0, 20.0), "λ < ½");
        svg.text("e", (200.0, 40.0), "u₀");
        svg.vertical_text((10.0, 50.0), "loss");
        svg.label("t", (0.0, 60.0), "10⁻³");
        let whole = svg.standalone("x", false);
        let drawn = rasteriser.outlined(&whole).unwrap();
        assert!(!drawn.contains("<text"), "{drawn}");
        assert_eq!(drawn.matches("<path").count(), 4);
        assert!(drawn.contains("translate(10 50) rotate(-90)"));
        // Every character of a figure has a glyph.
        for c in "λζηρδκμ∇√²½−±×∞≤‖₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁻".chars()
        {
            assert!(rasteriser.face.glyph_index(c).is_some(), "{c}");
        }
        assert!(rasteriser.outlined("<text class=\"t\">no end").is_none());
    }

    #[test]
    fn a_text_darkens_pixels() {
        let rasteriser = Rasteriser::new().unwrap();
        let pixels = |text: &str| {
            let mut svg = Svg::new(64.0, 32.0, "x", "y");
            svg.text("m", (32.0, 20.0), text);
            let bytes = rasteriser.png(Path::new("x.png"), &svg.standalone("x", false)).unwrap();
            Pixmap::decode_png(&bytes).unwrap()
        };
        let dark = |map: &Pixmap, from: u32, to: u32| {
            let column = |x: u32| (0..map.height()).filter_map(move |y| map.pixel(x, y));
            (from..to).flat_map(column).filter(|p| p.red() < 128).count()
        };
        let (blank, drawn) = (pixels(" "), pixels("HHH"));
        assert_eq!(dark(&blank, 0, 128), 0);
        // The middle of the text is at the middle of the drawing.
        let (left, right) = (dark(&drawn, 0, 64), dark(&drawn, 64, 128));
        assert!(left > 50 && left.abs_diff(right) <= left / 8, "{left} {right}");
    }
}
