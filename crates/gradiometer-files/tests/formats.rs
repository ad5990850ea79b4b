//! Every format brings every number back, agrees with the others, and says what is wrong with a bad file.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use gradiometer_files::{
    Class, FilesError, Layout, PointFormat, Reading, TensorNames, read_network, read_network_as,
    read_points, read_points_as, read_samples, read_teacher, write_network,
};
use gradiometer_model::{Network, Skip};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ENDINGS: [&str; 4] = ["json", "toml", "safetensors", "npz"];

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn names() -> TensorNames {
    TensorNames::default()
}

/// The error of a file with these contents; its message must name the file and each of the words.
#[track_caller]
fn refuse(ending: &str, contents: &[u8], words: &[&str]) -> FilesError {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(format!("broken.{ending}"));
    fs::write(&path, contents).unwrap();
    let error = read_network(&path, &names()).expect_err("the file is broken");
    let message = error.to_string();
    for word in words.iter().chain(&["broken"]) {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert_eq!(error.class(), Class::Data, "{message}");
    error
}

fn bits(network: &Network) -> Vec<u64> {
    let skip =
        network.skip().into_iter().flat_map(|s| std::iter::once(&s.constant).chain(&s.linear));
    let layers = network.second_layer().iter().chain(network.first_layer());
    layers.chain(skip).map(|x| x.to_bits()).collect()
}

fn any_network() -> impl Strategy<Value = Network> {
    let finite = || any::<f64>().prop_filter("finite", |x| x.is_finite());
    (1_usize..4, 1_usize..4, any::<bool>()).prop_flat_map(move |(m, d, with_skip)| {
        let numbers = |n| proptest::collection::vec(finite(), n);
        (numbers(m), numbers(m * d), numbers(d), finite()).prop_map(
            move |(a, w, linear, constant)| {
                let network = Network::new(d, a, w).unwrap();
                if with_skip {
                    network.with_skip(Skip { constant, linear }).unwrap()
                } else {
                    network
                }
            },
        )
    })
}

proptest! {
    #[test]
    fn every_double_comes_back_in_every_format(network in any_network()) {
        let folder = TempDir::new().unwrap();
        for ending in ENDINGS {
            let path = folder.path().join(format!("network.{ending}"));
            write_network(&path, &network, &names()).unwrap();
            let again = read_network(&path, &names()).unwrap();
            prop_assert_eq!(bits(&again), bits(&network), "{}", ending);
            prop_assert_eq!(again.dimension(), network.dimension());
            prop_assert_eq!(again.skip().is_some(), network.skip().is_some());
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(ending in 0_usize..4, bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(format!("noise.{}", ENDINGS[ending]));
        fs::write(&path, bytes).unwrap();
        prop_assert!(read_network(&path, &names()).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_or_lengthened_is_refused(ending in 0_usize..4, place in 0.0..1.0_f64) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(format!("cut.{}", ENDINGS[ending]));
        let network = Network::new(2, vec![1.5, -0.25], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        write_network(&path, &network, &names()).unwrap();
        let whole = fs::read(&path).unwrap();
        // The last byte of a text is a line break, which may go.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in a small file")]
        let length = (place * (whole.len() - 2) as f64) as usize;
        fs::write(&path, &whole[..length]).unwrap();
        prop_assert!(read_network(&path, &names()).is_err());
    }
}

#[test]
fn something_appended_is_refused() {
    let folder = TempDir::new().unwrap();
    let network = Network::new(2, vec![1.5], vec![1.0, 2.0]).unwrap();
    for ending in ["json", "toml", "safetensors"] {
        let path = folder.path().join(format!("long.{ending}"));
        write_network(&path, &network, &names()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"]x");
        fs::write(&path, bytes).unwrap();
        read_network(&path, &names()).expect_err(ending);
    }
}

#[test]
fn pytorch_files_are_read() {
    let student = read_network(&testdata("pytorch_student.safetensors"), &names()).unwrap();
    assert_eq!((student.neurons(), student.dimension()), (64, 20));
    assert!(student.skip().is_some());
    let teacher = read_teacher(&testdata("pytorch_teacher.safetensors"), &names()).unwrap();
    assert_eq!((teacher.neurons(), teacher.dimension()), (4, 20));
    // Singles widen exactly.
    assert!(student.first_layer().iter().all(|x| {
        #[expect(clippy::cast_possible_truncation, reason = "the very question")]
        let single = *x as f32;
        f64::from(single).to_bits() == x.to_bits()
    }));
}

#[test]
fn numpy_files_are_read() {
    let network = read_network(&testdata("compressed_fortran.npz"), &names()).unwrap();
    assert_eq!(network.second_layer(), [1.5, -2.0, 0.25]);
    assert_eq!(network.first_layer(), [1.0, 2.0, 3.0, 4.0, 5.0, -6.5]);
    assert_eq!(network.skip(), Some(&Skip { constant: 0.1, linear: vec![0.5, -0.5] }));
    let points = read_points(&testdata("points.npy")).unwrap();
    assert_eq!(points.rows().last().unwrap(), [3.0, 4.0]);
}

#[test]
fn json_faults_are_placed() {
    refuse("json", br#"{"a": [1], "w": [[1, NaN]]}"#, &["w[0][1]", "line 1"]);
    refuse("json", br#"{"a": [1, -Infinity], "w": [[1], [2]]}"#, &["a[1]"]);
    refuse("json", br#"{"a": [1, 1e999], "w": [[1], [2]]}"#, &["a[1]", "out of range"]);
    refuse("json", br#"{"a": [1], "w": [[1, "x"]]}"#, &["w[0][1]", "string"]);
    refuse("json", br#"{"a": [1], "w": [[1, null]]}"#, &["w[0][1]", "null"]);
    refuse("json", br#"{"a": [1, 2], "w": [[1, 2], [3]]}"#, &["w[1]", "1 coordinates", "has 2"]);
    refuse("json", br#"{"a": [1, 2], "w": [[1, 2]]}"#, &["a, w", "must agree"]);
    refuse("json", br#"{"a": [1]}"#, &["missing field `w`"]);
    refuse("json", br#"{"a": [1], "w": [[1]], "x": 1}"#, &["unknown field `x`"]);
    refuse("json", br#"{"a": [1], "w": [[1]]} x"#, &["trailing"]);
    refuse("json", br#"{"a": [], "w": []}"#, &["a", "no neurons"]);
    refuse("json", br#"{"a": [1], "w": [[]]}"#, &["w", "dimension must be at least 1"]);
    refuse("json", br#"{"a": [1], "w": [[1]], "beta": [1, 2]}"#, &["beta", "dimension is 1"]);
    refuse("json", b"\xff\xfe{}", &["byte 0", "UTF-8"]);
    refuse("json", b"  \n", &["empty"]);
    refuse("json", b"", &["empty"]);
}

#[test]
fn toml_faults_are_placed() {
    refuse("toml", b"a = [1.0]\nw = [[1.0, nan]]", &["w[0][1]", "NaN", "finite"]);
    refuse("toml", b"a = [-inf]\nw = [[1.0, 1.0]]", &["a[0]", "-inf"]);
    refuse("toml", b"a = [1.0]\nw = [[1.0, ]]\nv = 1", &["unknown field `v`", "line 3"]);
    refuse("toml", b"a = [1.0]\nw = [[1.0, ]", &["line"]);
    refuse("toml", b"", &["empty"]);
}

fn safetensors(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, data)| {
            (*name, TensorView::new(*dtype, shape.to_vec(), data).unwrap())
        })
        .collect();
    safetensors::serialize(views, None).unwrap()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn safetensors_faults_are_placed() {
    use Dtype::{BF16, F16, F64, I64};
    let w = ("fc1.weight", F64, &[1, 2][..], doubles(&[1.0, 2.0]));
    let a = ("fc2.weight", F64, &[1, 1][..], doubles(&[3.0]));
    let file = |extra| safetensors(&[w.clone(), a.clone(), extra]);
    refuse(
        "safetensors",
        &safetensors(std::slice::from_ref(&w)),
        &["`fc2.weight`", "only `fc1.weight`"],
    );
    let nan = ("fc1.weight", F64, &[1, 2][..], doubles(&[1.0, f64::NAN]));
    refuse("safetensors", &safetensors(&[nan, a.clone()]), &["fc1.weight[0][1]", "NaN"]);
    let flat = ("fc1.weight", F64, &[2][..], doubles(&[1.0, 2.0]));
    refuse("safetensors", &safetensors(&[flat, a.clone()]), &["fc1.weight", "[2]", "dimension"]);
    // A column goes with a kernel of one input and two neurons.
    let column = ("fc2.weight", F64, &[2, 1][..], doubles(&[1.0, 2.0]));
    let kernel = safetensors(&[w.clone(), column]);
    refuse("safetensors", &kernel, &["fc1.weight", "[1, 2]", "--layout flax"]);
    let outputs = ("fc2.weight", F64, &[3, 1][..], doubles(&[1.0, 2.0, 3.0]));
    let file_of_three = safetensors(&[w.clone(), outputs]);
    refuse("safetensors", &file_of_three, &["fc2.weight", "[3, 1]", "one row"]);
    // The bits of 1.0 are a whole number that no double holds.
    let integers = ("fc2.weight", I64, &[1, 1][..], doubles(&[1.0]));
    refuse("safetensors", &safetensors(&[w.clone(), integers]), &["fc2.weight", "I64", "floats"]);
    let bias = ("fc1.bias", F64, &[1][..], doubles(&[0.5]));
    refuse("safetensors", &file(bias), &["fc1.bias[0]", "0.5", "no bias", "bias=False"]);
    let skip = ("skip.weight", F64, &[1, 3][..], doubles(&[0.5; 3]));
    refuse("safetensors", &file(skip), &["skip.weight", "[1, 3]"]);
    let third = ("fc3.weight", F64, &[1, 1][..], doubles(&[0.5]));
    refuse("safetensors", &file(third), &["fc3.weight", "two layers"]);
    refuse("safetensors", &[255; 64], &["safetensors"]);

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("good.safetensors");
    let zero_bias = ("fc1.bias", F64, &[1][..], doubles(&[0.0]));
    fs::write(&path, file(zero_bias)).unwrap();
    assert!(read_network(&path, &names()).unwrap().skip().is_none());
    let half = ("net.0.weight", F16, &[1, 1][..], 0x3c00_u16.to_le_bytes().to_vec());
    let brain = ("net.2.weight", BF16, &[1][..], 0xbf80_u16.to_le_bytes().to_vec());
    fs::write(&path, safetensors(&[half, brain, ("other", I64, &[1][..], doubles(&[0.0]))]))
        .unwrap();
    let mapped = TensorNames {
        first_layer: "net.0.weight".to_owned(),
        second_layer: "net.2.weight".to_owned(),
        ignored: vec!["other".to_owned()],
        ..names()
    };
    // What is not read is named, whoever named the layers.
    let unnamed = TensorNames { ignored: Vec::new(), ..mapped.clone() };
    let error = read_network(&path, &unnamed).unwrap_err().to_string();
    assert!(error.contains("`other`") && error.contains("--ignore"), "{error}");
    let network = read_network(&path, &mapped).unwrap();
    assert_eq!((network.first_layer(), network.second_layer()), (&[1.0][..], &[-1.0][..]));
}

/// The layers of two neurons in three dimensions under any names, `(m, d)` and `(1, m)`.
fn layers(first: &str, second: &str, more: &[(&str, &[usize], &[f64])]) -> Vec<u8> {
    let six = doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let mut tensors = vec![
        (first, Dtype::F64, vec![2, 3], six),
        (second, Dtype::F64, vec![1, 2], doubles(&[7.0, 8.0])),
    ];
    for (name, shape, values) in more {
        tensors.push((name, Dtype::F64, shape.to_vec(), doubles(values)));
    }
    let borrowed: Vec<_> =
        tensors.iter().map(|(n, t, s, data)| (*n, *t, s.as_slice(), data.clone())).collect();
    safetensors(&borrowed)
}

fn reading(bytes: &[u8], names: &TensorNames) -> Result<Reading, FilesError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("net.safetensors");
    fs::write(&path, bytes).unwrap();
    read_network_as(&path, None, names)
}

#[test]
fn prefixes_that_all_tensors_share_and_the_only_pair_are_taken() {
    for prefix in ["", "module.", "_orig_mod.", "model.", "net.0.", "_orig_mod.module.", "a/b/"] {
        let (first, second) = (format!("{prefix}fc1.weight"), format!("{prefix}fc2.weight"));
        let bias = format!("{prefix}fc2.bias");
        let file = layers(&first, &second, &[(&bias, &[1], &[0.5])]);
        let found = reading(&file, &names()).unwrap();
        assert_eq!(found.network.skip().unwrap().constant.to_bits(), 0.5_f64.to_bits());
        assert!(found.remarks.is_empty());
        // A name given without the prefix, too.
        let given = TensorNames { skip: "beta".to_owned(), ..names() };
        let beta = format!("{prefix}beta");
        let file = layers(&first, &second, &[(&beta, &[3], &[1.0, 2.0, 3.0])]);
        let found = reading(&file, &given).unwrap().network;
        assert_eq!(found.skip().unwrap().linear, [1.0, 2.0, 3.0]);
    }
    // Names that say nothing, but shapes that leave one reading; what was taken is said.
    for (first, second) in [("0.weight", "2.weight"), ("net.z.weight", "net.a.weight")] {
        let found = reading(&layers(first, second, &[]), &names()).unwrap();
        assert_eq!(found.network.second_layer(), [7.0, 8.0]);
        assert_eq!(found.remarks.len(), 1);
        assert!(found.remarks[0].contains(first) && found.remarks[0].contains(second));
    }
    // Negative control: two matrices that both could be the second layer to the other.
    let one = |name| (name, Dtype::F64, &[1, 1][..], doubles(&[1.0]));
    let both = safetensors(&[one("x.weight"), one("y.weight")]);
    let error = reading(&both, &names()).unwrap_err().to_string();
    assert!(error.contains("--first-layer") && error.contains("`x.weight`"), "{error}");
}

#[test]
fn a_first_bias_is_refused_under_any_name_and_nothing_else_is_dropped() {
    for (first, second, bias) in [
        ("fc1.weight", "fc2.weight", "fc1.bias"),
        ("w1", "w2", "b1"),
        ("W1", "W2", "b1"),
        ("hidden", "readout", "hidden.bias"),
        ("hidden_weight", "readout_weight", "hidden_bias"),
        ("w", "a", "b"),
        ("w", "a", "anything"),
        ("fc1.weight", "fc2.weight", "running_mean"),
    ] {
        let given = TensorNames {
            first_layer: first.to_owned(),
            second_layer: second.to_owned(),
            ..names()
        };
        let file = layers(first, second, &[(bias, &[2], &[0.0, 0.5])]);
        let plain = |names: &TensorNames| {
            reading(&file, names).and_then(|found| found.without_biases("net".as_ref()))
        };
        let error = plain(&given).unwrap_err().to_string();
        assert!(error.contains(bias), "{bias}: {error}");
        // Named by a flag it is known for what it is, and left out it is not in the way.
        let named = TensorNames { first_bias: Some(bias.to_owned()), ..given.clone() };
        let error = plain(&named).unwrap_err().to_string();
        assert!(error.contains(&format!("{bias}[1] is 0.5")), "{error}");
        assert_eq!(reading(&file, &named).unwrap().biases, Some(vec![0.0, 0.5]));
        let without = TensorNames { ignored: vec![bias.to_owned()], ..given };
        assert_eq!(reading(&file, &without).unwrap().network.neurons(), 2);
    }
    // Several are all named.
    let file = layers("w", "a", &[("x", &[1], &[0.0]), ("y", &[1], &[0.0])]);
    let error = reading(&file, &names()).unwrap_err().to_string();
    assert!(error.contains("`x`") && error.contains("`y`"), "{error}");
}

#[test]
fn kernels_are_read_where_a_flag_says_so_and_never_silently() {
    let flax = TensorNames { layout: Some(Layout::Flax), ..names() };
    let torch = TensorNames { layout: Some(Layout::Torch), ..names() };
    // d x m = 3 x 2 holds the neurons (1, 3, 5) and (2, 4, 6).
    for (prefix, bias) in [("params.Dense_", ".bias"), ("params/Dense_", "/bias")] {
        let leaf = |k: usize, name: &str| format!("{prefix}{k}{name}");
        let (k0, k1) =
            if bias == ".bias" { (".kernel", ".kernel") } else { ("/kernel", "/kernel") };
        let (first, second, constant) = (leaf(0, k0), leaf(1, k1), leaf(1, bias));
        let six = doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let file = safetensors(&[
            (&first, Dtype::F64, &[3, 2][..], six),
            (&second, Dtype::F64, &[2, 1][..], doubles(&[7.0, 8.0])),
            (&constant, Dtype::F64, &[1][..], doubles(&[0.5])),
        ]);
        let found = reading(&file, &flax).unwrap().network;
        assert_eq!(found.first_layer(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(found.second_layer(), [7.0, 8.0]);
        assert!(found.skip().is_some());
        let given =
            TensorNames { first_layer: first.clone(), second_layer: second.clone(), ..names() };
        for plain in [names(), given] {
            let error = reading(&file, &plain).unwrap_err().to_string();
            assert!(error.contains("--layout flax") && error.contains("d x m"), "{error}");
        }
    }
    // A square kernel: nothing but a flag can tell, and the two readings differ.
    let square = |name: &str| {
        let first = format!("{name}1");
        let second = format!("{name}2");
        let one = |n: &str| n.replace('1', ".kernel").replace('2', ".z.kernel");
        safetensors(&[
            (&one(&first), Dtype::F64, &[2, 2][..], doubles(&[1.0, 2.0, 3.0, 4.0])),
            (&one(&second), Dtype::F64, &[2][..], doubles(&[7.0, 8.0])),
        ])
    };
    let file = square("k");
    let given = |names: TensorNames| TensorNames {
        first_layer: "k.kernel".to_owned(),
        second_layer: "k.z.kernel".to_owned(),
        ..names
    };
    assert!(reading(&file, &given(names())).unwrap_err().to_string().contains("--layout"));
    let rows = reading(&file, &given(torch)).unwrap().network;
    assert_eq!(rows.first_layer(), [1.0, 2.0, 3.0, 4.0]);
    let columns = reading(&file, &given(flax.clone())).unwrap().network;
    assert_eq!(columns.first_layer(), [1.0, 3.0, 2.0, 4.0]);
    // With the flag a file of PyTorch's layout is refused, not read wrongly.
    let error = reading(&layers("fc1.weight", "fc2.weight", &[]), &flax).unwrap_err().to_string();
    assert!(error.contains("[1, 2]") && error.contains("--layout"), "{error}");
}

#[test]
fn deeper_networks_are_refused_by_the_names_of_their_layers() {
    for third in ["fc3.weight", "layers.4.weight", "head.kernel"] {
        let file = layers("fc1.weight", "fc2.weight", &[(third, &[2, 2], &[1.0; 4])]);
        let error = reading(&file, &names()).unwrap_err().to_string();
        assert!(error.contains(third) && error.contains("two layers"), "{error}");
    }
    let file = layers("0.weight", "4.weight", &[("2.weight", &[2, 2], &[1.0; 4])]);
    let error = reading(&file, &names()).unwrap_err().to_string();
    assert!(error.contains("`2.weight`") && error.contains("two layers"), "{error}");
}

#[test]
fn checkpoints_that_only_python_reads_come_with_the_line_that_converts_them() {
    for name in ["net.pt", "net.PTH", "net.ckpt", "net.bin"] {
        let error = read_network(Path::new(name), &names()).unwrap_err().to_string();
        assert!(error.contains("torch.load") && error.contains(name), "{error}");
    }
    let error = read_network(Path::new("net.h5"), &names()).unwrap_err().to_string();
    assert!(error.contains("keras") && error.contains("--layout flax"), "{error}");
    // Renamed: an archive, a bare pickle.
    for start in [&b"PK\x03\x04archive/data.pkl"[..], &[0x80, 2, b'}', b'q', 0, b'.'], &[0x80; 40]]
    {
        refuse("safetensors", start, &["torch.load", "-converted.safetensors"]);
    }
    // Negative control: a header that is 128 bytes long begins with 0x80 too, and is read.
    let network = Network::new(1, vec![1.0], vec![1.0]).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.safetensors");
    write_network(&path, &network, &names()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let wide = 384_u64;
    assert!(length < wide && wide.to_le_bytes()[0] == 0x80);
    let blanks = usize::try_from(wide - length).unwrap();
    let end = 8 + usize::try_from(length).unwrap();
    bytes.splice(end..end, std::iter::repeat_n(b' ', blanks));
    bytes[..8].copy_from_slice(&wide.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    assert_eq!(read_network(&path, &names()).unwrap(), network);
}

#[test]
fn points_are_read_from_tables() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("points.txt");
    let text = "# x y z\n1, 2.5 ,3\n\n  -4\t5e-1 6 % the last\r\n";
    fs::write(&path, text).unwrap();
    let points = read_points(&path).unwrap();
    assert_eq!(
        (points.dimension(), points.coordinates()),
        (3, &[1.0, 2.5, 3.0, -4.0, 0.5, 6.0][..])
    );
    fs::write(&path, "1 2\n3 four\n").unwrap();
    let error = read_points(&path).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("four"), "{error}");
    fs::write(&path, "1 2\n3\n").unwrap();
    assert!(read_points(&path).unwrap_err().to_string().contains("[1] has 1 coordinates"));
    fs::write(&path, "1 nan\n").unwrap();
    assert!(read_points(&path).unwrap_err().to_string().contains("[0][1]"));
    // A name that says nothing, with a word that does.
    let bare = folder.path().join("points");
    fs::write(&bare, "1 2\n").unwrap();
    assert!(read_points(&bare).is_err());
    assert_eq!(read_points_as(&bare, Some(PointFormat::Text)).unwrap().dimension(), 2);
}

#[test]
fn archives_name_what_they_lack() {
    let points = fs::read(testdata("points.npy")).unwrap();
    refuse("npz", &points, &["npz"]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.npz");
    let network = Network::new(1, vec![1.0], vec![1.0]).unwrap();
    write_network(&path, &network, &names()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // `w.npy` becomes `v.npy`, in the local header and in the directory.
    for at in 0..bytes.len() - 5 {
        if &bytes[at..at + 5] == b"w.npy" {
            bytes[at] = b'v';
        }
    }
    refuse("npz", &bytes, &["`v`", "`w`"]);
}

/// A network's archive whose `w.npy` and `a.npy` are called `x.npy` and `y.npy`, in the local headers and in the directory.
fn samples_archive(path: &Path, network: &Network) {
    write_network(path, network, &names()).unwrap();
    let mut bytes = fs::read(path).unwrap();
    for at in 0..bytes.len() - 5 {
        match &bytes[at..at + 5] {
            b"w.npy" => bytes[at] = b'x',
            b"a.npy" => bytes[at] = b'y',
            _ => {}
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn samples_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s.npz");
    let network = Network::new(2, vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    samples_archive(&path, &network);
    let samples = read_samples(&path).unwrap();
    assert_eq!((samples.dimension, &samples.labels[..]), (2, network.second_layer()));
    assert_eq!(samples.inputs, network.first_layer());
    // A network is no set of samples.
    write_network(&folder.path().join("n.npz"), &network, &names()).unwrap();
    let error = read_samples(&folder.path().join("n.npz")).unwrap_err().to_string();
    assert!(error.contains("`a`") && error.contains("`x`"), "{error}");
}

#[test]
fn files_that_are_not_there() {
    for (name, class) in
        [("no.json", Class::Missing), ("no.npz", Class::Missing), ("no.pt", Class::Data)]
    {
        let error = read_network(&testdata(name), &names()).unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn points_are_checked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("points.json");
    for (text, words) in [
        ("[[1, 2], [3]]", "[1] has 1 coordinates where [0] has 2"),
        ("[]", "no points"),
        ("[[]]", "no points"),
        ("[[1, NaN]]", "[0][1]"),
        ("{\"a\": 1}", "expected [[x_1"),
    ] {
        fs::write(&path, text).unwrap();
        let error = read_points(&path).unwrap_err();
        assert_eq!(error.class(), Class::Data);
        assert!(error.to_string().contains(words), "{error}");
    }
    fs::write(&path, "[[1, 2.5], [3, -4]]").unwrap();
    let points = read_points(&path).unwrap();
    assert_eq!((points.dimension(), points.coordinates()), (2, &[1.0, 2.5, 3.0, -4.0][..]));
}

#[test]
fn a_teacher_has_no_affine_part_and_no_zero_neuron() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("teacher.json");
    for (text, words) in [
        (r#"{"a": [1], "w": [[1]], "alpha": 0.5}"#, "affine"),
        (r#"{"a": [1, 0], "w": [[1], [2]]}"#, "a[1], w[1]"),
        (r#"{"a": [1, 1], "w": [[1], [0]]}"#, "a[1], w[1]"),
    ] {
        fs::write(&path, text).unwrap();
        let error = read_teacher(&path, &names()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    fs::write(&path, r#"{"a": [1], "w": [[1]], "alpha": 0.0, "beta": [-0.0]}"#).unwrap();
    assert!(read_teacher(&path, &names()).is_ok());
}
