//! The envelope around the platform's secret on AWS: KMS makes a data key, the table keeps it wrapped, and every instance
//! has KMS open it once, while it starts.
//!
//! What must stay true: the key stands nowhere in the clear but in the memory of running instances, and every use of the
//! KMS key is in its trail. The wrapped key is bound to its table by the encryption context.

use crate::seal::MasterSecret;
use anyspend_store::Db;
use anyspend_store::db::{Connection, Roots, http_client};
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// What the wrapped key is for, in KMS's trail and as a condition of opening it.
const CONTEXT: (&str, &str) = ("purpose", "anyspend-platform-data-key");

/// How an instance reaches KMS.
#[derive(Debug)]
pub struct Kms {
    client: aws_sdk_kms::Client,
    key: String,
    table: String,
}

impl Kms {
    /// The KMS key `key` (an ARN or an id), with the credentials of `connection`, for the data key of `table`.
    pub fn new(connection: &Connection, endpoint: Option<String>, key: String, table: String) -> Self {
        let (id, secret, token) = connection.credentials.clone();
        let roots = match &endpoint {
            Some(endpoint) if endpoint.starts_with("https:") => Roots::System,
            _ => Roots::Amazon,
        };
        let mut builder = Builder::new()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(connection.region.clone()))
            .credentials_provider(Credentials::new(id, secret, token, None, "environment"))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(1))
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(8))
                    .build(),
            )
            .http_client(http_client(roots));
        builder.set_endpoint_url(endpoint);
        Self { client: aws_sdk_kms::Client::from_conf(builder.build()), key, table }
    }

    /// The platform's secret: the data key, made at the very first start and opened at every other.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn master_secret(&self, db: &Db) -> Result<MasterSecret, String> {
        let kept = db.find_data_key().await.map_err(|error| error.to_string())?;
        let wrapped = match kept {
            Some(wrapped) => wrapped,
            None => {
                let made = self.generate().await?;
                // Another instance may have been first: its key counts, and is opened below.
                db.keep_data_key(made).await.map_err(|error| error.to_string())?
            }
        };
        let bytes = STANDARD.decode(wrapped).map_err(|_| "the data key in the table is not base64")?;
        self.open(bytes).await
    }

    /// A new data key, wrapped.
    async fn generate(&self) -> Result<String, String> {
        let answer = self
            .client
            .generate_data_key_without_plaintext()
            .key_id(&self.key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(CONTEXT.0, CONTEXT.1)
            .encryption_context("table", &self.table)
            .send()
            .await
            .map_err(|error| format!("KMS cannot make a data key: {}", describe(&error)))?;
        answer.ciphertext_blob.map(|blob| STANDARD.encode(blob)).ok_or_else(|| "KMS made no data key".to_owned())
    }

    async fn open(&self, wrapped: Vec<u8>) -> Result<MasterSecret, String> {
        let answer = self
            .client
            .decrypt()
            .key_id(&self.key)
            .ciphertext_blob(Blob::new(wrapped))
            .encryption_context(CONTEXT.0, CONTEXT.1)
            .encryption_context("table", &self.table)
            .send()
            .await
            .map_err(|error| format!("KMS cannot open the data key: {}", describe(&error)))?;
        let plain = answer.plaintext.ok_or("KMS opened the data key to nothing")?;
        MasterSecret::from_bytes(plain.as_ref()).ok_or_else(|| "the data key has not 32 bytes".to_owned())
    }
}

/// What an SDK error says; its `Display` alone is "service error".
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
