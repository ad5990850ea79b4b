//! A block of directions: its rows in the kernel's layout, what they collect, and the part of the gradient that is theirs.

use crate::atoms::Atoms;
use crate::kernel::{
    self, Element, InstructionSet, Rows, Sums, TileBuffers, Vectorised, with_multiply_add,
};
use gradiometer_model::geometry::length_and_factors;
use std::f64::consts::PI;

/// What all blocks of an evaluation share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) set: InstructionSet,
    pub(super) dimension: usize,
    /// Padded dimension.
    pub(super) width: usize,
    /// Rows of a tile.
    pub(super) tile: usize,
}

impl Layout {
    /// The first rows of a block's tiles, and their numbers of rows.
    fn tiles(self, rows: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..rows).step_by(self.tile).map(move |i| (i, self.tile.min(rows - i)))
    }
}

/// A neuron's length and the factors that make a unit vector of it.
pub(super) type Length = (f64, [f64; 2]);

/// Rows of a block, and what they have collected so far; all of one number of rows.
#[derive(Debug)]
pub(super) struct Block<'a, E> {
    /// The first row's atom.
    pub(super) start: usize,
    /// As [`Rows`] has them, tile by tile.
    pub(super) units: &'a mut [E],
    pub(super) weighted: &'a mut [E],
    pub(super) shares: &'a mut [E],
    /// The tiles' units of mass.
    pub(super) units_of_mass: &'a mut [f64],
    /// `nu_b` itself.
    pub(super) masses: &'a mut [f64],
    pub(super) lengths: &'a mut [Length],
    /// As [`Sums`] has them, tile by tile.
    pub(super) kernel: &'a mut [f64],
    pub(super) radial: &'a mut [f64],
    pub(super) tangent: &'a mut [f64],
    /// The rows' part of the gradient, and that of their twins; for the student's rows alone.
    pub(super) second_layer: [&'a mut [f64]; 2],
    pub(super) first_layer: [&'a mut [f64]; 2],
}

impl<E: Element> Block<'_, E> {
    /// Reads its atoms and clears its sums.
    pub(super) fn load(&mut self, atoms: &Atoms<'_>, layout: Layout) {
        with_multiply_add(Load { block: self, atoms, layout });
    }

    #[inline(always)]
    fn load_here(&mut self, atoms: &Atoms<'_>, layout: Layout) {
        let (group, width) = (E::GROUP, layout.width);
        let mut unit = vec![0.0; group * width];
        for (tile, (i, count)) in layout.tiles(self.masses.len()).enumerate() {
            let unit_of_mass = E::unit_of_mass((i..i + count).map(|b| {
                let (w, weight) = atoms.get(self.start + b);
                weight * length_and_factors(w).0
            }));
            self.units_of_mass[tile] = unit_of_mass;
            let weighted = &mut self.weighted[i * width..][..count * width];
            for row in (0..count).step_by(group) {
                for (r, unit) in unit.chunks_exact_mut(width).enumerate() {
                    let b = i + row + r;
                    let (w, weight) = atoms.get(self.start + b);
                    let length @ (norm, [first, second]) = length_and_factors(w);
                    for (u, x) in unit.iter_mut().zip(w) {
                        *u = x * first * second;
                    }
                    unit[w.len()..].fill(0.0);
                    let mass = weight * norm;
                    (self.lengths[b], self.masses[b]) = (length, mass);
                    let share = mass / unit_of_mass;
                    self.shares[b] = E::nearest(share);
                    let panels = weighted.chunks_exact_mut(group).skip(row + r).step_by(count);
                    for (panel, unit) in panels.zip(unit.chunks_exact(group)) {
                        for (x, u) in panel.iter_mut().zip(unit) {
                            *x = E::nearest(share * u);
                        }
                    }
                }
                transpose(&unit, &mut self.units[(i + row) * width..][..group * width]);
            }
        }
        for sums in [&mut *self.kernel, self.radial, self.tangent] {
            sums.fill(0.0);
        }
    }

    /// The tile of the given rows, and its sums.
    fn tile(&mut self, (i, count): (usize, usize), layout: Layout) -> (Rows<'_, E>, Sums<'_>) {
        let (width, rows) = (layout.width, i..i + count);
        let entries = i * width..(i + count) * width;
        (
            Rows {
                count,
                dimension: layout.dimension,
                width,
                units: &self.units[entries.clone()],
                weighted: &self.weighted[entries.clone()],
                masses: &self.shares[rows.clone()],
                unit_of_mass: self.units_of_mass[i / layout.tile],
            },
            Sums {
                kernel: &mut self.kernel[rows.clone()],
                radial: &mut self.radial[rows],
                tangent: &mut self.tangent[entries],
            },
        )
    }

    /// The tiles of the given rows, the second ones below the first, and their sums.
    fn two_tiles(
        &mut self,
        (i, first): (usize, usize),
        (j, second): (usize, usize),
        layout: Layout,
    ) -> [(Rows<'_, E>, Sums<'_>); 2] {
        let width = layout.width;
        let (k0, k1) = self.kernel.split_at_mut(j);
        let (q0, q1) = self.radial.split_at_mut(j);
        let (g0, g1) = self.tangent.split_at_mut(j * width);
        let rows = |i: usize, count: usize| Rows {
            count,
            dimension: layout.dimension,
            width,
            units: &self.units[i * width..(i + count) * width],
            weighted: &self.weighted[i * width..(i + count) * width],
            masses: &self.shares[i..i + count],
            unit_of_mass: self.units_of_mass[i / layout.tile],
        };
        [
            (
                rows(i, first),
                Sums { kernel: &mut k0[i..], radial: &mut q0[i..], tangent: &mut g0[i * width..] },
            ),
            (rows(j, second), Sums { kernel: k1, radial: q1, tangent: g1 }),
        ]
    }

    /// Adds the interactions of its own rows.
    pub(super) fn meet_itself(&mut self, layout: Layout, buffers: &mut TileBuffers<E>) {
        let set = layout.set;
        for i in layout.tiles(self.masses.len()) {
            let (rows, mut sums) = self.tile(i, layout);
            kernel::diagonal(set, &rows, &mut sums, buffers);
            for j in layout.tiles(self.masses.len()).filter(|j| j.0 > i.0) {
                let [(left, mut first), (right, mut second)] = self.two_tiles(i, j, layout);
                kernel::pair(set, &left, &mut first, &right, &mut second, buffers);
            }
        }
    }

    /// Adds its interactions with another block to both.
    pub(super) fn meet(
        &mut self,
        other: &mut Block<'_, E>,
        layout: Layout,
        buffers: &mut TileBuffers<E>,
    ) {
        for i in layout.tiles(self.masses.len()) {
            for j in layout.tiles(other.masses.len()) {
                let (left, mut first) = self.tile(i, layout);
                let (right, mut second) = other.tile(j, layout);
                kernel::pair(layout.set, &left, &mut first, &right, &mut second, buffers);
            }
        }
    }

    /// Writes its part of the gradient.
    pub(super) fn write(&mut self, atoms: &Atoms<'_>, layout: Layout) {
        with_multiply_add(Write { block: self, atoms, layout });
    }

    #[inline(always)]
    fn write_here(&mut self, atoms: &Atoms<'_>, layout: Layout) {
        let (d, width) = (atoms.student.dimension(), layout.width);
        let weights = atoms.student.second_layer();
        let tiles = layout.tiles(self.masses.len());
        let [second_layer, twins] = &mut self.second_layer;
        for (b, g) in second_layer.iter_mut().enumerate() {
            *g = self.lengths[b].0 * self.kernel[b] / PI;
        }
        twins.copy_from_slice(&second_layer[..twins.len()]);
        let rows = second_layer.len();
        let [first_layer, twins] = &mut self.first_layer;
        for (i, count) in tiles {
            let tangent = &self.tangent[i * width..][..count * width];
            for b in i..rows.min(i + count) {
                let atom = self.start + b;
                let sums = Direction {
                    w: atoms.student.neuron(atom),
                    factors: self.lengths[b].1,
                    radial: self.radial[b],
                    tangent: &tangent[(b - i) * E::GROUP..],
                    stride: count * E::GROUP,
                };
                sums.combine::<E>(weights[atom] / PI, &mut first_layer[b * d..][..d]);
                if let Some(sign) = atoms.twin_signs.get(atom) {
                    let weight = weights[atoms.students() + atom];
                    sums.combine::<E>(sign * weight / PI, &mut twins[b * d..][..d]);
                }
            }
        }
    }
}

/// What a neuron's gradient is made of.
struct Direction<'a> {
    w: &'a [f64],
    factors: [f64; 2],
    radial: f64,
    /// A group of coordinates every `stride` entries.
    tangent: &'a [f64],
    stride: usize,
}

impl Direction<'_> {
    /// `scale (q v + sum_b nu_b asin(t_b) v_b)`, with the radial sum `q` and the neuron's direction `v`.
    #[inline(always)]
    fn combine<E: Element>(&self, scale: f64, gradient: &mut [f64]) {
        let Self { factors: [first, second], radial, .. } = *self;
        let combine = |gradient: &mut [f64], w: &[f64], tangent: &[f64]| {
            for ((g, x), t) in gradient.iter_mut().zip(w).zip(&tangent[..E::GROUP]) {
                *g = scale * (radial * (x * first * second) + t);
            }
        };
        let mut tangent = self.tangent.chunks(self.stride);
        let (mut groups, w) = (gradient.chunks_exact_mut(E::GROUP), self.w.chunks_exact(E::GROUP));
        let w_rest = w.remainder();
        for ((gradient, w), tangent) in groups.by_ref().zip(w).zip(&mut tangent) {
            combine(gradient, w, tangent);
        }
        if let Some(tangent) = tangent.next() {
            combine(groups.into_remainder(), w_rest, tangent);
        }
    }
}

/// A group of rows, one after another, as columns.
#[inline(always)]
fn transpose<E: Element>(rows: &[f64], columns: &mut [E]) {
    let mut rows = rows.chunks_exact(rows.len() / E::GROUP);
    // As many as the largest group has.
    let rows: [&[f64]; f32::GROUP] = std::array::from_fn(|_| rows.next().unwrap_or_default());
    for (k, column) in columns.chunks_exact_mut(E::GROUP).enumerate() {
        for (x, row) in column.iter_mut().zip(rows) {
            *x = E::nearest(row[k]);
        }
    }
}

/// [`Block::load`].
struct Load<'a, 'b, E> {
    block: &'a mut Block<'b, E>,
    atoms: &'a Atoms<'a>,
    layout: Layout,
}

impl<E: Element> Vectorised for Load<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.block.load_here(self.atoms, self.layout);
    }
}

/// [`Block::write`].
struct Write<'a, 'b, E> {
    block: &'a mut Block<'b, E>,
    atoms: &'a Atoms<'a>,
    layout: Layout,
}

impl<E: Element> Vectorised for Write<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.block.write_here(self.atoms, self.layout);
    }
}
