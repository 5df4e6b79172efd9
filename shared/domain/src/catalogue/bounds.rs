//! The prices a buyer may choose between.

use crate::{Amount, Problem};
use serde::{Deserialize, Serialize};

/// What the buyer may choose, where the price is the buyer's choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least.
    pub min: Option<Amount>,
    /// The most.
    pub max: Option<Amount>,
}

impl Bounds {
    /// Why a payer may not choose an amount, if so.
    pub fn problem_of_choice(self, amount: Amount) -> Option<Problem> {
        let too_little = self.min.filter(|least| amount < *least);
        let too_much = self.max.filter(|most| amount > *most);
        let must = match (too_little, too_much) {
            (Some(least), _) => format!("must be at least {least}"),
            (None, Some(most)) => format!("must be at most {most}"),
            (None, None) => return None,
        };
        Some(Problem::invalid("amount", must))
    }

    /// What is owed when this much is chosen by paying it.
    pub(crate) fn nearest(self, paid: Amount) -> Amount {
        let paid = self.min.map_or(paid, |min| paid.max(min));
        self.max.map_or(paid, |max| paid.min(max))
    }
}
