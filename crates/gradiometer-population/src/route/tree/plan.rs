//! Which cells meet, as atoms or as nodes, and in which order so that no two threads write to one.

use super::cells::Cell;
use super::interpolation::{Admission, ORDERS, power};
use crate::kernel::GRAIN;

/// What stands for a cell in an interaction: its atoms, or its nodes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// The atoms of a leaf.
    Atoms,
    /// The nodes of the order with this index.
    Nodes(usize),
}

/// The clouds of an evaluation and their meetings.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Cell of each cloud and what it holds; leaves first, in the order of the cells.
    pub(super) clouds: Vec<(usize, Stand)>,
    /// Pairs of clouds, by rounds in which no cloud occurs twice; a cloud paired with itself meets itself.
    pub(super) rounds: Vec<Vec<[usize; 2]>>,
    /// Number of evaluations of the kernel.
    pub(super) entries: usize,
    /// Largest order in use; zero if none is.
    pub(super) largest: usize,
}

/// Number of nodes of an order for cells with the given number of axes, padded.
pub(super) fn node_count(order: usize, axes: usize) -> usize {
    power(ORDERS[order], axes).next_multiple_of(GRAIN)
}

/// The traversal of pairs of cells.
struct Traversal<'a, const D: usize> {
    cells: &'a [Cell<D>],
    admission: Admission,
    /// Index of the cloud of each cell's atoms or nodes, plus one.
    slots: Vec<[usize; ORDERS.len() + 1]>,
    clouds: Vec<(usize, Stand)>,
    meetings: Vec<[usize; 2]>,
    entries: usize,
    largest: usize,
}

/// Plans the evaluation over a tree whose first cells have no parent.
pub(super) fn plan<const D: usize>(cells: &[Cell<D>], tolerance: f64) -> Plan {
    let mut traversal = Traversal {
        cells,
        admission: Admission::new(tolerance, D - 1),
        slots: vec![[0; ORDERS.len() + 1]; cells.len()],
        clouds: Vec::new(),
        meetings: Vec::new(),
        entries: 0,
        largest: 0,
    };
    for (c, cell) in cells.iter().enumerate() {
        if cell.halves.is_none() {
            let _leaf = traversal.cloud(c, Stand::Atoms);
        }
    }
    let roots = cells.iter().take_while(|cell| cell.parent.is_none()).count();
    for a in 0..roots {
        for b in a..roots {
            traversal.visit(a, b);
        }
    }
    let rounds = rounds(&traversal.meetings, traversal.clouds.len());
    Plan {
        clouds: traversal.clouds,
        rounds,
        entries: traversal.entries,
        largest: traversal.largest,
    }
}

impl<const D: usize> Traversal<'_, D> {
    fn cloud(&mut self, cell: usize, stand: Stand) -> usize {
        let slot = match stand {
            Stand::Atoms => 0,
            Stand::Nodes(order) => order + 1,
        };
        if self.slots[cell][slot] == 0 {
            self.clouds.push((cell, stand));
            self.slots[cell][slot] = self.clouds.len();
        }
        self.slots[cell][slot] - 1
    }

    fn size(&self, cell: usize, stand: Stand) -> usize {
        match stand {
            Stand::Atoms => self.cells[cell].range.len().next_multiple_of(GRAIN),
            Stand::Nodes(order) => node_count(order, D - 1),
        }
    }

    /// What stands for both cells if they are far enough apart, and what it costs.
    fn far(&self, a: usize, b: usize) -> Option<([Stand; 2], usize)> {
        let orders = self.admission.orders([&self.cells[a], &self.cells[b]])?;
        let stands = [(a, orders[0]), (b, orders[1])].map(|(cell, order)| {
            let nodes = Stand::Nodes(order);
            let leaf = self.cells[cell].halves.is_none();
            if leaf && self.size(cell, Stand::Atoms) <= self.size(cell, nodes) {
                Stand::Atoms
            } else {
                nodes
            }
        });
        Some((stands, self.size(a, stands[0]) * self.size(b, stands[1])))
    }

    fn meet(&mut self, a: (usize, Stand), b: (usize, Stand)) {
        let pair = [self.cloud(a.0, a.1), self.cloud(b.0, b.1)];
        self.meetings.push(pair);
        self.entries += self.size(a.0, a.1) * self.size(b.0, b.1);
        for stand in [a.1, b.1] {
            if let Stand::Nodes(order) = stand {
                self.largest = self.largest.max(ORDERS[order]);
            }
        }
    }

    fn visit(&mut self, a: usize, b: usize) {
        if a == b {
            match self.cells[a].halves {
                None => self.meet((a, Stand::Atoms), (a, Stand::Atoms)),
                Some([low, high]) => {
                    self.visit(low, low);
                    self.visit(low, high);
                    self.visit(high, high);
                }
            }
            return;
        }
        let (first, second) = (&self.cells[a], &self.cells[b]);
        // The larger one is halved, if it can be.
        let (halves, other) = match (first.halves, second.halves) {
            (None, None) => (None, b),
            (Some(halves), None) => (Some(halves), b),
            (None, Some(halves)) => (Some(halves), a),
            (Some(of_first), Some(of_second)) => {
                if first.body.radius >= second.body.radius {
                    (Some(of_first), b)
                } else {
                    (Some(of_second), a)
                }
            }
        };
        let far = self.far(a, b);
        let Some(halves) = halves else {
            let stands = far.map_or([Stand::Atoms; 2], |(stands, _)| stands);
            self.meet((a, stands[0]), (b, stands[1]));
            return;
        };
        if let Some((stands, cost)) = far {
            // Halves may do with a lower order each.
            let apart = halves.map(|half| self.far(half, other).map(|(_, cost)| cost));
            if !matches!(apart, [Some(low), Some(high)] if low + high < cost)
                && cost <= first.range.len() * second.range.len()
            {
                self.meet((a, stands[0]), (b, stands[1]));
                return;
            }
        }
        for half in halves {
            self.visit(half, other);
        }
    }
}

/// Distributes the meetings: each goes to the first round in which neither of its clouds is busy.
fn rounds(meetings: &[[usize; 2]], clouds: usize) -> Vec<Vec<[usize; 2]>> {
    let mut busy: Vec<Vec<u64>> = vec![Vec::new(); clouds];
    let mut rounds: Vec<Vec<[usize; 2]>> = Vec::new();
    for pair in meetings {
        let word = |cloud: usize, i: usize| busy[cloud].get(i).copied().unwrap_or(0);
        let mut i = 0;
        let free = loop {
            let free = !(word(pair[0], i) | word(pair[1], i));
            if free != 0 {
                break free.trailing_zeros() as usize;
            }
            i += 1;
        };
        for cloud in pair {
            let words = &mut busy[*cloud];
            words.resize(words.len().max(i + 1), 0);
            words[i] |= 1 << free;
        }
        let round = i * 64 + free;
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(*pair);
    }
    rounds
}
