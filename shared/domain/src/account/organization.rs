//! A merchant, and what its links are made of where they do not say it themselves.

use crate::payment_link::{Surroundings, recipient_problem, settlement_problems};
use crate::text::{Description, Name};
use crate::web_url::WebUrl;
use crate::{Address, Mode, OrgId, Patch, Problem, Rejection, Timestamp};
use serde::{Deserialize, Serialize};

/// What the fields of a link are called where they are an organization's defaults.
const DEFAULTS: &str = "default_";

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// `org_…`
    pub id: OrgId,
    /// Its name.
    pub name: Name,
    /// What it says about itself.
    pub description: Option<Description>,
    /// Its logo.
    pub logo_url: Option<WebUrl>,
    /// Its website.
    pub website_url: Option<WebUrl>,
    /// Fills a link's recipient where none is sent.
    pub default_recipient_address: Option<Address>,
    /// Fills a link's chain where none is sent.
    pub default_chain_id: Option<u64>,
    /// Fills a link's token where none is sent.
    pub default_token_address: Option<Address>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version: u64,
}

/// An update of an organization, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `Organization`")]
pub struct OrganizationPatch {
    pub name: Patch<Name>,
    pub description: Patch<Description>,
    pub logo_url: Patch<WebUrl>,
    pub website_url: Patch<WebUrl>,
    pub default_recipient_address: Patch<Address>,
    pub default_chain_id: Patch<u64>,
    pub default_token_address: Patch<Address>,
}

impl Organization {
    /// One that has a name and nothing else.
    pub const fn new(id: OrgId, name: Name, now: Timestamp) -> Self {
        Self {
            id,
            name,
            description: None,
            logo_url: None,
            website_url: None,
            default_recipient_address: None,
            default_chain_id: None,
            default_token_address: None,
            created_at: now,
            version: 0,
        }
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// Every problem at once; the organization is then left in an unspecified state and must not be kept.
    pub fn update(&mut self, patch: OrganizationPatch, around: Surroundings<'_>) -> Result<(), Rejection> {
        let mut problems = Problem::of_each(&[("name", matches!(patch.name, Patch::Clear))], Problem::uncleared);
        // Held to what a test link is held to: a default serves both modes, and a live link is checked when it is made.
        let (chain, recipient) = (patch.default_chain_id.value(), patch.default_recipient_address.value());
        let unusable = settlement_problems(Mode::Test, chain.copied(), recipient, around.chains);
        let paid_anew = recipient.is_some() || patch.default_token_address.is_sent();
        let of_default = |problem: Problem| Problem {
            message: problem.message.replacen("The '", &format!("The '{DEFAULTS}"), 1),
            param: problem.param.map(|param| format!("{DEFAULTS}{param}")),
            ..problem
        };
        problems.extend(unusable.into_iter().map(of_default));
        patch.name.replace(&mut self.name);
        patch.description.apply(&mut self.description);
        patch.logo_url.apply(&mut self.logo_url);
        patch.website_url.apply(&mut self.website_url);
        patch.default_recipient_address.apply(&mut self.default_recipient_address);
        patch.default_chain_id.apply(&mut self.default_chain_id);
        patch.default_token_address.apply(&mut self.default_token_address);
        if paid_anew {
            let (recipient, token) = (&self.default_recipient_address, &self.default_token_address);
            problems.extend(recipient_problem(recipient.as_ref(), token.as_ref()).map(of_default));
        }
        self.version += 1;
        Rejection::unless_empty(problems)
    }

    /// The name as it can stand in a URL: lower-case letters, digits and single hyphens; the id where nothing of the name
    /// can.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for character in self.name.as_str().chars().flat_map(char::to_lowercase) {
            if character.is_ascii_alphanumeric() {
                slug.push(character);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() { self.id.to_string() } else { slug.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_what_of_a_name_can_stand_in_a_url() {
        let now = Timestamp::from_millis(0).unwrap();
        let named = |name: &str| {
            let id = OrgId::parse("org_00000000000000000000000ABC").unwrap();
            Organization::new(id, Name::parse(name).unwrap(), now).slug()
        };
        assert_eq!(named("Café & Sons, Ltd."), "caf-sons-ltd");
        assert_eq!(named("  A  "), "a");
        assert_eq!(named("日本"), "org_00000000000000000000000ABC");
    }
}
