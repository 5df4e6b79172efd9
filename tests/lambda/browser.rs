//! The payer's pages in Chromium, against the local runner. Screenshots of every state stay behind in
//! `target/tmp/checkout-pages`, for whoever wants to look.

use crate::runner::{Runner, node};
use std::path::Path;

#[test]
fn every_page_holds_in_a_real_browser() {
    // Each payer of the script comes from an address of its own, or sixty pages a minute would be too few.
    let runner = Runner::start(&["--trusted-proxies", "1"]);
    let (modules, chromium) = (crate::given("BROWSER_MODULES"), crate::given("CHROMIUM"));
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkout-pages");
    std::fs::create_dir_all(&screenshots).unwrap();
    let arguments =
        [modules.as_os_str(), chromium.as_os_str(), runner.url.as_ref(), runner.key.as_ref(), screenshots.as_os_str()];
    node("tests/browser/checkout.cjs", &arguments, "every page holds");
}
