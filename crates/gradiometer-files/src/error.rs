//! What can go wrong with a file, and whose turn it is to act.

use crate::npy::NpyError;
use gradiometer_certify::CertifyError;
use gradiometer_model::ModelError;
use std::path::PathBuf;

/// Who can mend an error, and so which exit code a program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The contents of an input are wrong.
    Data,
    /// An input is not there or cannot be opened.
    Missing,
    /// An output cannot be written.
    Write,
    /// The request itself makes no sense.
    Usage,
    /// A defect of this program.
    Internal,
}

/// Why a file could not be read or written.
///
/// Every message names the file, the field where there is one, and the mend.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The file is not there.
    #[error("{}: there is no such file; check the path", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is there but cannot be read.
    #[error("{}: cannot be read ({source}); give a readable file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has no contents.
    #[error("{}: the file is empty; write it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The name's ending is none that is understood.
    #[error("{}: files of this kind cannot be read; give one whose name ends in {expected}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The endings that would do.
        expected: &'static str,
    },
    /// Standard input has no name that says its format.
    #[error("standard input has no name that says its format; give --format")]
    FormatUnsaid,
    /// Two inputs are to be read from standard input.
    #[error("standard input can be read once only; give one of the files by its name")]
    StandardInputTwice,
    /// An output is one of the inputs.
    #[error("{}: is the input {}, which is never overwritten; choose another name", path.display(), input.display())]
    OverInput {
        /// The output.
        path: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// An output would replace a file that this program did not write.
    #[error("{}: this file exists and is no {kind}; choose another name", path.display())]
    Foreign {
        /// The output.
        path: PathBuf,
        /// What would be written.
        kind: &'static str,
    },
    /// A line of a table of points is no list of numbers.
    #[error(
        "{}: line {line}: {word:?} is no number; give numbers between blanks or commas, and start comments with #",
        path.display()
    )]
    PointText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is no number.
        word: String,
    },
    /// A text file is not UTF-8.
    #[error("{}: byte {offset} is not UTF-8 text; save the file as plain text", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Position of the first wrong byte.
        offset: usize,
    },
    /// A JSON file does not have the form that is expected.
    #[error("{}: {field}: {source}; expected {expected}, all numbers finite", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where in the document.
        field: String,
        /// The form that would do.
        expected: &'static str,
        /// What the parser said, with line and column.
        source: serde_json::Error,
    },
    /// A TOML file does not have the form that is expected.
    #[error("{}: {source}expected {expected}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The form that would do.
        expected: &'static str,
        /// What the parser said, with line and column.
        source: Box<toml::de::Error>,
    },
    /// The numbers do not make a network.
    #[error("{}: {field}: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The field at fault.
        field: String,
        /// What is wrong with it.
        source: ModelError,
    },
    /// A network with an affine part is to be a teacher.
    #[error(
        "{}: alpha, beta: a teacher has no affine part, which preprocessing would remove; leave its tensors \
         out with --ignore fc2.bias --ignore skip.weight, or whatever their names are",
        path.display()
    )]
    AffineTeacher {
        /// The file.
        path: PathBuf,
    },
    /// A file of named arrays has no array of a name.
    #[error(
        "{}: there is no tensor {}, only {}; {mend}",
        path.display(), listed(names), listed(found)
    )]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The names looked for.
        names: Vec<String>,
        /// The names there are.
        found: Vec<String>,
        /// What to do.
        mend: &'static str,
    },
    /// A file of named arrays has arrays whose part in a two-layer network is not known.
    #[error(
        "{}: tensors that are not read and may change the function: {}; say what they are with \
         --first-bias NAME, --second-bias NAME or --skip NAME, or leave them out with --ignore NAME",
        path.display(), listed(names)
    )]
    UnreadTensors {
        /// The file.
        path: PathBuf,
        /// The names of the arrays.
        names: Vec<String>,
    },
    /// A file of named arrays has more layers than two.
    #[error(
        "{}: a network of more than two layers, by its tensors {}; this program is about networks \
         of two layers, so give one, or leave out with --ignore NAME what does not count",
        path.display(), listed(names)
    )]
    MoreLayers {
        /// The file.
        path: PathBuf,
        /// The names of the layers, or of those beyond two.
        names: Vec<String>,
    },
    /// A layer is stored as a kernel, and nobody said so.
    #[error(
        "{}: tensor `{name}` has shape {found:?} and looks like a kernel of Flax or Keras, which is \
         inputs x neurons (d x m); read it with --layout flax, or with --layout torch if it is \
         neurons x inputs",
        path.display()
    )]
    Kernel {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// Its own shape.
        found: Vec<usize>,
    },
    /// A file that only Python can read.
    #[error("{}: is {kind}, which only Python can read; convert it once: {line}", path.display())]
    PythonCheckpoint {
        /// The file.
        path: PathBuf,
        /// What wrote it.
        kind: &'static str,
        /// The line that converts it.
        line: String,
    },
    /// A file of named arrays has an array that does not belong there.
    #[error(
        "{}: tensor `{name}` is none of the tensors {}; {mend}",
        path.display(), listed(expected)
    )]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// The names that are understood.
        expected: Vec<String>,
        /// What to do.
        mend: &'static str,
    },
    /// A named array has the wrong shape.
    #[error("{}: tensor `{name}` has shape {found:?}; expected {expected}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// The shape that would do.
        expected: &'static str,
        /// Its own shape.
        found: Vec<usize>,
    },
    /// A named array has entries of a type that is not understood.
    #[error(
        "{}: tensor `{name}` has entries of type {found}; save it as floats or whole numbers",
        path.display()
    )]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// Its own type.
        found: String,
    },
    /// The first layer has a bias, which the theory does not.
    #[error(
        "{}: {name}[{neuron}] is {value}: the theory's neurons sigma(w . x) have no bias, and this takes none; \
         `loss`, `match` and experiments with student.biases = true do; else train the first layer without \
         one (bias=False)",
        path.display()
    )]
    FirstLayerBias {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// The neuron with a bias.
        neuron: usize,
        /// Its bias.
        value: f64,
    },
    /// A `.safetensors` file is damaged.
    #[error("{}: not a whole .safetensors file ({source}); write it again", path.display())]
    SafeTensors {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: safetensors::SafeTensorError,
    },
    /// A `.npz` archive is damaged.
    #[error("{}: not a whole .npz archive ({source}); write it again", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: zip::result::ZipError,
    },
    /// A `.npy` array, alone or in an archive, is damaged.
    #[error("{}: {field}: {source}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// The array.
        field: String,
        /// What is wrong with it.
        source: NpyError,
    },
    /// There are no points.
    #[error("{}: there are no points; give at least one, with at least one coordinate", path.display())]
    NoPoints {
        /// The file.
        path: PathBuf,
    },
    /// A point has a different length from the first one.
    #[error(
        "{}: [{point}] has {found} coordinates where [0] has {expected}; make all points equally long",
        path.display()
    )]
    RaggedPoint {
        /// The file.
        path: PathBuf,
        /// Index of the point.
        point: usize,
        /// Length of the first point.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// A coordinate of a point is NaN or infinite.
    #[error("{}: [{point}][{coordinate}] is {value}; it must be finite", path.display())]
    PointNotFinite {
        /// The file.
        path: PathBuf,
        /// Index of the point.
        point: usize,
        /// Index of the coordinate.
        coordinate: usize,
        /// The offending value.
        value: f64,
    },
    /// A field of an experiment or a certificate makes no sense.
    #[error("{}: {field}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// What is wrong with it, and the mend.
        problem: String,
    },
    /// The numbers of a file do not make a certificate, or it does not fit its teacher.
    #[error("{}: {source}", path.display())]
    Certify {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertifyError,
    },
    /// A state file belongs to a verification or a study with other options.
    #[error("{}: {field} is not the one asked for; resume with the options it was started with, or without --resume", path.display())]
    OtherState {
        /// The state file.
        path: PathBuf,
        /// What differs.
        field: &'static str,
    },
    /// A run would overwrite a file.
    #[error("{}: this folder holds results already; choose another folder, continue with --resume, or overwrite them with --force", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// A point of a sweep would overwrite a folder.
    #[error("{}: this folder holds results already; choose another folder, or continue with --resume", path.display())]
    OccupiedPoint {
        /// The point's folder.
        path: PathBuf,
    },
    /// A certificate is that of another teacher.
    #[error(
        "{}: certifies another teacher, by its {what}; give that teacher, or certify this one",
        path.display()
    )]
    OtherTeacher {
        /// The certificate.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// Another process writes to a folder.
    #[error("{}: is in use by {holder}; wait until that ends, stop it, or choose another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who holds it: process, machine, start, command.
        holder: String,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written ({source}); choose another place", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes of a file could not be produced.
    #[error("{}: could not be encoded ({source})", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FilesError {
    /// Who can mend it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Missing { .. } | Self::Unreadable { .. } => Class::Missing,
            Self::Write { .. }
            | Self::Occupied { .. }
            | Self::OccupiedPoint { .. }
            | Self::InUse { .. }
            | Self::OverInput { .. }
            | Self::Foreign { .. } => Class::Write,
            Self::OtherState { .. } | Self::FormatUnsaid | Self::StandardInputTwice => Class::Usage,
            Self::Encode { .. } => Class::Internal,
            _ => Class::Data,
        }
    }
}

/// `a, b and c` in backticks.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none at all".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
