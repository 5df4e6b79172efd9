//! How a search of the logs is cut into questions that endpoints answer: pure, and learnt from what they refuse.

use anyspend_domain::Address;
use std::collections::HashSet;

/// A token and a recipient of it.
pub(crate) type Pair = (Address, Address);

/// Most blocks of one question.
pub(crate) const MOST_BLOCKS: u64 = 1_000;
/// Most pairs of one question.
pub(crate) const MOST_PAIRS: usize = 200;
/// Answers after which a larger question is tried.
const GROW_AFTER: u32 = 4;
/// Answers after which a question is tried that is as large as one that was refused.
const RETRY_AFTER: u32 = 32;

/// A question about these pairs in these blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) pairs: Vec<Pair>,
}

impl Question {
    pub(crate) fn tokens(&self) -> Vec<Address> {
        distinct(self.pairs.iter().map(|(token, _)| token))
    }

    pub(crate) fn recipients(&self) -> Vec<Address> {
        distinct(self.pairs.iter().map(|(_, recipient)| recipient))
    }

    /// The same in two questions: half of the blocks each, or half of the pairs where it is about one block. `None` where
    /// it is about one pair in one block.
    pub(crate) fn halves(mut self) -> Option<(Self, Self)> {
        if self.first < self.last {
            let middle = self.first + (self.last - self.first) / 2;
            let later = Self { first: middle + 1, pairs: self.pairs.clone(), ..self };
            return Some((Self { last: middle, ..self }, later));
        }
        if self.pairs.len() < 2 {
            return None;
        }
        let others = self.pairs.split_off(self.pairs.len() / 2);
        Some((self.clone(), Self { pairs: others, ..self }))
    }
}

fn distinct<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<Address> {
    let mut seen = HashSet::new();
    addresses.filter(|address| seen.insert(address.lower_case())).cloned().collect()
}

/// What a chain's endpoints answer at once, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    blocks: u64,
    pairs: usize,
    /// So many blocks were refused last.
    refused: Option<u64>,
    /// Answers since anything changed.
    answered: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { blocks: MOST_BLOCKS, pairs: MOST_PAIRS, refused: None, answered: 0 }
    }
}

impl Limits {
    /// Blocks of the next question.
    pub(crate) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Pairs of the next question.
    pub(crate) const fn pairs(&self) -> usize {
        self.pairs
    }

    /// So many blocks were too many; `false` where there is nothing less.
    pub(crate) fn fewer_blocks(&mut self, asked: u64) -> bool {
        (self.refused, self.answered) = (Some(asked), 0);
        self.blocks = self.blocks.min(asked / 2).max(1);
        asked > 1
    }

    /// So many pairs were too many; `false` where there is nothing less.
    pub(crate) fn fewer_pairs(&mut self, asked: usize) -> bool {
        self.answered = 0;
        self.pairs = self.pairs.min(asked / 2).max(1);
        asked > 1
    }

    /// So many blocks were answered.
    pub(crate) fn answered(&mut self, blocks: u64) {
        if blocks < self.blocks {
            return;
        }
        self.answered += 1;
        // What was too much once is not any more.
        self.refused = self.refused.filter(|refused| blocks < *refused);
        let next = (self.blocks * 2).min(MOST_BLOCKS);
        let was_refused = self.refused.is_some_and(|refused| next >= refused);
        if self.answered < if was_refused { RETRY_AFTER } else { GROW_AFTER } {
            return;
        }
        (self.blocks, self.answered) = (next, 0);
        self.pairs = (self.pairs * 2).min(MOST_PAIRS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(byte: u8) -> Pair {
        (Address::from_bytes([byte; 20]), Address::from_bytes([byte | 0x80; 20]))
    }

    #[test]
    fn a_question_is_halved_by_blocks_then_by_pairs_until_one_pair_in_one_block_is_left_and_nothing_is_lost() {
        let whole = Question { first: 10, last: 14, pairs: vec![pair(1), pair(2), pair(3)] };
        let (mut todo, mut single) = (vec![whole], HashSet::new());
        while let Some(question) = todo.pop() {
            match question.clone().halves() {
                Some((one, other)) => todo.extend([one, other]),
                None => assert!(single.insert((question.first, question.pairs[0].0.lower_case()))),
            }
        }
        assert_eq!(single.len(), 5 * 3);
    }

    #[test]
    fn what_was_refused_is_not_asked_again_soon_and_is_asked_again_some_day() {
        let mut limits = Limits::default();
        let (mut refused, mut asked) = (0, 0);
        // An endpoint that answers about seven blocks at once.
        for _ in 0..400 {
            asked += 1;
            let blocks = limits.blocks();
            if blocks > 7 {
                refused += 1;
                assert!(limits.fewer_blocks(blocks));
            } else {
                limits.answered(blocks);
            }
        }
        assert!(refused <= 8 + asked / 32, "{refused} of {asked}");
        // It answers more again.
        for _ in 0..100 {
            limits.answered(limits.blocks());
        }
        assert_eq!(limits.blocks(), MOST_BLOCKS);
        assert!(!Limits::default().fewer_blocks(1) && !Limits::default().fewer_pairs(1));
    }
}
