use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

/// The hash of one line, without its line feed (RFC 9162 section 2.1.1, the same as in RFC 6962).
pub(crate) fn leaf(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The Merkle tree over all lines, of which only the roots of its perfect subtrees are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    size: u64,
    /// One for each bit that is set in the size, the largest first.
    subtrees: Vec<Hash>,
}

impl Tree {
    pub(crate) const EMPTY: Self = Self { size: 0, subtrees: Vec::new() };

    /// A tree to go on with; none if there are not as many subtrees as the size needs.
    pub(crate) fn resume(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        (subtrees.len() == size.count_ones() as usize).then_some(Self { size, subtrees })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Adds one leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size = self.size.saturating_add(1);
    }

    pub(crate) fn root(&self) -> Hash {
        let mut smallest_first = self.subtrees.iter().rev();
        match smallest_first.next() {
            Some(smallest) => smallest_first.fold(*smallest, |right, left| node(left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::hex;

    /// As the RFC defines it, from all leaves at once.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node(&naive(left), &naive(right))
            }
        }
    }

    #[test]
    fn roots_are_those_that_other_implementations_find() {
        // The leaves and roots that Certificate Transparency implementations test themselves with.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::EMPTY;
        for (line, root) in leaves.into_iter().zip(roots) {
            tree.push(leaf(line));
            assert_eq!(hex::encoded::<64>(&tree.root()), root.as_bytes(), "{}", tree.size());
        }
    }

    proptest! {
        #[test]
        fn a_tree_built_bit_by_bit_has_the_root_of_the_whole(count in 0..300u16, resumed in 0..300u16) {
            let leaves: Vec<_> = (0..count).map(|n| leaf(&n.to_be_bytes())).collect();
            let mut tree = Tree::EMPTY;
            for (n, leaf) in leaves.iter().enumerate() {
                if n == usize::from(resumed) {
                    tree = Tree::resume(tree.size(), tree.subtrees().to_vec()).unwrap();
                }
                tree.push(*leaf);
            }
            prop_assert_eq!(tree.root(), naive(&leaves));
            prop_assert_eq!(tree.size(), u64::from(count));
            let mut wrong = tree.subtrees().to_vec();
            wrong.push([0; 32]);
            prop_assert_eq!(Tree::resume(tree.size(), wrong), None);
        }
    }
}
