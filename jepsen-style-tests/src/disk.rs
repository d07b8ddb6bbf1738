//! Where a node's data lies: a folder, or a file system of its own on an image.
//!
//! Owns: images, their mounts, and what may be done to them: power cuts, and filling them up. Must
//! not: know which node uses it, or why.
//!
//! Invariants:
//! - After a power cut only what was synced is there: ext4 stops at once, without writing back its
//!   journal, and the image is mounted again as after a crash.
//! - An image that is mounted is unmounted when it is dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::spaces::command;

/// Sparse: what is not written takes no space.
const IMAGE_BYTES: u64 = 2 << 30;
/// The file that fills a disk up.
const BALLAST: &str = "ballast";
/// Pieces of ballast, from coarse to fine.
const BALLAST_BYTES: [u64; 5] = [1 << 30, 64 << 20, 4 << 20, 256 << 10, 4 << 10];
const PIECES_MAX: usize = 400;
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: nothing more reaches the image. It goes
/// through perl, which every Debian has, since this workspace writes no unsafe code.
const SHUTDOWN: &str = "open(my $d, '<', $ARGV[0]) or die $!; \
    my $how = pack('L', 2); ioctl($d, 0x8004587d, $how) or die $!;";

/// What can go wrong with a disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Tool(String),
    #[error("files of a disk")]
    Io(#[from] io::Error),
}

/// One disk.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    /// `None` for a plain folder.
    image: Option<PathBuf>,
    mounted: bool,
}

impl Disk {
    /// A folder on the machine's own file system.
    pub fn folder(folder: PathBuf) -> Self {
        Self { folder, image: None, mounted: false }
    }

    /// A fresh file system in a file beside `folder`, mounted there.
    pub fn image(folder: PathBuf) -> Result<Self, Error> {
        let image = folder.with_extension("img");
        fs::create_dir_all(&folder)?;
        fs::File::create(&image)?.set_len(IMAGE_BYTES)?;
        let path = text(&image);
        // Nothing reserved, and the tables made at once: full is full, and no thread writes later.
        let init = "lazy_itable_init=0,lazy_journal_init=0";
        command("mkfs.ext4", &["-q", "-F", "-m", "0", "-J", "size=16", "-E", init, &path])
            .map_err(Error::Tool)?;
        let mut disk = Self { folder, image: Some(image), mounted: false };
        disk.mount()?;
        Ok(disk)
    }

    /// Where the node's data goes.
    pub fn data(&self) -> PathBuf {
        match self.image {
            // Beside what the file system itself has there.
            Some(_) => self.folder.join("data"),
            None => self.folder.clone(),
        }
    }

    pub fn is_image(&self) -> bool {
        self.image.is_some()
    }

    /// Everything that was not synced is lost from here on: reads and writes fail until
    /// [`Disk::power_on`].
    pub fn power_off(&self) -> Result<(), Error> {
        command("perl", &["-e", SHUTDOWN, &text(&self.folder)]).map_err(Error::Tool)
    }

    /// Mounts what is left, as after a crash. Nobody may have files open.
    pub fn power_on(&mut self) -> Result<(), Error> {
        command("umount", &[&text(&self.folder)]).map_err(Error::Tool)?;
        self.mounted = false;
        self.mount()
    }

    /// Takes all space that is left.
    pub fn fill(&self) -> Result<(), Error> {
        let mut piece = 0;
        for bytes in BALLAST_BYTES {
            // Each takes what the one before could not.
            while piece < PIECES_MAX {
                piece += 1;
                let path = self.folder.join(format!("{BALLAST}-{piece}"));
                let taken = command("fallocate", &["-l", &bytes.to_string(), &text(&path)]);
                if taken.is_err() {
                    fs::remove_file(path).ok();
                    break;
                }
            }
        }
        if piece >= PIECES_MAX {
            return Err(Error::Tool(format!("{} could not be filled", self.folder.display())));
        }
        Ok(())
    }

    /// Gives the space back.
    pub fn free(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(BALLAST) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn mount(&mut self) -> Result<(), Error> {
        let Some(image) = &self.image else { return Ok(()) };
        let args = ["-t", "ext4", "-o", "loop,noatime", &text(image), &text(&self.folder)];
        command("mount", &args).map_err(Error::Tool)?;
        self.mounted = true;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = command("umount", &["-l", &text(&self.folder)])
        {
            tracing::warn!(error, "a disk stays mounted until this program ends");
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
