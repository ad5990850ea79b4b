//! Vectors that begin at a cache line.

use super::element::Element;

/// Numbers that begin at a cache line, so that no vector of a group straddles two.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlignedVec<E> {
    storage: Vec<E>,
    start: usize,
    length: usize,
}

impl<E: Element> AlignedVec<E> {
    /// Makes it hold `length` numbers: the ones it has if there are as many, zeros otherwise.
    pub(crate) fn resize(&mut self, length: usize) {
        if self.length != length {
            self.storage.clear();
            self.storage.resize(length + E::GROUP - 1, E::default());
            let line = E::GROUP * size_of::<E>();
            self.start = self.storage.as_ptr().align_offset(line).min(E::GROUP - 1);
            self.length = length;
        }
    }

    /// How many numbers there are.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    /// The numbers.
    pub(crate) fn as_slice(&self) -> &[E] {
        &self.storage[self.start..self.start + self.length]
    }

    /// The numbers.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [E] {
        &mut self.storage[self.start..self.start + self.length]
    }
}
