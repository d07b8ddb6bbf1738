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
/// How long the kernel may take to load a program.
const ARGUMENTS_WAIT: Duration = Duration::from_secs(10);
const LOG_LINES_SHOWN: usize = 5;

/// The binary `name`, beside this one.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let path = own.with_file_name(name);
    anyhow::ensure!(path.is_file(), "{} is not there; build it first", path.display());
    Ok(path)
}

/// Starts `program` in a process group of its own, all its output appended to `log`.
pub async fn spawn(program: &Path, args: &[String], log: &Path) -> anyhow::Result<u32> {
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
    // The kernel lets the parent go on before the child's arguments can be seen, by which it is known
    // from here on; with a program that must first come from the disk, for long enough to matter.
    until(ARGUMENTS_WAIT, || !is_between(child.id())).await;
    Ok(child.id())
}

/// Looks again and again until `done`, for as long as `wait`.
async fn until(wait: Duration, done: impl Fn() -> bool) {
    let deadline = Instant::now() + wait;
    while !done() && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
    }
}

/// The arguments of a process, ended by zeroes each; empty for one that has ended and was not
/// collected, and for one that is being started.
fn arguments(pid: u32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/cmdline")).ok()
}

/// The end of a log, for a message about the process that wrote it.
pub fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default();
    format!("{}:\n{}", log.display(), last.join("\n"))
}

/// Whether the process runs and is one that `marks` name: its program and, in its arguments, its
/// data directory or address. A process id alone may belong to somebody else by now.
pub fn is_running(pid: u32, marks: &[&str]) -> bool {
    let line = arguments(pid).unwrap_or_default();
    if line.is_empty() {
        return false;
    }
    let line = String::from_utf8_lossy(&line);
    marks.iter().all(|mark| line.contains(mark))
}

/// Whether the process is being started, or has ended and not let go of its ports and files yet: its
/// arguments come late, and go with its memory, which the kernel takes first.
fn is_between(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which is in parentheses and may hold any.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    // The first thread of a process may be over while others still hold what all of them share.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let is_over = matches!(state, None | Some('Z' | 'X')) && threads <= 1;
    arguments(pid).is_some_and(|line| line.is_empty()) && !is_over
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

    /// Waits until what the process held can be taken by another. Not for ever: the number of one
    /// that is long gone may belong to a thread of the kernel.
    pub async fn gone(&self) {
        until(KILL_WAIT, || !is_between(self.pid)).await;
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
        until(wait, || !targets.iter().any(Target::is_running)).await;
    }
    if let Some(left) = targets.iter().find(|target| target.is_running()) {
        anyhow::bail!("process {} does not end", left.pid);
    }
    for target in targets {
        target.gone().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_known_from_the_moment_it_was_spawned() {
        let dir = tempfile::tempdir().expect("make a directory");
        for _ in 0..50 {
            let args = ["600.125".to_owned()];
            let pid = spawn(Path::new("/bin/sleep"), &args, &dir.path().join("log"))
                .await
                .expect("spawn");
            let target = Target { pid, marks: vec!["sleep".to_owned(), "600.125".to_owned()] };
            assert!(target.is_running());
            target.signal(Signal::SIGKILL).expect("kill");
        }
    }

    #[tokio::test]
    async fn what_a_killed_process_held_is_free_when_it_is_gone() {
        use nix::sys::wait::waitpid;
        let dir = tempfile::tempdir().expect("make a directory");
        let args = ["600.25".to_owned()];
        let pid =
            spawn(Path::new("/bin/sleep"), &args, &dir.path().join("log")).await.expect("spawn");
        let target = Target { pid, marks: vec!["600.25".to_owned()] };
        assert!(!is_between(pid), "it runs");
        target.signal(Signal::SIGKILL).expect("kill");
        until(KILL_WAIT, || !target.is_running()).await;
        target.gone().await;
        assert!(!is_between(pid));
        waitpid(Pid::from_raw(i32::try_from(pid).expect("a pid")), None).expect("collect it");
        target.gone().await;
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let dir = tempfile::tempdir().expect("make a directory");
        let log = dir.path().join("log");
        std::fs::write(&log, "1\n2\n3\n4\n5\n6\n7\n").expect("write");
        assert!(last_lines(&log).ends_with("log:\n3\n4\n5\n6\n7"));
    }
}
