//! The fused tile: Gram products, arcsine and root, and both reductions while the tile is in cache.
//!
//! For two blocks of directions `I` and `J` with masses `nu` the tile computes `t = V_I V_J^T` and from it, for
//! each pair, in units of `1/(2 pi)` (statements 3.1 and 3.3)
//!
//! ```text
//! kernel  k  = sqrt(1 - t^2) + t asin(t) - 1
//! radial  q  = sqrt(1 - t^2) - 1
//! angle   phi = asin(t)
//! ```
//!
//! and adds `sum_b nu_b k`, `sum_b nu_b q`, `sum_b nu_b phi v_b` to the accumulators of both blocks; the pair's
//! kernel is evaluated once for both. This is the only module of the project with `unsafe` code.
#![expect(unsafe_code, reason = "vector instructions; each block says why it is sound")]

mod aligned;
mod element;
mod functions;
mod isa;
pub(crate) mod narrow;
mod product;
pub(crate) mod samples;
mod simd;
mod tile;

pub(crate) use aligned::AlignedVec;
pub(crate) use element::{Element, GRAIN, GROUP};
pub use isa::InstructionSet;
pub(crate) use isa::{Vectorised, with_multiply_add};
pub(crate) use product::{DEPTH, LARGEST_TILE};
pub(crate) use tile::{Rows, Sums, TileBuffers, diagonal, pair, tile_rows};
