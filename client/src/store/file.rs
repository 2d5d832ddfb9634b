//! Books in a file that many processes share.
//!
//! Kept true here: one process at a time changes the books (a lock on a file beside them); they are replaced as a whole,
//! by a file that is on the disk before it takes the place of the other, so a crash leaves the old ones or the new ones;
//! nobody but their owner can read them; books that cannot be read are never replaced by empty ones.

use super::{Act, Store, StoreError};
use crate::books::Books;
use async_trait::async_trait;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Keeps the books in a file of mode 0600, as JSON.
#[derive(Clone, Debug)]
pub struct FileStore {
    file: PathBuf,
}

impl FileStore {
    /// Books in this file. The folder and a lock beside it are made at the first use, the file when there is something to
    /// keep.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The books as they are now.
    pub fn books(&self) -> Result<Books, StoreError> {
        self.read()
    }

    /// A step over the books; see [`Store::transact`]. Waits while another process is at it.
    pub fn change<R>(&self, act: impl FnOnce(&mut Books) -> R) -> Result<R, StoreError> {
        let folder = self.folder();
        make_folder(&folder).map_err(|error| self.failed("its folder cannot be made", &error))?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(self.beside(".lock"))
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|error| self.failed("it cannot be locked", &error))?;
        let before = self.read()?;
        let mut books = before.clone();
        let made = act(&mut books);
        if books != before {
            let mut bytes = serde_json::to_vec_pretty(&books)
                .map_err(|error| self.failed("it cannot be written", &error))?;
            bytes.push(b'\n');
            self.replace(&bytes, &folder).map_err(|error| self.failed("it cannot be written", &error))?;
        }
        drop(lock);
        Ok(made)
    }

    fn read(&self) -> Result<Books, StoreError> {
        let mut bytes = Vec::new();
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Books::default()),
            Err(error) => return Err(self.failed("it cannot be read", &error)),
        };
        self.check_mode(&file)?;
        (&file).read_to_end(&mut bytes).map_err(|error| self.failed("it cannot be read", &error))?;
        // Of the reader's words only where it failed: the rest could quote a client id.
        serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            self.failed("it is not what this program wrote; move it away to start afresh", &place)
        })
    }

    /// Client ids can be spent by whoever reads them.
    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            file.metadata().map_err(|error| self.failed("it cannot be read", &error))?.permissions().mode();
        // None of the six bits of group and others.
        if mode.trailing_zeros() >= 6 {
            return Ok(());
        }
        let command = format!("chmod 600 {}", self.file.display());
        Err(self.failed("others than its owner can read it, and what stands in it can be spent", &command))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there is no mode to look at")]
    fn check_mode(&self, _: &File) -> Result<(), StoreError> {
        Ok(())
    }

    fn replace(&self, bytes: &[u8], folder: &Path) -> std::io::Result<()> {
        // What a crash may have left there is nobody's: we hold the lock.
        let new = self.beside(".new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.file)?;
        // The rename is on the disk when its folder is. Not every system lets a folder be opened.
        match File::open(folder) {
            Ok(folder) => folder.sync_all(),
            Err(_) if cfg!(not(unix)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn folder(&self) -> PathBuf {
        match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            Some(_) | None => PathBuf::from("."),
        }
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(end);
        name.into()
    }

    fn failed(&self, what: &str, why: &dyn Display) -> StoreError {
        StoreError(format!("{}: {what} ({why})", self.file.display()))
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[async_trait]
impl Store for FileStore {
    async fn transact(&self, act: Act) -> Result<(), StoreError> {
        #[cfg(feature = "middleware")]
        {
            // It waits for a lock and for the disk: not on a thread that serves others.
            let store = self.clone();
            let step = tokio::task::spawn_blocking(move || store.change(act));
            return step.await.map_err(|error| self.failed("the step over it ended early", &error))?;
        }
        #[cfg(not(feature = "middleware"))]
        self.change(act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use stripe402_core::protocol::{ClientId, Units};
    use url::Url;

    /// A folder for the time of a test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("stripe402-store-{name}-{}", std::process::id()));
            drop(std::fs::remove_dir_all(&path));
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn here() -> Origin {
        Origin::of(&Url::parse("https://a.example").unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_is_there_for_the_next_process_and_for_nobody_else() {
        let folder = Folder::new("mode");
        let store = FileStore::new(folder.0.join("below/books.json"));
        assert_eq!(store.books().unwrap(), Books::default(), "nothing is no error, and makes no file");
        assert!(!folder.0.exists());
        let client = ClientId::derive(b"secret", "card");
        store.change(|books| drop(books.remember(&here(), &client).clone())).unwrap();
        let again = FileStore::new(store.path());
        assert_eq!(again.books().unwrap().client(&here()).unwrap().client_id, client);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(store.path()), 0o600);
            assert_eq!(mode(&store.beside(".lock")), 0o600);
            assert_eq!(mode(&folder.0), 0o700);
            std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
            let error = store.change(|_| ()).unwrap_err().0;
            assert!(error.contains("chmod 600") && !error.contains(client.as_str()), "{error}");
        }
    }

    #[test]
    fn a_step_that_changes_nothing_writes_nothing() {
        let folder = Folder::new("still");
        let store = FileStore::new(folder.0.join("books.json"));
        store.change(|books| books.forget("x")).unwrap();
        assert!(!store.path().exists());
        store.change(|books| drop(books.remember(&here(), &ClientId::derive(b"s", "c")).clone())).unwrap();
        let written = std::fs::metadata(store.path()).unwrap().modified().unwrap();
        store.change(|books| books.forget("x")).unwrap();
        assert_eq!(std::fs::metadata(store.path()).unwrap().modified().unwrap(), written);
    }

    #[test]
    fn damaged_books_are_an_error_and_stay_as_they_are() {
        let folder = Folder::new("damaged");
        std::fs::create_dir_all(&folder.0).unwrap();
        let store = FileStore::new(folder.0.join("books.json"));
        for text in
            ["", "{", "null", r#"{"version":2}"#, r#"{"version":1,"clients":{"a":{"clientId":"5ec7e7"}}}"#]
        {
            let mut file = private(OpenOptions::new().write(true).create(true).truncate(true))
                .open(store.path())
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let error = store.change(|books| books.forget("x")).unwrap_err().0;
            assert!(error.contains("books.json") && !error.contains("5ec7e7"), "{error}");
            assert_eq!(std::fs::read_to_string(store.path()).unwrap(), text);
        }
    }

    #[test]
    fn what_a_crash_left_behind_is_no_obstacle() {
        let folder = Folder::new("crash");
        let store = FileStore::new(folder.0.join("books.json"));
        store.change(|books| books.forget("x")).unwrap();
        std::fs::write(store.beside(".new"), "half of it").unwrap();
        let client = ClientId::derive(b"secret", "card");
        store.change(|books| drop(books.remember(&here(), &client).clone())).unwrap();
        assert!(!store.beside(".new").exists());
        assert!(store.books().unwrap().client(&here()).is_some());
    }

    #[test]
    fn nothing_is_lost_where_many_write_at_once() {
        let folder = Folder::new("many");
        let path = folder.0.join("books.json");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = FileStore::new(&path);
                    for _ in 0..10 {
                        store
                            .change(|books| {
                                let client = books.remember(&here(), &ClientId::derive(b"secret", "card"));
                                let sum = client.balances.entry("usd".into()).or_default();
                                *sum = sum.checked_add(Units::new(1).unwrap()).unwrap();
                            })
                            .unwrap();
                    }
                });
            }
        });
        let books = FileStore::new(&path).books().unwrap();
        assert_eq!(books.client(&here()).unwrap().balances["usd"].get(), 80);
    }
}
