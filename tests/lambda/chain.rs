//! A chain with one transfer on it, long final: what a run of settlement needs to have something to do.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

const TRANSACTION: &str = "0xabababababababababababababababababababababababababababababababab";
const BLOCK: &str = "0xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
const PAYER: &str = "0x7e57000000000000000000000000000000007e57";
/// The first topic of every ERC-20 transfer.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// Its endpoint; it ends with the test.
pub(crate) struct Chain {
    /// The endpoint's address.
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Chain {
    /// Base, with a transfer of `amount` of `token` to `recipient` in a block made at `time`, in Unix seconds.
    pub(crate) async fn with_a_transfer(token: &str, recipient: &str, amount: u64, time: u64) -> Self {
        let word = |address: &str| format!("0x{:0>64}", &address[2..].to_lowercase());
        let log = json!({
            "address": token, "topics": [TRANSFER, word(PAYER), word(recipient)], "data": format!("0x{amount:064x}"),
            "blockNumber": "0x64", "blockHash": BLOCK, "transactionHash": TRANSACTION, "logIndex": "0x0",
            "removed": false,
        });
        let answer = move |method: &str, params: &Value| match method {
            "eth_chainId" => json!("0x2105"),
            "eth_getBlockByNumber" => {
                let number = match params[0].as_str().unwrap() {
                    "latest" => "0xc8",
                    "finalized" => "0x96",
                    number => number,
                };
                json!({"number": number, "hash": BLOCK, "timestamp": format!("{time:#x}")})
            }
            "eth_getLogs" => json!([log]),
            "eth_getTransactionByHash" => {
                json!({"hash": TRANSACTION, "from": PAYER, "to": log["address"], "value": "0x0", "input": "0x"})
            }
            "eth_getTransactionReceipt" => json!({
                "transactionHash": TRANSACTION, "blockNumber": "0x64", "blockHash": BLOCK, "status": "0x1",
                "logs": [log],
            }),
            other => panic!("nobody should ask {other}"),
        };
        let app = axum::Router::new().fallback(move |body: axum::body::Bytes| {
            let question: Value = serde_json::from_slice(&body).unwrap();
            let result = answer(question["method"].as_str().unwrap(), &question["params"]);
            std::future::ready(json!({"jsonrpc": "2.0", "id": question["id"], "result": result}).to_string())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, serving }
    }
}
