//! What a payer adds to a session that was opened without it: the merchant opens one with what the shop knows, and the
//! page asks for the rest.

use crate::checkout_session::{CheckoutSession, Status};
use crate::payer_answers::{Answers, Asked};
use crate::{Amount, Code, Problem, Rejection, Timestamp};

impl CheckoutSession {
    /// What of all that its link asks is still to be answered.
    pub fn still_asked<'a>(&self, asked: Asked<'a>) -> Asked<'a> {
        Asked {
            form: asked.form.filter(|_| self.buyer.form_data.is_none()),
            shipping_options: if self.shipping_option.is_none() { asked.shipping_options } else { &[] },
            shipping_address: asked.shipping_address && self.buyer.shipping_address.is_none(),
        }
    }

    /// Whether it cannot be paid yet, because something its link asks was not answered or no amount was chosen.
    pub fn lacks_details(&self, asked: Asked<'_>) -> bool {
        self.amount.is_none() || self.still_asked(asked).demands_something()
    }

    /// Adds what was missing. What is known already stays: an address to pay to and an amount may have been shown for it.
    ///
    /// # Errors
    /// `invalid_status_transition` when it is not open any more, and what is wrong with the amount.
    pub fn add_details(
        &mut self,
        answers: Answers,
        amount: Option<Amount>,
        now: Timestamp,
        link_deleted_at: Option<Timestamp>,
    ) -> Result<(), Rejection> {
        let status = self.status(now, link_deleted_at);
        if status != Status::Open {
            let message = format!("Only an open checkout session takes details, and this one is {}.", status.as_str());
            return Err(Problem::new(Code::InvalidStatusTransition, message).into());
        }
        match (self.amount, amount) {
            (None, None) => return Err(Problem::missing("amount").into()),
            (Some(price), Some(asked)) if price != asked => {
                return Err(Problem::invalid("amount", format!("is set already, to {price}")).into());
            }
            (None, Some(asked)) => {
                Rejection::unless_empty(self.bounds.problem_of_choice(asked).into_iter().collect())?;
                self.amount = Some(asked);
            }
            (Some(_), _) => {}
        }
        self.buyer.form_data = self.buyer.form_data.take().or(answers.form_data);
        self.buyer.shipping_address = self.buyer.shipping_address.take().or(answers.shipping_address);
        self.shipping_option = self.shipping_option.take().or(answers.shipping_option);
        if self.amount_due().is_none() {
            let must = "must leave the sum of price and shipping within 2^256-1";
            return Err(Problem::invalid("shipping_option_id", must).into());
        }
        self.touch(now);
        Ok(())
    }
}
