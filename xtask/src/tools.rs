//! The tools that tests need and a fresh machine does not have, each of one pinned version, in `.tools/`.

use crate::shell::{Command, root};
use std::fs;
use std::path::PathBuf;

/// From the Python package index. `aws-sam-cli` also brings cfn-lint and the Runtime Interface Emulator, and
/// `cargo-lambda` the linker it builds with.
/// `moto` stands in for KMS, which has no emulator of its own; its server needs `flask-cors`.
const PYTHON_PACKAGES: &[&str] =
    &["aws-sam-cli==1.170.0", "cargo-lambda==1.9.2", "typos==1.52.0", "moto==5.2.5", "flask-cors==6.0.5"];
/// From crates.io. Without its default features it cannot fetch advisories by itself, which the tests do not do.
const CARGO_DENY: &str = "cargo-deny@0.20.2";
/// From crates.io: finds dependencies that nothing uses.
const CARGO_SHEAR: &str = "cargo-shear@1.12.0";

/// From npm: the API's published client. Its package is fetched and unpacked; installing it whole does not resolve, and
/// the one file that is needed needs nothing else.
const OFFICIAL_CLIENT: &str = "@b3dotfun/sdk@0.1.70-alpha.5";

/// From npm: what drives the browser, and what looks for what hinders people. Exact versions: the newest ones are not
/// always whole in the registry.
const BROWSER_PACKAGES: &[&str] = &["playwright-core@1.65.1", "axe-core@4.14.1"];
/// Where a system has its browser.
const CHROMIUM: &[&str] = &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/// From npm: a node of a chain of its own. The optional packages are what holds its program, one per system.
const ANVIL: &str = "@foundry-rs/anvil@1.7.1";

/// Where everything is.
fn directory() -> PathBuf {
    root().join(".tools")
}

/// Where the Python tools' programs are.
pub(crate) fn python_bin() -> PathBuf {
    directory().join("venv/bin")
}

/// Where the Rust tools' programs are.
pub(crate) fn cargo_bin() -> PathBuf {
    directory().join("cargo/bin")
}

/// The published client's entry, as Node loads it.
pub(crate) fn official_client() -> PathBuf {
    directory().join("official-client/package/dist/cjs/anyspend/platform/index.js")
}

/// Where the browser's npm packages are.
pub(crate) fn browser_modules() -> PathBuf {
    directory().join("browser/node_modules")
}

/// The browser.
pub(crate) fn chromium() -> Result<PathBuf, String> {
    let found = CHROMIUM.iter().map(PathBuf::from).find(|program| program.is_file());
    found.ok_or_else(|| format!("no browser was found; looked for {}", CHROMIUM.join(", ")))
}

/// Takes the system's own browser, or installs Debian's.
fn install_chromium() -> Result<(), String> {
    if chromium().is_ok() {
        return Ok(());
    }
    let help = "install the package 'chromium' of your system: the tests of the pages need a browser";
    let apt = |arguments: &[&str]| {
        let apt = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        apt.run().map_err(|error| format!("{error}; {help}"))
    };
    // Lists first: a fresh container has none.
    apt(&["update", "--quiet"])?;
    apt(&["install", "--quiet", "--yes", "--no-install-recommends", "chromium"])?;
    chromium().map(|_| ())
}

/// The chain that tests settle on, for this machine.
pub(crate) fn anvil() -> PathBuf {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    directory().join(format!("anvil/node_modules/@foundry-rs/anvil-{system}-{processor}/bin/anvil"))
}

/// The AWS Lambda Runtime Interface Emulator for this machine.
///
/// # Errors
/// When it is not where the package is known to have it.
pub(crate) fn runtime_interface_emulator() -> Result<PathBuf, String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let libraries = directory().join("venv/lib");
    let versions = fs::read_dir(&libraries).map_err(|error| format!("{}: {error}", libraries.display()))?;
    versions
        .flatten()
        .map(|python| python.path().join(format!("site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}")))
        .find(|emulator| emulator.is_file())
        .ok_or_else(|| "aws-sam-cli did not bring the Runtime Interface Emulator".to_owned())
}

/// Installs whatever is missing or of another version. A stamp, written last, tells what is there.
pub(crate) fn install() -> Result<(), String> {
    stamped("python", &PYTHON_PACKAGES.join("\n"), || {
        let venv = directory().join("venv");
        let venv = venv.to_string_lossy();
        Command::new("python3").args(&["-m", "venv", "--clear", &venv]).run()?;
        let pip = python_bin().join("pip");
        Command::new(&pip.to_string_lossy())
            .args(&["install", "--quiet", "--disable-pip-version-check"])
            .args(PYTHON_PACKAGES)
            .run()
    })?;
    stamped("official-client", OFFICIAL_CLIENT, || {
        let folder = directory().join("official-client");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let folder = folder.to_string_lossy();
        Command::new("npm").args(&["pack", "--silent", OFFICIAL_CLIENT, "--pack-destination", &folder]).run()?;
        let unpack =
            "import glob, sys, tarfile; tarfile.open(glob.glob(sys.argv[1] + '/*.tgz')[0]).extractall(sys.argv[1])";
        Command::new("python3").args(&["-c", unpack, &folder]).run()
    })?;
    install_chromium()?;
    stamped("browser", &BROWSER_PACKAGES.join("\n"), || {
        let folder = directory().join("browser");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let folder = folder.to_string_lossy();
        Command::new("npm")
            .args(&["install", "--silent", "--no-audit", "--no-fund", "--save-exact", "--prefix", &folder])
            .args(BROWSER_PACKAGES)
            .run()
    })?;
    stamped("anvil", ANVIL, || {
        let folder = directory().join("anvil");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let folder = folder.to_string_lossy();
        let quietly = ["--silent", "--no-audit", "--no-fund", "--no-save", "--include=optional"];
        Command::new("npm").args(&["install", "--prefix", &folder, ANVIL]).args(&quietly).run()
    })?;
    stamped("cargo", CARGO_DENY, || install_crate(CARGO_DENY, &["--no-default-features"]))?;
    stamped("cargo-shear", CARGO_SHEAR, || install_crate(CARGO_SHEAR, &[]))
}

/// Builds a tool from crates.io. Unoptimised it is built in half the time, and checks in seconds all the same.
fn install_crate(name: &str, options: &[&str]) -> Result<(), String> {
    let root = directory().join("cargo");
    Command::new("cargo")
        .args(&["install", name, "--locked", "--debug", "--quiet", "--force"])
        .args(options)
        .args(&["--root", &root.to_string_lossy()])
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
}

fn stamped(name: &str, wanted: &str, install: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let stamp = directory().join(format!("{name}.stamp"));
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    fs::create_dir_all(directory()).map_err(|error| format!("cannot make .tools: {error}"))?;
    install()?;
    fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}
