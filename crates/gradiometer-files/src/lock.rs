//! Locks: while a process writes a folder it holds one, and a second process is refused.
//!
//! The system ends a lock with the process that holds it, however that ends. The lock's file says who that is, and is removed with the lock. What
//! a killed process leaves of it stops nobody.

use crate::error::FilesError;
use crate::file::TEMPORARY;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock that another process holds is tried again: whoever asks for its holder has it for
/// a moment.
const TRIES: usize = 3;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Whom a second process is told to wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// What it does, such as its command line.
    pub command: String,
    /// When it began, in words: nothing here reads a clock.
    pub started: String,
}

impl Holder {
    /// One line with the process, the machine, the start and the command.
    fn line(&self) -> String {
        let named = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match named.trim() {
            "" => "this machine",
            name => name,
        };
        let process = std::process::id();
        format!("process {process} on {host}, started {}: {}\n", self.started, self.command)
    }
}

/// A name that this process alone has, for files that it shares with no other.
pub fn process_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = host.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("{}-{}", plain.collect::<String>(), std::process::id())
}

/// Whether the file system of a folder, which is made if need be, has locks.
///
/// # Errors
/// [`FilesError::Write`] if nothing can be written there.
pub fn has_locks(folder: &Path) -> Result<bool, FilesError> {
    let error = |source| FilesError::Write { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(error)?;
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(error)?;
    Ok(file.as_file().try_lock().is_ok())
}

/// Who holds the lock of that name in a folder, in words; `None` if nobody does, or nobody can tell.
pub fn holder_of(folder: &Path, name: &str) -> Option<String> {
    let mut file = OpenOptions::new().read(true).write(true).open(folder.join(name)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut line = String::new();
            let told = file.read_to_string(&mut line).is_ok() && !line.trim().is_empty();
            Some(if told { line.trim().to_owned() } else { "another process".to_owned() })
        }
        _ => None,
    }
}

/// A folder that this process alone writes to, as far as all take the lock of one name; until it is dropped.
#[derive(Debug)]
pub struct HeldFolder {
    path: PathBuf,
    /// The file that is locked.
    lock: PathBuf,
    holder: Holder,
    /// Whether the folder was not there before.
    is_new: bool,
    /// Open as long as the lock is held; `None` where the file system has no locks.
    file: Option<File>,
}

impl HeldFolder {
    /// Takes the lock of that name in a folder, which is made if need be.
    ///
    /// # Errors
    /// [`FilesError::InUse`] if another process holds it, [`FilesError::Write`] if its file cannot be made.
    pub fn take(folder: &Path, name: &str, holder: &Holder) -> Result<Self, FilesError> {
        let lock = folder.join(name);
        let error = |source| FilesError::Write { path: lock.clone(), source };
        let is_new = !folder.exists();
        let held = |file| Self {
            path: folder.to_owned(),
            lock: lock.clone(),
            holder: holder.clone(),
            is_new,
            file,
        };
        let mut tries = 0;
        loop {
            fs::create_dir_all(folder)
                .map_err(|source| FilesError::Write { path: folder.to_owned(), source })?;
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let mut file = match options.open(&lock) {
                Ok(file) => file,
                // The last holder may have removed the folder after it was made here.
                Err(source) if source.kind() == ErrorKind::NotFound && tries < TRIES => {
                    tries += 1;
                    continue;
                }
                Err(source) => return Err(error(source)),
            };
            match file.try_lock() {
                // The last holder may have removed the file after it was opened here: then it is nobody's.
                Ok(()) if !is_at(&file, &lock).map_err(error)? => {}
                Ok(()) => {
                    file.set_len(0).map_err(error)?;
                    file.write_all(holder.line().as_bytes()).map_err(error)?;
                    return Ok(held(Some(file)));
                }
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let mut line = String::new();
                    let told = file.read_to_string(&mut line).is_ok() && !line.trim().is_empty();
                    let holder = if told { line.trim() } else { "another process" };
                    return Err(FilesError::InUse {
                        path: folder.to_owned(),
                        holder: holder.to_owned(),
                    });
                }
                Err(TryLockError::Error(_no_locks)) => {
                    fs::remove_file(&lock).map_err(error)?;
                    return Ok(held(None));
                }
            }
        }
    }

    /// The folder without a lock, where the file system has none.
    ///
    /// # Errors
    /// [`FilesError::Write`] if it cannot be made.
    pub fn without_lock(folder: &Path, holder: &Holder) -> Result<Self, FilesError> {
        let is_new = !folder.exists();
        fs::create_dir_all(folder)
            .map_err(|source| FilesError::Write { path: folder.to_owned(), source })?;
        let (path, holder) = (folder.to_owned(), holder.clone());
        Ok(Self { lock: path.clone(), path, holder, is_new, file: None })
    }

    /// Removes the folder with all that is in it, and gives the lock back.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn remove(mut self) -> Result<(), FilesError> {
        let error = |source| FilesError::Write { path: self.path.clone(), source };
        for entry in fs::read_dir(&self.path).map_err(error)? {
            let path = entry.map_err(error)?.path();
            if path == self.lock {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
                .map_err(error)?;
        }
        // The rest goes when the lock is dropped.
        self.is_new = true;
        Ok(())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who holds it.
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whether a second process would be refused; not where the file system has no locks.
    pub const fn is_effective(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for HeldFolder {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Removed while it is still held, so that nobody holds a file of another name.
            let _stays_without_harm = fs::remove_file(&self.lock);
        }
        if self.is_new {
            // A folder that nothing was written to goes too; one that holds something stays.
            let _stays_with_contents = fs::remove_dir(&self.path);
        }
    }
}

/// Whether a path still leads to an open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(command: &str) -> Holder {
        Holder { command: command.to_owned(), started: "at noon".to_owned() }
    }

    #[test]
    fn a_second_lock_is_refused_and_says_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let first = HeldFolder::take(&place, ".lock", &holder("first command")).unwrap();
        assert!(first.is_effective());
        let error = HeldFolder::take(&place, ".lock", &holder("second")).unwrap_err();
        assert_eq!(error.class(), crate::Class::Write);
        let (text, process) = (error.to_string(), format!("process {}", std::process::id()));
        for part in ["first command", "at noon", &process, "new", "wait"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        // The refused one has changed nothing, and another name is another lock.
        assert!(fs::read_to_string(place.join(".lock")).unwrap().contains("first command"));
        drop(HeldFolder::take(&place, ".other", &holder("second")).unwrap());
        drop(first);
        // Nothing was written to the folder that the first one made.
        assert!(!place.exists());
        drop(HeldFolder::take(&place, ".lock", &holder("second")).unwrap());
    }

    #[test]
    fn the_file_of_a_killed_process_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".lock"), "process 1 on another machine, long ago").unwrap();
        let lock = HeldFolder::take(folder.path(), ".lock", &holder("next")).unwrap();
        let text = fs::read_to_string(folder.path().join(".lock")).unwrap();
        assert!(text.contains("next") && !text.contains("long ago"), "{text}");
        drop(lock);
        assert!(!folder.path().join(".lock").exists());
    }

    #[test]
    fn who_holds_a_folder_can_be_asked_and_its_contents_go_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        assert!(has_locks(folder.path()).unwrap());
        assert_eq!(holder_of(&place, ".lock"), None);
        let lock = HeldFolder::take(&place, ".lock", &holder("command")).unwrap();
        assert!(holder_of(&place, ".lock").unwrap().contains("command"));
        fs::create_dir(place.join("inner")).unwrap();
        fs::write(place.join("inner/file"), "x").unwrap();
        // A lock that nobody holds says nothing, and what others put there stays unless it is asked to go.
        drop(lock);
        assert!(place.join("inner/file").exists());
        assert_eq!(holder_of(&place, ".lock"), None);
        let lock = HeldFolder::take(&place, ".lock", &holder("command")).unwrap();
        lock.remove().unwrap();
        assert!(!place.exists());
        let free = HeldFolder::without_lock(&place, &holder("command")).unwrap();
        assert!(!free.is_effective());
        free.remove().unwrap();
        assert!(!place.exists() && folder.path().exists());
    }

    /// Threads that take a folder, remove it and take it again never fail but by finding it in use.
    #[test]
    fn a_folder_that_others_remove_can_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("point");
        std::thread::scope(|scope| {
            for _thread in 0..4 {
                let _handle = scope.spawn(|| {
                    for _turn in 0..200 {
                        match HeldFolder::take(&place, ".lock", &holder("turn")) {
                            Ok(lock) => lock.remove().unwrap(),
                            Err(error) => {
                                assert!(matches!(error, FilesError::InUse { .. }), "{error}");
                            }
                        }
                    }
                });
            }
        });
        assert!(!place.exists());
    }

    /// Many threads take and drop one lock; no two may hold it at once, though its file is removed each time.
    #[test]
    fn never_do_two_hold_it() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (inside, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _thread in 0..4 {
                scope.spawn(|| {
                    for _turn in 0..500 {
                        if let Ok(lock) = HeldFolder::take(folder.path(), ".lock", &holder("turn"))
                        {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            taken.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                            drop(lock);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 10);
    }
}
