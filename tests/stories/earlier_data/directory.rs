//! The directory that was written, unpacked, and what was written down beside it.

use crate::local_runner::Folder;
use anyspend_api::config::Config;
use anyspend_api::seal::MasterSecret;
use anyspend_domain::Timestamp;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The table's name on the embedded engine.
const TABLE: &str = "anyspend-platform";

/// The directory in a folder of its own, and what was written down beside it.
pub(crate) struct Earlier {
    pub(crate) folder: Folder,
    pub(crate) told: Value,
}

impl Earlier {
    pub(crate) fn unpack(name: &str) -> Self {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/data-0.1.tar.gz");
        let folder = Folder::new(&format!("earlier-{name}"));
        std::fs::create_dir_all(&folder.0).unwrap();
        let unpacked = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder.0).status().unwrap();
        assert!(unpacked.success());
        let told = serde_json::from_slice(&std::fs::read(folder.0.join("answers.json")).unwrap()).unwrap();
        Self { folder, told }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap()
    }

    /// What the fixture calls by a name: an object, or a secret.
    pub(crate) fn named(&self, name: &str) -> &Value {
        let named = &self.told["named"][name];
        assert!(!named.is_null(), "nothing is called {name}");
        named
    }

    /// The id of what the fixture calls by a name.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.named(name)["id"].as_str().unwrap()
    }

    pub(crate) fn answers(&self) -> &Vec<Value> {
        self.told["answers"].as_array().unwrap()
    }

    /// The answer that a path got in the present version.
    pub(crate) fn answer(&self, whose: &str, path: &str) -> &Value {
        let wanted = (&json!(whose), &json!(path), &json!("2026-02-27"));
        let found = self.answers().iter().find(|said| (&said["whose"], &said["path"], &said["version"]) == wanted);
        &found.unwrap_or_else(|| panic!("nobody asked for {path}"))["body"]
    }

    /// The settings that say how the chain was followed, its endpoint being at `url`.
    pub(crate) fn chain_settings(&self, url: &str) -> (String, String) {
        let chain = &self.told["chain"];
        (format!("{}={url}", chain["id"]), format!("{}={}", chain["id"], chain["confirmations"]))
    }

    /// A platform on the directory, at the moment its answers were written down.
    pub(crate) fn open(&self, chain_url: &str) -> App {
        let chain = &self.told["chain"];
        let access =
            ChainAccess { rpc_urls: vec![chain_url.to_owned()], confirmations: chain["confirmations"].as_u64() };
        let chains = BTreeMap::from([(chain["id"].as_u64().unwrap(), access)]);
        let secret = std::fs::read_to_string(self.folder.0.join("secret")).unwrap();
        let config = Config {
            short_url: Some(self.text("short_url").to_owned()),
            chains: Chains::new(chains),
            secret: MasterSecret::from_hex(secret.trim()),
            ..Config::local(self.text("public_url").to_owned())
        };
        let at = Timestamp::parse(self.text("at")).unwrap();
        App::open_file(anyspend_local::groups, &self.folder.0.join("platform.db"), TABLE, at, config)
    }
}

/// Who holds a key.
pub(crate) fn holder<'a>(app: &'a App, key: &str) -> Client<'a> {
    app.anonymous("192.0.2.1").with("authorization", &format!("Bearer {key}"))
}

/// Where what is said differs from what was said. A field may be new; none may be gone or say something else, but those
/// left out.
pub(crate) fn differences(place: &str, was: &Value, is: &Value, left_out: &[&str], found: &mut Vec<String>) {
    match (was, is) {
        (Value::Object(was), Value::Object(now)) => {
            for (name, was) in was.iter().filter(|(name, _)| !left_out.contains(&name.as_str())) {
                let is = now.get(name).unwrap_or(&Value::Null);
                if now.contains_key(name) {
                    differences(&format!("{place}.{name}"), was, is, left_out, found);
                } else {
                    found.push(format!("{place}.{name} is gone, which was {was}"));
                }
            }
        }
        (Value::Array(was), Value::Array(now)) if was.len() == now.len() => {
            for (index, (was, is)) in was.iter().zip(now).enumerate() {
                differences(&format!("{place}[{index}]"), was, is, left_out, found);
            }
        }
        _ if was != is => found.push(format!("{place} was {was} and is {is}")),
        _ => {}
    }
}

/// An answer's body as it was written down: JSON, or a text.
pub(crate) fn body(kind: &str, bytes: &[u8]) -> Value {
    match kind.starts_with("application/json") {
        true => serde_json::from_slice(bytes).unwrap(),
        false => json!(String::from_utf8(bytes.to_vec()).unwrap()),
    }
}
