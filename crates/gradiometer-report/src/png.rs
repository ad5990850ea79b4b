//! Figures as pixels: the SVG files, drawn by `resvg` with a font of our own, so that the same figure has the same pixels everywhere.

use gradiometer_files::FilesError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};
use std::path::Path;
use std::sync::Arc;

/// Pixels to a pixel of the drawing.
const SCALE: f32 = 2.0;

/// A rasteriser with its font.
#[derive(Debug)]
pub(crate) struct Rasteriser {
    fonts: Arc<Database>,
}

impl Rasteriser {
    pub(crate) fn new() -> Self {
        let mut fonts = Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Self { fonts: Arc::new(fonts) }
    }

    /// The bytes of a PNG file; the path is for the error.
    pub(crate) fn png(&self, path: &Path, svg: &str) -> Result<Vec<u8>, FilesError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| FilesError::Encode {
            path: path.to_owned(),
            source,
        };
        let options = Options {
            fontdb: self.fonts.clone(),
            font_family: "DejaVu Sans".to_owned(),
            ..Options::default()
        };
        let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.into()))?;
        let size = tree.size().to_int_size().scale_by(SCALE).unwrap_or(tree.size().to_int_size());
        let mut pixels = Pixmap::new(size.width(), size.height())
            .ok_or_else(|| failed("no such size".into()))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| failed(error.into()))
    }
}
