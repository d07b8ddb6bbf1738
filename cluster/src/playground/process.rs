//! Children that outlive this process, and how they are ended.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a process may take to end after SIGTERM.
const TERM_WAIT: Duration = Duration::from_secs(8);
const KILL_WAIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// The binary `name`, beside this one.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let path = own.with_file_name(name);
    anyhow::ensure!(path.is_file(), "{} is not there; build it first", path.display());
    Ok(path)
}

/// Starts `program` in a process group of its own, all its output appended to `log`.
pub fn spawn(program: &Path, args: &[String], log: &Path) -> anyhow::Result<u32> {
    let open = || OpenOptions::new().create(true).append(true).open(log);
    let out: File = open().with_context(|| format!("open {}", log.display()))?;
    let err = out.try_clone().context("share the log file")?;
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    Ok(child.id())
}

/// Whether the process runs and is one that `marks` name: its program and, in its arguments, its
/// data directory or address. A process id alone may belong to somebody else by now.
pub fn is_running(pid: u32, marks: &[&str]) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    if line.is_empty() {
        // A zombie: ended, not yet collected.
        return false;
    }
    let line = String::from_utf8_lossy(&line);
    marks.iter().all(|mark| line.contains(mark))
}

/// A process to end, and how to know it.
#[derive(Clone, Debug)]
pub struct Target {
    pub pid: u32,
    pub marks: Vec<String>,
}

impl Target {
    pub fn is_running(&self) -> bool {
        let marks: Vec<&str> = self.marks.iter().map(String::as_str).collect();
        is_running(self.pid, &marks)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let Ok(pid) = i32::try_from(self.pid) else { return Ok(()) };
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("signal process {}", self.pid)),
        }
    }
}

/// Ends all of them: politely together, then by force.
pub async fn end(targets: &[Target]) -> anyhow::Result<()> {
    for (signal, wait) in [(Signal::SIGTERM, TERM_WAIT), (Signal::SIGKILL, KILL_WAIT)] {
        for target in targets.iter().filter(|target| target.is_running()) {
            target.signal(signal)?;
        }
        let deadline = Instant::now() + wait;
        while targets.iter().any(Target::is_running) && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }
    match targets.iter().find(|target| target.is_running()) {
        Some(left) => anyhow::bail!("process {} does not end", left.pid),
        None => Ok(()),
    }
}
