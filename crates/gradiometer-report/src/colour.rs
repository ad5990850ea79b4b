//! Colours, one set for light and one for dark: the eight of Okabe and Ito for categories, darkened
//! or lightened for contrast, and scales interpolated in OKLab, so that equal steps look equal.
//! Warm is positive, cool is negative, throughout.

use std::fmt::Write as _;

/// Number of line styles.
pub(crate) const STYLES: usize = 8;
/// Levels of the diverging scale from -1 to 1; odd, so that the middle is neutral.
pub(crate) const LEVELS: usize = 21;
/// Levels of the sequential scale.
pub(crate) const STEPS: usize = 16;

/// One scheme's colours.
#[derive(Clone, Copy, Debug)]
struct Scheme {
    ink: &'static str,
    quiet: &'static str,
    grid: &'static str,
    paper: &'static str,
    lines: [&'static str; STYLES],
    /// Negative end, middle, positive end of the diverging scale.
    diverging: [u32; 3],
    /// A positive and a negative neuron, seen on the diverging scale and on paper.
    neurons: [&'static str; 2],
}

const LIGHT: Scheme = Scheme {
    ink: "#1d2126",
    quiet: "#5a626b",
    grid: "#dfe3e7",
    paper: "#ffffff",
    lines: ["#0072b2", "#c9520a", "#00835f", "#a8487f", "#a87400", "#2f86b8", "#5a626b", "#7a5230"],
    diverging: [0x3b_83_bd, 0xf7_f7_f5, 0xdd_6b_2b],
    neurons: ["#7f2704", "#08306b"],
};

const DARK: Scheme = Scheme {
    ink: "#e8eaed",
    quiet: "#a2abb5",
    grid: "#343a41",
    paper: "#16191d",
    lines: ["#56b4e9", "#ff8a4c", "#2cc79a", "#e59ac4", "#f2b63d", "#9ad3f5", "#b6bec7", "#c9a27a"],
    diverging: [0x2f_6f_a8, 0x26_2a_2f, 0xb5_57_1e],
    neurons: ["#ffc59a", "#a9d6ff"],
};

const DASHES: [&str; STYLES] =
    ["", "7 3", "2 2.5", "9 3 2 3", "4 2", "1.5 4", "12 4", "6 2 1.5 2 1.5 2"];

/// Anchors of the sequential scale, dark to light.
const SEQUENTIAL: [u32; 5] = [0x44_01_54, 0x3b_52_8b, 0x21_91_8c, 0x5e_c9_62, 0xfd_e7_25];

/// The rules of all figures: light ones, then dark ones for who prefers them and does not print.
pub(crate) fn style(with_dark: bool) -> String {
    let mut text = rules(&LIGHT);
    for (i, dash) in DASHES.iter().enumerate().filter(|(_, dash)| !dash.is_empty()) {
        let _infallible = write!(text, ".s{i}{{stroke-dasharray:{dash}}}");
    }
    for step in 0..STEPS {
        let at = step as f64 / (STEPS - 1) as f64;
        let _infallible = write!(text, ".h{step}{{fill:{}}}", scale(&SEQUENTIAL, at));
    }
    text.push_str(FIXED);
    if with_dark {
        let _infallible =
            write!(text, "@media screen and (prefers-color-scheme:dark){{{}}}", rules(&DARK));
    }
    text
}

/// What does not depend on the scheme.
const FIXED: &str = ".gm{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:13px}\
.t{font-size:12px}.m{text-anchor:middle}.e{text-anchor:end}\
.a,.g,.s,.v,.guide,.ray{fill:none}.s{stroke-width:1.8;stroke-linejoin:round}.a{stroke-width:1}.g,.v{stroke-width:1}\
.v{stroke-dasharray:1 3}.guide{stroke-width:1.2;stroke-dasharray:5 4}.fine{stroke-dasharray:1.5 3}.ray{stroke-width:2}.b{fill-opacity:.2;stroke:none}\
.p{stroke-width:.8}.w{stroke-width:1;fill:none}.to{stroke-width:1.1;stroke-opacity:.75;fill:none}.off{opacity:.3}\
.hl{fill:#fff}.hd{fill:#111}.lab{paint-order:stroke;stroke-width:3.5px;stroke-linejoin:round}.cross{stroke-width:2}.solid{stroke-dasharray:none}.faint{fill-opacity:.45}";

fn rules(scheme: &Scheme) -> String {
    let Scheme { ink, quiet, grid, paper, lines, diverging, neurons } = scheme;
    let mut text = format!(
        ".gm{{fill:{ink}}}.t{{fill:{quiet}}}.a{{stroke:{quiet}}}.g{{stroke:{grid}}}.v{{stroke:{quiet}}}.guide{{stroke:{quiet}}}\
         .paper{{fill:{paper}}}\
         .p{{stroke:{paper}}}.np{{fill:{}}}.nn{{fill:{}}}.wp{{stroke:{}}}.wn{{stroke:{}}}.rp{{stroke:{};fill:{}}}.rn{{stroke:{};fill:{}}}\
         .to{{stroke:{quiet}}}.ink-quiet{{fill:{quiet}}}.lab{{stroke:{paper}}}.cross{{stroke:{ink}}}",
        neurons[0], neurons[1], neurons[0], neurons[1], lines[1], lines[1], lines[0], lines[0],
    );
    for (i, colour) in lines.iter().enumerate() {
        let _infallible = write!(text, ".s{i}{{stroke:{colour}}}.f{i}{{fill:{colour}}}");
    }
    for level in 0..LEVELS {
        let at = level as f64 / (LEVELS - 1) as f64;
        let _infallible = write!(text, ".e{level}{{fill:{0};stroke:{0}}}", scale(diverging, at));
    }
    text
}

/// A colour at a place in `[0, 1]` of equally spaced anchors.
fn scale(anchors: &[u32], at: f64) -> String {
    let last = anchors.len() - 1;
    let place = at * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in [0, last]"
    )]
    let first = (place as usize).min(last - 1);
    let (from, to) = (oklab(anchors[first]), oklab(anchors[first + 1]));
    let share = place - first as f64;
    let mixed: [f64; 3] = std::array::from_fn(|c| from[c] + share * (to[c] - from[c]));
    let [r, g, b] = srgb(mixed);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// OKLab coordinates of a colour written `0xrrggbb`.
fn oklab(colour: u32) -> [f64; 3] {
    let channel = |shift: u32| {
        let x = f64::from((colour >> shift) & 0xff) / 255.0;
        if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    };
    let (r, g, b) = (channel(16), channel(8), channel(0));
    let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
    let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
    let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

/// The nearest 24-bit colour.
fn srgb([l, a, b]: [f64; 3]) -> [u8; 3] {
    let cube = |x: f64| x * x * x;
    let long = cube(l + 0.3963377774 * a + 0.2158037573 * b);
    let middle = cube(l - 0.1055613458 * a - 0.0638541728 * b);
    let short = cube(l - 0.0894841775 * a - 1.2914855480 * b);
    [
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    ]
    .map(|x| {
        let x = if x <= 0.0031308 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to a byte"
        )]
        let byte = (255.0 * x).round().clamp(0.0, 255.0) as u8;
        byte
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_meets_its_anchors_and_grows_lighter() {
        assert_eq!(scale(&SEQUENTIAL, 0.0), "#440154");
        assert_eq!(scale(&SEQUENTIAL, 1.0), "#fde725");
        assert_eq!(scale(&SEQUENTIAL, 0.5), "#21918c");
        assert_eq!(scale(&LIGHT.diverging, 0.5), "#f7f7f5");
        let lightness = |at: f64| {
            let colour = scale(&SEQUENTIAL, at);
            oklab(u32::from_str_radix(&colour[1..], 16).unwrap())[0]
        };
        assert!(
            (0..20).all(|k| lightness(f64::from(k) / 20.0) < lightness(f64::from(k + 1) / 20.0))
        );
    }

    /// The contrast of WCAG 2 between two colours.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let bits = u32::from_str_radix(&colour[1..], 16).unwrap();
            let channel = |shift: u32| {
                let x = f64::from((bits >> shift) & 0xff) / 255.0;
                if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
        };
        let (a, b) = (luminance(one), luminance(other));
        if a > b { (a + 0.05) / (b + 0.05) } else { (b + 0.05) / (a + 0.05) }
    }

    #[test]
    fn text_and_lines_stand_out_from_the_paper() {
        for scheme in [LIGHT, DARK] {
            assert!(contrast(scheme.ink, scheme.paper) >= 7.0);
            assert!(contrast(scheme.quiet, scheme.paper) >= 4.5);
            for line in scheme.lines {
                assert!(contrast(line, scheme.paper) >= 3.0, "{line}");
            }
        }
        assert!(contrast("#e69f00", LIGHT.paper) < 3.0, "the test sees too faint a line");
    }
}
