//! The first step into a local platform: an organization, and an admin key of it.

use crate::data_dir::DataDir;
use anyspend_api::clock::Clock;
use anyspend_api::versions::Version;
use anyspend_domain::api_key::{ApiKey, KeyText, Permissions};
use anyspend_domain::organization::Organization;
use anyspend_domain::text::Name;
use anyspend_domain::{Mode, OrgId, Owner, Timestamp};
use anyspend_store::{CommitError, Db, Refusal, api_keys, organizations};

/// The one organization of a local platform.
const LOCAL_ORG: &str = "org_00000000000000000000000LCL";

/// Makes sure that an admin key exists: the one asked for, the one in the data directory, or a fresh one.
pub(crate) async fn ensure_key(db: &Db, asked: Option<&str>, data: Option<&DataDir>) -> Result<String, String> {
    let text = match (asked, data) {
        (Some(key), _) => key.to_owned(),
        (None, Some(data)) => data.first_key()?,
        (None, None) => KeyText::generate(Mode::Test).expose().to_owned(),
    };
    let key = KeyText::parse(&text).ok_or(
        "the API key must be 'asp_test_' or 'asp_live_' and 32 or more letters and digits \
         (and of a key minted here, every character must be right)",
    )?;
    let now = Clock::System.now();
    if let Some(existing) = db.find_api_key_by_hash(key.hash()).await.map_err(|error| error.to_string())? {
        return match existing.is_active(now) {
            true => Ok(text),
            false => Err("this API key was revoked or has expired; pass another one with --key".to_owned()),
        };
    }
    let org = OrgId::parse(LOCAL_ORG).ok_or("the local organization's id is malformed")?;
    ensure_organization(db, &org, now).await?;
    let name = Name::parse("Local runner").map_err(|invalid| invalid.must)?;
    let owner = Owner { org, mode: key.mode() };
    let stored = ApiKey::new(&key, owner, name, Permissions::admin(), Version::current().name(), now);
    let writes = api_keys::create(&stored).map_err(|error| error.to_string())?;
    db.commit(writes).await.map_err(|error| format!("cannot create the API key: {error:?}"))?;
    Ok(text)
}

async fn ensure_organization(db: &Db, org: &OrgId, now: Timestamp) -> Result<(), String> {
    let name = Name::parse("Local organization").map_err(|invalid| invalid.must)?;
    let organization = Organization::new(org.clone(), name, now);
    let write = organizations::create(&organization).map_err(|error| error.to_string())?;
    match db.commit(vec![write]).await {
        Ok(()) | Err(CommitError::Refused { refusal: Refusal::Taken, .. }) => Ok(()),
        Err(error) => Err(format!("cannot create the local organization: {error:?}")),
    }
}
