//! What opening and pricing a session owe to settlement: an amount of the session's own, a watch on its recipient, and
//! the reference by which a transaction names it.
//!
//! A reference is the session's id, encrypted: calldata is public, and who knows a session's id sees its page. Being
//! decrypted instead of looked up, it costs no row.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::commit::{Changes, NotCommitted};
use crate::error::ApiError;
use crate::platform::Platform;
use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use anyspend_domain::chain::{NATIVE_DECIMALS, known_token};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::matching::{Class, Scope};
use anyspend_domain::settlement::{EXTRA_ATTEMPTS, Reference, extra, most_extra};
use anyspend_domain::{CheckoutSessionId, entropy};
use anyspend_store::{Write, settlement};

const REFERENCE_PURPOSE: &str = "payment-reference";
/// One block of the cipher, which is also the length of the id's time and randomness.
const BLOCK: usize = 16;

impl Platform {
    fn reference_cipher(&self) -> Option<Aes256> {
        let secret = self.config.secret.as_ref()?;
        Some(Aes256::new(&secret.derive(REFERENCE_PURPOSE).into()))
    }

    /// What a wallet appends to the calldata to name this session; `None` when the deployment has no secret.
    pub fn payment_reference(&self, id: &CheckoutSessionId) -> Option<Reference> {
        let mut body = id.to_bytes()?;
        // One block is a permutation, and no two sessions share it. The short code behind it is in every link anyway.
        let mut block = [0; BLOCK];
        block.copy_from_slice(&body[..BLOCK]);
        let mut block = block.into();
        self.reference_cipher()?.encrypt_block(&mut block);
        body[..BLOCK].copy_from_slice(&block);
        Some(Reference::new(body))
    }

    /// The session a reference names. Whether it exists is another question: any 22 bytes may come along.
    pub fn referenced_session(&self, reference: &Reference) -> Option<CheckoutSessionId> {
        let mut body = reference.body();
        let mut block = [0; BLOCK];
        block.copy_from_slice(&body[..BLOCK]);
        let mut block = block.into();
        self.reference_cipher()?.decrypt_block(&mut block);
        body[..BLOCK].copy_from_slice(&block);
        CheckoutSessionId::from_bytes(body)
    }
}

impl Call {
    /// Commits a change that opens a session or decides what it owes, so that payments for it are found: where its chain
    /// is followed, its recipient is watched, and the amount it asks for becomes its own by a few last digits. `changes`
    /// makes the change for the session with those digits chosen. Where every amount near the price is taken, the session
    /// goes without one of its own, and is paid by reference or signature.
    ///
    /// # Errors
    /// What [`Call::commit_for`] refuses.
    pub async fn commit_asking(
        &self,
        caller: &Caller,
        session: &CheckoutSession,
        changes: impl Fn(&CheckoutSession) -> Result<Changes, ApiError>,
    ) -> Result<Answer, NotCommitted> {
        let mut session = session.clone();
        (session.extra, session.by_reference_only) = (0, false);
        if !self.platform.config.chains.can_settle(session.chain_id) {
            return self.commit_for(caller, &session.owner, changes(&session)?).await;
        }
        let naming = self.naming(&session).await?;
        let asking = |session: &CheckoutSession| -> Result<Changes, NotCommitted> {
            let mut changes = changes(session)?;
            changes.writes.push(settlement::watch(session)?);
            changes.writes.extend(naming.clone());
            changes.writes.extend(settlement::ask(session, self.now)?);
            Ok(changes)
        };
        for attempt in 0..EXTRA_ATTEMPTS {
            let random = u64::from_be_bytes(entropy::bytes());
            let Some(next) = extra(attempt, most_extra_of(&session), random) else { break };
            session.extra = next;
            match self.commit_for(caller, &session.owner, asking(&session)?).await {
                Err(NotCommitted::Reserved) => {}
                done => return done,
            }
        }
        (session.extra, session.by_reference_only) = (0, true);
        self.commit_for(caller, &session.owner, asking(&session)?).await
    }

    /// The write that remembers since when the session's organization names its recipient, unless it is remembered
    /// already. This instance reads it once.
    async fn naming(&self, session: &CheckoutSession) -> Result<Option<Write>, ApiError> {
        let (recipient, owner) = (&session.recipient_address, &session.owner);
        if Scope::of(session).class() != Class::Live {
            return Ok(None);
        }
        let name = format!("{} is named by {}", recipient.lower_case(), owner.org);
        if self.platform.owners.find(&name).is_some() {
            return Ok(None);
        }
        if self.db.is_named(recipient, &owner.org).await? {
            self.platform.owners.remember(&name, owner.org.as_str(), owner);
            return Ok(None);
        }
        Ok(Some(settlement::named(recipient, &owner.org, self.now)?))
    }
}

/// The most that may be added to what a session owes.
pub fn most_extra_of(session: &CheckoutSession) -> u64 {
    let known = known_token(&session.token_address, session.chain_id).map(|token| token.decimals);
    let decimals = known.or(session.token_address.is_native_coin().then_some(NATIVE_DECIMALS));
    session.amount_due().map_or(0, |due| most_extra(due, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::seal::MasterSecret;
    use anyspend_domain::{ShortCode, Timestamp};
    use anyspend_store::Db;
    use anyspend_store::db::Connection;
    use std::sync::Arc;

    fn platform() -> Arc<Platform> {
        let db = Db::new(Connection::local("http://127.0.0.1:1".to_owned()).client(), "t");
        let secret = Some(MasterSecret::generate());
        Platform::new(db, Config { secret, ..Config::local("https://pay.test".to_owned()) }, Clock::System)
    }

    #[test]
    fn a_reference_leads_to_its_session_here_and_tells_nobody_else_its_id() {
        let (here, elsewhere) = (platform(), platform());
        let id =
            CheckoutSessionId::generate(Timestamp::from_millis(1_772_188_200_000).unwrap(), &ShortCode::generate());
        let reference = here.payment_reference(&id).unwrap();
        assert_eq!(here.payment_reference(&id), Some(reference));
        assert_eq!(here.referenced_session(&reference), Some(id.clone()));
        assert_ne!(elsewhere.referenced_session(&reference), Some(id.clone()));
        assert_ne!(reference.body()[..BLOCK], id.to_bytes().unwrap()[..BLOCK]);
    }
}
