//! The data directory: who holds it, and the small files beside the database. It is its owner's alone.

use anyspend_api::seal::MasterSecret;
use anyspend_domain::Mode;
use anyspend_domain::api_key::KeyText;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What others may do with the directory: nothing.
const OWNERS_DIRECTORY: u32 = 0o700;
/// What others may do with a file in it: nothing.
const OWNERS_FILE: u32 = 0o600;
/// The database's file.
const DATABASE: &str = "platform.db";
/// The file of the deployment's secret.
const SECRET: &str = "secret";
/// The files of an earlier start: those above, and those that the database keeps beside its own.
const FILES: [&str; 6] = ["lock", SECRET, "api_key", DATABASE, "platform.db-wal", "platform.db-shm"];

/// A data directory, held by this process alone.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes and locks the directory, and takes from others what they may do with it and its files.
    ///
    /// # Errors
    /// When it cannot be made or kept from others, or another process holds it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        DirBuilder::new()
            .recursive(true)
            .mode(OWNERS_DIRECTORY)
            .create(path)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(OWNERS_DIRECTORY)))
            .map_err(|error| format!("cannot make the data directory {shown}: {error}"))?;
        let lock = owners_file(&path.join("lock")).map_err(|error| format!("cannot write to {shown}: {error}"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(format!("another process uses the data directory {shown}")),
            Err(TryLockError::Error(error)) => return Err(format!("cannot lock the data directory {shown}: {error}")),
        }
        let directory = Self { path: path.to_owned(), _lock: lock };
        directory.keep_files_from_others()?;
        Ok(directory)
    }

    /// The files of an earlier version could be read by others.
    fn keep_files_from_others(&self) -> Result<(), String> {
        for file in FILES.map(|name| self.path.join(name)) {
            match fs::set_permissions(&file, Permissions::from_mode(OWNERS_FILE)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(format!("cannot keep {} from others: {error}", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where the database is kept: a file that exists, because the engine would make one that others may read.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn database(&self) -> Result<PathBuf, String> {
        let path = self.path.join(DATABASE);
        owners_file(&path).map_err(|error| format!("cannot write to {}: {error}", path.display()))?;
        Ok(path)
    }

    /// The deployment's secret, made on the first start.
    ///
    /// # Errors
    /// When its file cannot be read or written, or is not one; or when there is data and no secret, which would have to
    /// be read with another.
    pub(crate) fn secret(&self) -> Result<MasterSecret, String> {
        let path = self.path.join(SECRET);
        let has_data = fs::metadata(self.path.join(DATABASE)).is_ok_and(|file| file.len() > 0);
        let has_secret = fs::metadata(&path).is_ok_and(|file| !file.is_file() || file.len() > 0);
        if has_data && !has_secret {
            return Err(format!("{} is missing, and the data beside it cannot be read without it", path.display()));
        }
        let text = self.kept(SECRET, || MasterSecret::generate().to_hex())?;
        MasterSecret::from_hex(&text)
            .ok_or_else(|| format!("{} is damaged: it must hold 64 hexadecimal digits", path.display()))
    }

    /// The first API key, made on the first start. It is written down before it is created, so that a crash in
    /// between leaves no key that nobody knows.
    ///
    /// # Errors
    /// When its file cannot be read or written.
    pub(crate) fn first_key(&self) -> Result<String, String> {
        self.kept("api_key", || KeyText::generate(Mode::Test).expose().to_owned())
    }

    /// What a file holds, or, the first time, what `make` makes.
    fn kept(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, String> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        }
        let text = make();
        // Written beside and renamed: a crash leaves the whole file or none.
        let draft = self.path.join(format!("{name}.draft"));
        let written = owners_file(&draft)
            .and_then(|mut file| {
                file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.sync_all())
            })
            .and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| {
            let _ = fs::remove_file(&draft);
            format!("cannot write {}: {error}", path.display())
        })?;
        Ok(text)
    }
}

/// A file that only its owner may read or write, made if it is absent.
fn owners_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(OWNERS_FILE).open(path)
}
