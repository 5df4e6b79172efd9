//! The chain that was followed when the directory was written.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

/// A chain whose blocks follow from their numbers, as it was when the directory was written, some blocks later.
pub(crate) struct Chain {
    told: Value,
    head: u64,
}

impl Chain {
    /// Serves it, and says where.
    pub(crate) async fn serve(told: Value, later: u64) -> String {
        let head = told["head"].as_u64().unwrap() + later;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(Self::reply).with_state(Arc::new(Self { told, head }));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    async fn reply(State(chain): State<Arc<Self>>, Json(asked): Json<Value>) -> Json<Value> {
        let result = chain.answer(asked["method"].as_str().unwrap(), &asked["params"]);
        Json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}))
    }

    fn answer(&self, method: &str, params: &Value) -> Value {
        let number = |text: &Value| u64::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16);
        let receipts = self.told["receipts"].as_object().unwrap();
        match method {
            "eth_chainId" => json!(format!("{:#x}", self.told["id"].as_u64().unwrap())),
            "eth_getBlockByNumber" => match params[0].as_str().unwrap() {
                "latest" => self.block(self.head),
                "finalized" => Value::Null,
                _ => self.block(number(&params[0]).unwrap()),
            },
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]).unwrap(), number(&params[0]["toBlock"]).unwrap());
                let within = |receipt: &&Value| (from..=to).contains(&number(&receipt["blockNumber"]).unwrap());
                receipts.values().filter(within).map(|receipt| receipt["logs"][0].clone()).collect()
            }
            _ => receipts.get(params[0].as_str().unwrap()).cloned().unwrap_or_default(),
        }
    }

    fn block(&self, number: u64) -> Value {
        let told = |name: &str| self.told[name].as_u64().unwrap();
        let seconds = told("first_time") + (number - told("first")) * told("seconds_per_block");
        let hex = |number: u64| format!("{number:#x}");
        json!({"number": hex(number), "hash": format!("0x{number:064x}"), "timestamp": hex(seconds)})
    }
}
