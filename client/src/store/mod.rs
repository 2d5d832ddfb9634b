//! Where the [`Books`] are kept: in memory, in a file that processes share, or wherever a [`Store`] of your own puts
//! them.

#[cfg(not(target_arch = "wasm32"))]
mod file;
mod memory;

#[cfg(not(target_arch = "wasm32"))]
pub use file::FileStore;
pub use memory::MemoryStore;

use crate::books::Books;
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};

/// A step over the books.
pub type Act = Box<dyn FnOnce(&mut Books) + Send>;

/// Keeps the books.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Store: Send + Sync {
    /// Reads the books, lets `act` change them, and keeps what it made of them: one step that nobody else's comes
    /// between, durable when it returns. On an error nothing may have changed, and nothing is paid.
    async fn transact(&self, act: Act) -> Result<(), StoreError>;
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn transact(&self, act: Act) -> Result<(), StoreError> {
        (**self).transact(act).await
    }
}

/// The books could not be read or kept. Says where, never what stands in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A step that gives something back.
pub(crate) async fn with<R: Send + 'static>(
    store: &dyn Store,
    act: impl FnOnce(&mut Books) -> R + Send + 'static,
) -> Result<R, StoreError> {
    let slot = Arc::new(Mutex::new(None));
    let put = Arc::clone(&slot);
    store
        .transact(Box::new(move |books| {
            let made = act(books);
            *put.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }))
        .await?;
    let made = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    made.ok_or_else(|| StoreError("the store did not run the step that it was given".to_owned()))
}
