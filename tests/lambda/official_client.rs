//! The published client of this API, unchanged, against the local runner: every method the platform serves so far.

use crate::runner::{Runner, node};

#[test]
fn the_published_client_works_unchanged() {
    let runner = Runner::start(&[]);
    let client = crate::given("OFFICIAL_CLIENT");
    let arguments = [client.as_os_str(), runner.url.as_ref(), runner.key.as_ref()];
    node("tests/lambda/official_client.cjs", &arguments, "every method answered as typed");
}
