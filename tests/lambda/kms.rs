//! The envelope around the platform's secret: functions that share nothing but a table and a KMS key.

use crate::event::{Event, FIXTURE_SHORT_CODE, FIXTURE_TOKEN};
use crate::world::{TABLE, World};
use serde_json::json;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the service may take to start: it is a Python program, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A KMS key, and where it is served.
#[derive(Clone)]
pub(crate) struct KmsKey {
    pub(crate) endpoint: String,
    pub(crate) arn: String,
}

/// A key management service of its own. Dropping it ends its process.
struct Service {
    process: Child,
    endpoint: String,
}

impl Service {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(crate::given("MOTO_SERVER"))
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE && process.try_wait().unwrap().is_none(), "KMS did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { process, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// Calls an operation as the SDK would; the service checks no signature.
    async fn call(&self, operation: &str, body: serde_json::Value) -> serde_json::Value {
        let request = reqwest::Client::new()
            .post(&self.endpoint)
            .header("x-amz-target", format!("TrentService.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/kms/aws4_request")
            .body(body.to_string());
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn key(&self) -> KmsKey {
        let made = self.call("CreateKey", json!({})).await;
        let arn = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        KmsKey { endpoint: self.endpoint.clone(), arn }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_seals_another_opens_and_the_table_never_shows() {
    let kms = Service::start().await;
    let world = World::with_kms(kms.key().await).await;
    // Both start on a table that has no data key yet: one makes it, or both do, and one counts.
    let (one, other) = tokio::join!(world.instance("checkout-sessions"), world.instance("checkout-sessions"));
    let body = json!({
        "payment_link_id": format!("pl_{FIXTURE_TOKEN}{FIXTURE_SHORT_CODE}"),
        "customer_email": "alice@example.com",
        "customer_name": "Alice Smith",
    });
    let path = "/api/v1/checkout-sessions";
    let (session, second) =
        tokio::join!(one.send(Event::new("POST", path).body(&body)), other.send(Event::new("POST", path).body(&body)),);
    for (session, reader) in [(session.expect(201), &other), (second.expect(201), &one)] {
        let shown = reader.send(Event::new("GET", &format!("{path}/{}", session["id"].as_str().unwrap()))).await;
        assert_eq!(shown.expect(200)["customer_email"], "alice@example.com");
    }

    let rows = world.client.scan().table_name(TABLE).send().await.unwrap();
    let rows = format!("{:?}", rows.items());
    assert!(!rows.contains("alice@example.com") && !rows.contains("Alice Smith"));
    let key = world.client.get_item().table_name(TABLE);
    let key = key.key("pk", string("SECRET")).key("sk", string("DATA_KEY")).send().await.unwrap();
    let wrapped = key.item.unwrap()["wrapped"].as_s().unwrap().clone();
    let opened = kms.call("Decrypt", json!({"CiphertextBlob": wrapped})).await;
    assert!(opened["Plaintext"].is_null(), "a wrapped key opens only in the context of its table: {opened}");
}

fn string(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}
