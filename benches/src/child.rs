//! A process that does not outlive its handle.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running process, killed when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts `command`, which must name its own environment: what this shell happens to export must not change a
    /// figure.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null());
        let child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Self { child })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of a piped stdout. What follows is read and thrown away, so that the process never waits.
    pub(crate) fn first_line(&mut self, patience: Duration) -> Result<String, String> {
        let stdout = self.child.stdout.take().ok_or("stdout is not piped")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                // Nobody listens after the first line.
                let _ = sender.send(line);
            }
        });
        lines.recv_timeout(patience).map_err(|_| "it did not say that it is ready".to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
