//! Books that end with the program.

use super::{Act, Store, StoreError};
use crate::books::Books;
use async_trait::async_trait;
use std::sync::{Mutex, PoisonError};

/// Keeps the books in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Books>);

impl MemoryStore {
    /// Books that know something already, such as a client id.
    ///
    /// ```
    /// use stripe402_client::{Books, MemoryStore, Origin};
    /// use stripe402_core::protocol::ClientId;
    /// let origin = Origin::of(&"https://api.example".parse().unwrap()).unwrap();
    /// let mut books = Books::default();
    /// books.remember(&origin, &ClientId::derive(b"secret", "card"));
    /// let store = MemoryStore::new(books);
    /// ```
    pub fn new(books: Books) -> Self {
        Self(Mutex::new(books))
    }

    /// The books as they are now.
    pub fn books(&self) -> Books {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Store for MemoryStore {
    async fn transact(&self, act: Act) -> Result<(), StoreError> {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}
