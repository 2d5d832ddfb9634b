//! A shelf of objects with ids: found in constant time, listed in the order in which they were put there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a shelf can hold.
pub(crate) trait Shelved {
    /// The object's id, unique on its shelf.
    fn id(&self) -> &str;
}

/// Objects by id, in order of arrival.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Shelved> Shelf<T> {
    /// Puts an object on the shelf, in place of one with the same id.
    pub(crate) fn put(&mut self, item: T) {
        if let Some(&place) = self.places.get(item.id()) {
            self.items[place] = item;
        } else {
            self.places.insert(item.id().to_owned(), self.items.len());
            self.items.push(item);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|&place| &self.items[place])
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.places.get(id).map(|&place| &mut self.items[place])
    }

    /// Every object, oldest first.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

/// Takes a lock even when a request died while it held it: the test that caused the panic fails by itself, and the
/// others go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
