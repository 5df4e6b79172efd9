//! The data directory: who holds it, and the small files beside the database.

use anyspend_api::seal::MasterSecret;
use anyspend_domain::Mode;
use anyspend_domain::api_key::KeyText;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A data directory, held by this process alone.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes and locks the directory.
    ///
    /// # Errors
    /// When it cannot be made, or another process holds it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(|error| format!("cannot make the data directory {shown}: {error}"))?;
        let lock = File::create(path.join("lock")).map_err(|error| format!("cannot write to {shown}: {error}"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(format!("another process uses the data directory {shown}")),
            Err(TryLockError::Error(error)) => Err(format!("cannot lock the data directory {shown}: {error}")),
        }
    }

    /// Where the database is kept.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("platform.db")
    }

    /// The deployment's secret, made on the first start.
    ///
    /// # Errors
    /// When its file cannot be read or written.
    pub(crate) fn secret(&self) -> Result<MasterSecret, String> {
        let text = self.kept("secret", || MasterSecret::generate().to_hex())?;
        MasterSecret::from_hex(&text).ok_or_else(|| "the file 'secret' in the data directory is damaged".to_owned())
    }

    /// The first API key, made on the first start. It is written down before it is created, so that a crash in
    /// between leaves no key that nobody knows.
    ///
    /// # Errors
    /// When its file cannot be read or written.
    pub(crate) fn first_key(&self) -> Result<String, String> {
        self.kept("api_key", || KeyText::generate(Mode::Test).expose().to_owned())
    }

    /// What a file holds, or, the first time, what `make` makes. Only its owner can read it.
    fn kept(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, String> {
        let path = self.path.join(name);
        let failed = |error: std::io::Error| format!("cannot keep {}: {error}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let text = make();
        // Written beside and renamed: a crash leaves the whole file or none.
        let draft = self.path.join(format!("{name}.draft"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&draft, &path).map_err(failed)?;
        Ok(text)
    }
}
