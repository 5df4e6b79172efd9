//! A real node of a chain of its own, and what is sent to it.

use alloy_sol_types::{SolCall, sol};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where USDC stands on Base. The tests' own dollar is put there.
pub(crate) const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
/// Base.
pub(crate) const CHAIN: u64 = 8453;
/// A gas limit that needs no estimate, so that what reverts is mined all the same.
const GAS: &str = "0x7a120";

sol! {
    function mint(address to, uint256 amount);
    function transfer(address to, uint256 amount);
    function transferFrom(address from, address to, uint256 amount);
    function approve(address spender, uint256 amount);
    function split(address token, address one, uint256 first, address other, uint256 second);
    struct Inner { address target; bytes data; }
    function execute(Inner[] calls);
}

/// A transaction that can be sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) data: Vec<u8>,
    pub(crate) value: u128,
}

impl Sent {
    /// The same, with bytes after its calldata.
    pub(crate) fn with(mut self, reference: &str) -> Self {
        self.data.extend(bytes(reference));
        self
    }
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digits = &text[2..];
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A running anvil; it ends with the test.
pub(crate) struct Node {
    pub(crate) url: String,
    child: Child,
    http: reqwest::Client,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `cargo xtask tools` puts anvil, unless the environment says otherwise.
fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the test command says where its tools are")]
    if let Ok(path) = std::env::var("ANVIL") {
        return path.into();
    }
    let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/anvil/node_modules/@foundry-rs");
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let path = modules.join(format!("anvil-{system}-{processor}/bin/anvil"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask tools`", path.display());
    path
}

impl Node {
    /// A chain that answers for `chain_id`. Its first block is made at `genesis`, in Unix seconds, and its clock runs on
    /// from there; without one, its clock is the system's.
    pub(crate) async fn start(chain_id: u64, genesis: Option<u64>) -> Self {
        for _ in 0..5 {
            // Free a moment ago; should somebody else have taken it, the next one is tried.
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new(program());
            command.args(["--host", "127.0.0.1", "--silent", "--port", &port.to_string()]);
            command.args(["--chain-id", &chain_id.to_string()]);
            if let Some(genesis) = genesis {
                command.args(["--timestamp", &genesis.to_string()]);
            }
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let url = format!("http://127.0.0.1:{port}");
            let mut node = Self { url, child, http: reqwest::Client::new() };
            if node.is_up().await {
                return node;
            }
        }
        panic!("anvil does not start");
    }

    async fn is_up(&mut self) -> bool {
        for _ in 0..500 {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.ask("eth_chainId", json!([])).await.is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.http.post(&self.url).json(&question).send().await.ok()?.json().await.ok()
    }

    /// Asks, and demands a result.
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params.clone()).await.unwrap();
        assert!(answer.get("error").is_none(), "{method} {params}: {answer}");
        answer["result"].clone()
    }

    /// One of anvil's wallets that sign by themselves, by number.
    pub(crate) async fn wallet(&self, at: usize) -> String {
        self.rpc("eth_accounts", json!([])).await[at].as_str().unwrap().to_owned()
    }

    /// Sends a transaction and returns its hash.
    pub(crate) async fn submit(&self, sent: Sent) -> String {
        let value = format!("{:#x}", sent.value);
        let transaction =
            json!({"from": sent.from, "to": sent.to, "data": hex(&sent.data), "value": value, "gas": GAS});
        self.rpc("eth_sendTransaction", json!([transaction])).await.as_str().unwrap().to_owned()
    }

    /// The same, as the wallet's transaction of this number.
    pub(crate) async fn submit_as(&self, sent: Sent, nonce: u64) -> String {
        let nonce = format!("{nonce:#x}");
        let transaction =
            json!({"from": sent.from, "to": sent.to, "data": hex(&sent.data), "nonce": nonce, "gas": GAS});
        self.rpc("eth_sendTransaction", json!([transaction])).await.as_str().unwrap().to_owned()
    }

    /// Sends a transaction, and waits until it is in a block.
    pub(crate) async fn send(&self, sent: Sent) -> String {
        let hash = self.submit(sent).await;
        self.receipt(&hash).await;
        hash
    }

    async fn receipt(&self, hash: &str) -> Value {
        for _ in 0..1_000 {
            let receipt = self.rpc("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                return receipt;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{hash} is in no block");
    }

    /// Makes blocks.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Puts a contract of `tests/contracts` on the chain.
    pub(crate) async fn deploy(&self, name: &str) -> String {
        let fixtures: Value = serde_json::from_str(include_str!("../contracts/fixtures.json")).unwrap();
        let from = self.wallet(0).await;
        let transaction = json!({"from": from, "data": fixtures[name]["bytecode"]});
        let hash = self.rpc("eth_sendTransaction", json!([transaction])).await;
        let receipt = self.receipt(hash.as_str().unwrap()).await;
        receipt["contractAddress"].as_str().unwrap().to_owned()
    }

    /// Puts the tests' dollar where USDC stands, as it is after its construction.
    pub(crate) async fn dollars(&self) {
        let deployed = self.deploy("Dollar").await;
        let code = self.rpc("eth_getCode", json!([deployed, "latest"])).await;
        self.rpc("anvil_setCode", json!([USDC, code])).await;
    }

    /// Gives a wallet money.
    pub(crate) async fn mint(&self, token: &str, to: &str, amount: u64) {
        let from = self.wallet(0).await;
        let call = mintCall { to: to.parse().unwrap(), amount: amount.try_into().unwrap() };
        self.send(Sent { from, to: token.to_owned(), data: call.abi_encode(), value: 0 }).await;
    }
}

/// An ERC-20 transfer.
pub(crate) fn transfer(from: &str, token: &str, to: &str, amount: u64) -> Sent {
    let call = transferCall { to: to.parse().unwrap(), amount: amount.try_into().unwrap() };
    Sent { from: from.to_owned(), to: token.to_owned(), data: call.abi_encode(), value: 0 }
}

/// An ERC-20 transfer of somebody else's money.
pub(crate) fn transfer_from(sender: &str, token: &str, owner: &str, to: &str, amount: u64) -> Sent {
    let (from, to) = (owner.parse().unwrap(), to.parse().unwrap());
    let call = transferFromCall { from, to, amount: amount.try_into().unwrap() };
    Sent { from: sender.to_owned(), to: token.to_owned(), data: call.abi_encode(), value: 0 }
}

/// The permission to transfer somebody else's money.
pub(crate) fn approve(owner: &str, token: &str, spender: &str, amount: u64) -> Sent {
    let call = approveCall { spender: spender.parse().unwrap(), amount: amount.try_into().unwrap() };
    Sent { from: owner.to_owned(), to: token.to_owned(), data: call.abi_encode(), value: 0 }
}

/// A payment through a contract that takes the whole and pays two.
pub(crate) fn split(from: &str, splitter: &str, token: &str, to: [&str; 2], amounts: [u64; 2]) -> Sent {
    let call = splitCall {
        token: token.parse().unwrap(),
        one: to[0].parse().unwrap(),
        first: amounts[0].try_into().unwrap(),
        other: to[1].parse().unwrap(),
        second: amounts[1].try_into().unwrap(),
    };
    let value = if token.ends_with(&"0".repeat(40)) { u128::from(amounts[0] + amounts[1]) } else { 0 };
    Sent { from: from.to_owned(), to: splitter.to_owned(), data: call.abi_encode(), value }
}

/// Several calls by a wallet that is a contract.
pub(crate) fn execute(from: &str, wallet: &str, calls: Vec<Sent>) -> Sent {
    let calls =
        calls.into_iter().map(|call| Inner { target: call.to.parse().unwrap(), data: call.data.into() }).collect();
    Sent { from: from.to_owned(), to: wallet.to_owned(), data: executeCall { calls }.abi_encode(), value: 0 }
}

/// The chain's own coin.
pub(crate) fn coins(from: &str, to: &str, value: u128) -> Sent {
    Sent { from: from.to_owned(), to: to.to_owned(), data: Vec::new(), value }
}
