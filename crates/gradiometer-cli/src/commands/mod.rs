//! One module a command: its arguments and `run`.

pub mod analyze;
pub mod certify;
pub mod inspect;
pub mod loss;
pub mod net;
pub mod report;
pub mod separation;
pub mod shell;
pub mod study;
pub mod sweep;
pub mod train;
pub mod verify;

use crate::say;
use gradiometer::files::TensorNames;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What becomes true on the first signal to end; the second one ends the program.
fn interruption() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The first one is noted; from the second on the system's own action, the program's end, is taken again.
        let registered =
            signal_hook::flag::register_conditional_default(signal, interrupted.clone())
                .and_then(|_id| signal_hook::flag::register(signal, interrupted.clone()));
        if let Err(error) = registered {
            say(&format!(
                "gradiometer: an interruption will leave no checkpoint of its own ({error})"
            ));
        }
    }
    interrupted
}

/// Names of the tensors in `.safetensors` files.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct TensorArguments {
    /// Tensor of the first layer in .safetensors files, m x d.
    #[arg(long, value_name = "NAME", default_value = "fc1.weight")]
    first_layer: String,
    /// Tensor of the second layer in .safetensors files, 1 x m.
    #[arg(long, value_name = "NAME", default_value = "fc2.weight")]
    second_layer: String,
    /// Tensor of the linear part in .safetensors files.
    #[arg(long, value_name = "NAME", default_value = "skip.weight")]
    skip: String,
}

impl TensorArguments {
    fn names(&self) -> TensorNames {
        TensorNames {
            first_layer: self.first_layer.clone(),
            second_layer: self.second_layer.clone(),
            skip: self.skip.clone(),
        }
    }
}
