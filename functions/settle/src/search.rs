//! Searches a chain's blocks for transfers to watched pairs, and keeps how far it came as it goes.
//!
//! What must stay true: nothing of one pair holds up the others. A question that is too large is put in smaller ones, down
//! to one pair in one block, which is given up for that block; a pair that did so is asked for by itself from then on,
//! within a budget. Every other failure ends the search where it is, with what was searched kept.

use crate::matches::{self, Unfinished, Watching};
use crate::plan::{Limits, Pair, Question};
use crate::{ChainRun, Delayed, Round, coins};
use anyspend_chain::{BlockFacts, FoundTransfer, Searched, Unknown};
use anyspend_domain::{Address, entropy};
use anyspend_store::settlement::{Progress, SearchedTo, progress};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a search goes on without keeping how far it came.
const KEPT_EVERY: Duration = Duration::from_secs(2);
/// What is left of a run's time when its search ends, for following what was found.
const LEFT_FOR_FOLLOWING: Duration = Duration::from_secs(10);
/// Questions of one run about one pair that had more transfers in a block than any endpoint tells.
const QUESTIONS_ABOUT_A_FLOODED_PAIR: u32 = 64;
/// How many such pairs an instance remembers.
const FLOODED_REMEMBERED: usize = 1_000;
/// For how many blocks a transfer that cannot be looked up holds back what counts as done. Then it is given up.
const HELD_BACK_BLOCKS: u64 = 500;

/// What an instance has learnt about searching a chain.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    limits: Mutex<Limits>,
    flooded: Mutex<HashSet<Pair>>,
}

impl Learnt {
    fn limits<T>(&self, of: impl FnOnce(&mut Limits) -> T) -> T {
        of(&mut self.limits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn flooded<T>(&self, of: impl FnOnce(&mut HashSet<Pair>) -> T) -> T {
        of(&mut self.flooded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How far a search has come.
pub(crate) struct Search<'a> {
    round: &'a Round<'a>,
    before: Option<Progress>,
    /// The last block that was searched to its end.
    searched: Option<BlockFacts>,
    /// As [`Progress::coins_to`].
    coins_to: Option<u64>,
    unfinished: Unfinished,
    given_up: u64,
    kept: Instant,
}

impl<'a> Search<'a> {
    pub(crate) fn new(round: &'a Round<'a>, before: Option<Progress>) -> Self {
        let (coins_to, given_up) = before.as_ref().map_or((None, 0), |before| (before.coins_to, before.given_up));
        Self {
            round,
            before,
            searched: None,
            coins_to,
            unfinished: Unfinished::default(),
            given_up,
            kept: Instant::now(),
        }
    }

    /// Looks through these blocks for transfers to these pairs.
    pub(crate) async fn tokens(
        &mut self,
        run: &mut ChainRun,
        (from, to): (u64, u64),
        watching: &Watching,
    ) -> Result<(), Delayed> {
        let learnt = &self.round.chain.learnt;
        let (flooded, others): (Vec<Pair>, Vec<Pair>) =
            learnt.flooded(|flooded| watching.tokens.iter().cloned().partition(|pair| flooded.contains(pair)));
        let mut budget =
            QUESTIONS_ABOUT_A_FLOODED_PAIR.saturating_mul(u32::try_from(flooded.len()).unwrap_or(u32::MAX));
        let mut next = from;
        while next <= to && !self.is_time_up() {
            let last = to.min(next.saturating_add(learnt.limits(|limits| limits.blocks()) - 1));
            let Some((found, block)) = self.span(next, last, &others).await? else { continue };
            self.matched(run, watching, found).await?;
            let block = match block {
                Some(block) => block,
                None => self.round.block_at(last).await?,
            };
            for pair in &flooded {
                let question = Question { first: next, last, pairs: vec![pair.clone()] };
                self.apart(run, watching, question, &mut budget).await?;
            }
            self.searched = Some(block);
            next = last.saturating_add(1);
            if self.kept.elapsed() >= KEPT_EVERY {
                self.keep().await?;
            }
        }
        Ok(())
    }

    async fn matched(
        &mut self,
        run: &mut ChainRun,
        watching: &Watching,
        found: Vec<FoundTransfer>,
    ) -> Result<(), Delayed> {
        matches::match_with_sessions(self.round, run, watching, found, &mut self.unfinished).await
    }

    /// What stands in these blocks, and the last of them; `None` when fewer must be asked for.
    async fn span(
        &mut self,
        first: u64,
        last: u64,
        pairs: &[Pair],
    ) -> Result<Option<(Vec<FoundTransfer>, Option<BlockFacts>)>, Delayed> {
        let learnt = &self.round.chain.learnt;
        let (blocks, chunk) = (last - first + 1, learnt.limits(|limits| limits.pairs()));
        let mut todo: Vec<Question> =
            pairs.chunks(chunk).map(|some| Question { first, last, pairs: some.to_vec() }).collect();
        let (mut found, mut block) = (Vec::new(), None);
        while let Some(question) = todo.pop() {
            match self.ask(&question).await {
                Ok(searched) => {
                    found.extend(searched.found);
                    block = Some(searched.last);
                }
                Err(Unknown::TooManyAddresses(_))
                    if learnt.limits(|limits| limits.fewer_pairs(question.pairs.len())) =>
                {
                    todo.extend(halves_of_pairs(question));
                }
                Err(ref unknown) if is_too_much(unknown) => {
                    if blocks > 1 {
                        learnt.limits(|limits| limits.fewer_blocks(blocks));
                        return Ok(None);
                    }
                    self.halved(question, unknown, &mut todo).await?;
                }
                Err(unknown) => return Err(part(&question, unknown)),
            }
        }
        learnt.limits(|limits| limits.answered(blocks));
        Ok(Some((found, block)))
    }

    async fn ask(&self, question: &Question) -> Result<Searched, Unknown> {
        let (tokens, recipients) = (question.tokens(), question.recipients());
        self.round.endpoints.transfers(question.first..=question.last, &tokens, &recipients).await
    }

    /// Half of what was asked each, or the end of it: one pair has more in one block than any endpoint tells.
    async fn halved(&mut self, question: Question, unknown: &Unknown, todo: &mut Vec<Question>) -> Result<(), Delayed> {
        match question.clone().halves() {
            Some((one, other)) => todo.extend([one, other]),
            // Whoever does not say that it is too much may have meant "too often".
            None if matches!(unknown, Unknown::SomeLimit(_)) => return Err(part(&question, unknown.clone())),
            None => {
                self.is_about_the_pair(&question).await?;
                self.give_up(&question, unknown);
            }
        }
        Ok(())
    }

    /// Refuses to believe an endpoint that finds everything too large: about somebody whom nobody ever paid, it must answer.
    async fn is_about_the_pair(&self, question: &Question) -> Result<(), Delayed> {
        let nobody = [Address::from_bytes(entropy::bytes())];
        let blocks = question.first..=question.last;
        let answer = self.round.endpoints.transfers(blocks, &question.tokens(), &nobody).await;
        answer.map(drop).map_err(|unknown| part(question, unknown))
    }

    /// Searches for one pair that was flooded before, so that it costs the others nothing.
    async fn apart(
        &mut self,
        run: &mut ChainRun,
        watching: &Watching,
        question: Question,
        budget: &mut u32,
    ) -> Result<(), Delayed> {
        let mut todo = vec![question];
        while let Some(question) = todo.pop() {
            if *budget == 0 {
                self.give_up(&question, &Unknown::TooLarge("too many questions in this run".to_owned()));
                continue;
            }
            *budget -= 1;
            match self.ask(&question).await {
                Ok(searched) => self.matched(run, watching, searched.found).await?,
                Err(ref unknown) if is_too_much(unknown) => self.halved(question, unknown, &mut todo).await?,
                Err(unknown) => return Err(part(&question, unknown)),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, question: &Question, unknown: &Unknown) {
        self.given_up += 1;
        self.round.chain.learnt.flooded(|flooded| {
            if flooded.len() < FLOODED_REMEMBERED {
                flooded.extend(question.pairs.iter().cloned());
            }
        });
        let (chain_id, first, last) = (self.round.chain.id, question.first, question.last);
        tracing::error!(chain_id, first, last, pairs = ?question.pairs, %unknown, "transfers were given up");
    }

    /// Looks for the chain's own coin, as [`coins::read`].
    pub(crate) async fn coins(&mut self, run: &mut ChainRun, from: u64, watching: &Watching) -> Result<(), Delayed> {
        let round = self.round;
        if watching.coins.is_empty() {
            self.coins_to = round.chain.finality.last_final(round.head);
            return Ok(());
        }
        let from = self.coins_to.map_or(from, |to| (to + 1).min(round.head.latest));
        coins::read(round, run, from, watching, self).await
    }

    /// Nothing is left of the time for searching.
    pub(crate) fn is_time_up(&self) -> bool {
        self.round.run.remaining() <= LEFT_FOR_FOLLOWING
    }

    /// This is the last block that was searched to its end.
    pub(crate) fn has_searched(&mut self, last: BlockFacts) {
        self.searched = Some(last);
    }

    /// Every block up to here was read whole. Those that are not final are read again.
    pub(crate) fn coins_are_read_to(&mut self, block: u64) {
        let last_final = self.round.chain.finality.last_final(self.round.head).unwrap_or(0);
        self.coins_to = self.coins_to.max(Some(block.min(last_final)));
    }

    /// Keeps how far the search came. Blocks that are not final are looked at again, and so are those in which something
    /// could not be looked up.
    pub(crate) async fn keep(&mut self) -> Result<(), Delayed> {
        let Some(searched) = self.searched.clone() else { return Ok(()) };
        let (round, number) = (self.round, searched.block.number);
        self.given_up += self.unfinished.give_up_before(round.chain.id, number.saturating_sub(HELD_BACK_BLOCKS));
        let done = self.unfinished.first().map_or(number, |first| first.saturating_sub(1).min(number));
        let final_to = round.chain.finality.last_final(round.head).map_or(0, |last| last.min(done));
        let before = self.before.as_ref();
        if before.is_some_and(|before| before.scanned_to > number) {
            return Ok(());
        }
        let scanned_to = before.map_or(final_to, |before| final_to.max(before.scanned_to));
        let scanned_hash = match before {
            _ if scanned_to == number => Some(searched.block.hash),
            Some(before) if scanned_to == before.scanned_to => before.scanned_hash.clone(),
            _ => Some(round.block_at(scanned_to).await?.block.hash),
        };
        let now = Progress {
            chain_id: round.chain.id,
            scanned_to,
            scanned_hash,
            latest: round.head.latest,
            latest_time: round.latest_time,
            as_of: round.run.now,
            searched: Some(SearchedTo { block: number, time: searched.time }),
            coins_to: self.coins_to,
            given_up: self.given_up,
        };
        let write = progress(&now)?;
        round.run.db.commit(vec![write]).await.map_err(|error| Delayed::not_written("progress", error))?;
        (self.before, self.kept) = (Some(now), Instant::now());
        Ok(())
    }
}

const fn is_too_much(unknown: &Unknown) -> bool {
    matches!(unknown, Unknown::TooLarge(_) | Unknown::TooManyAddresses(_) | Unknown::SomeLimit(_))
}

fn halves_of_pairs(mut question: Question) -> [Question; 2] {
    let others = question.pairs.split_off(question.pairs.len() / 2);
    let (first, last) = (question.first, question.last);
    [question, Question { first, last, pairs: others }]
}

fn part(question: &Question, unknown: Unknown) -> Delayed {
    Delayed::Part { what: format!("blocks {} to {}", question.first, question.last), unknown }
}
