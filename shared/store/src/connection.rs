//! How DynamoDB is reached: endpoint, credentials, patience, and whose certificates are believed.

use aws_sdk_dynamodb::{Client, config};
use std::fmt;
use std::time::Duration;

/// How long a connection may take to be made.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// How to reach DynamoDB. Built by hand: the full AWS configuration chain doubles a Lambda's size and start.
#[derive(Clone)]
pub struct Connection {
    /// The AWS region.
    pub region: String,
    /// Another endpoint than the region's own, e.g. an embedded engine.
    pub endpoint: Option<String>,
    /// Access key id, secret and session token.
    pub credentials: (String, String, Option<String>),
    /// Another HTTP client than the SDK's own; tests put faults there.
    pub http_client: Option<config::SharedHttpClient>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// An engine on this machine, which takes any credentials.
    pub fn local(endpoint: String) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint: Some(endpoint),
            credentials: ("local".to_owned(), "local".to_owned(), None),
            http_client: None,
        }
    }

    /// An engine inside this process: requests go to wherever `http_client` takes them.
    pub fn in_process(http_client: config::SharedHttpClient) -> Self {
        // A name that no resolver knows: nothing may leave the process, even by mistake.
        Self { http_client: Some(http_client), ..Self::local("http://embedded.invalid".to_owned()) }
    }

    fn roots(&self) -> Roots {
        match &self.endpoint {
            Some(endpoint) if endpoint.starts_with("https:") => Roots::System,
            // Plain http needs none, and then the cheap ones.
            _ => Roots::Amazon,
        }
    }

    /// The SDK client.
    pub fn client(&self) -> Client {
        let (id, secret, token) = self.credentials.clone();
        let mut builder = config::Builder::new()
            // Pinned: a new SDK version must not change timeouts or retries behind our back.
            .behavior_version(config::BehaviorVersion::v2026_01_12())
            .region(config::Region::new(self.region.clone()))
            .credentials_provider(config::Credentials::new(id, secret, token, None, "environment"))
            .retry_config(
                config::retry::RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(50)),
            )
            .timeout_config(
                config::timeout::TimeoutConfig::builder()
                    .connect_timeout(CONNECT_PATIENCE)
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(8))
                    .build(),
            );
        builder.set_endpoint_url(self.endpoint.clone());
        builder = match &self.http_client {
            Some(client) => builder.http_client(client.clone()),
            None => builder.http_client(http_client(self.roots())),
        };
        Client::from_conf(builder.build())
    }
}

/// Whose certificates a client believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Amazon Trust Services', which sign every AWS endpoint, compiled in: walking the system's certificate folder costs
    /// a third of a cold start.
    Amazon,
    /// The system's, for an endpoint of somebody else.
    System,
}

/// The HTTP client every SDK client uses: rustls with ring.
pub fn http_client(roots: Roots) -> config::SharedHttpClient {
    use aws_smithy_http_client::{Builder, tls};
    let store = match roots {
        // Amazon Root CA 1 to 4 and Starfield Services Root CA G2: https://www.amazontrust.com/repository/
        Roots::Amazon => tls::TrustStore::empty().with_pem_certificate(include_bytes!("amazon-roots.pem").as_slice()),
        Roots::System => tls::TrustStore::default(),
    };
    Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(tls::TlsContext::builder().with_trust_store(store).build().unwrap_or_default())
        .build_https()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_roots_are_certificates() {
        let pem = include_str!("amazon-roots.pem");
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        // The SDK panics on a certificate it cannot read.
        let _ = http_client(Roots::Amazon);
        let _ = http_client(Roots::System);
    }

    #[test]
    fn only_an_endpoint_of_somebody_else_is_checked_against_the_systems_roots() {
        let roots = |endpoint: Option<&str>| {
            Connection { endpoint: endpoint.map(str::to_owned), ..Connection::local(String::new()) }.roots()
        };
        assert_eq!(roots(None), Roots::Amazon);
        assert_eq!(roots(Some("http://127.0.0.1:8000")), Roots::Amazon);
        assert_eq!(roots(Some("https://dynamodb.example.com")), Roots::System);
    }
}
