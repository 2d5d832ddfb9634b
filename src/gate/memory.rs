//! A small memory that forgets: bounded in size and in time.
//!
//! Kept true here: it never holds more than it may, so no client can fill an isolate; what is too old is not told.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::ledger::Millis;

/// Remembers values by key, each for the same span, at most `most` of them; the oldest go first.
#[derive(Debug)]
pub struct Memory<K, V> {
    most: usize,
    span: i64,
    values: HashMap<K, (Millis, V)>,
    order: VecDeque<(Millis, K)>,
}

impl<K: Clone + Eq + Hash, V> Memory<K, V> {
    /// A memory for at most `most` values, each for `span` milliseconds.
    pub fn new(most: usize, span: i64) -> Self {
        Self { most, span, values: HashMap::new(), order: VecDeque::new() }
    }

    /// Remembers a value from now on.
    pub fn put(&mut self, key: K, value: V, now: Millis) {
        self.forget_old(now);
        self.order.push_back((now, key.clone()));
        self.values.insert(key, (now, value));
        while self.order.len() > self.most {
            self.drop_first();
        }
    }

    /// What is remembered under a key.
    pub fn get(&self, key: &K, now: Millis) -> Option<&V> {
        let (at, value) = self.values.get(key)?;
        (now.since(*at) < self.span).then_some(value)
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        self.values.remove(key);
    }

    fn forget_old(&mut self, now: Millis) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) >= self.span) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        // A key that was put again since then stands further back, with its later time.
        if let Some((at, key)) = self.order.pop_front()
            && self.values.get(&key).is_some_and(|(put, _)| *put == at)
        {
            self.values.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_is_old_and_what_is_too_much() {
        let mut memory = Memory::new(2, 100);
        memory.put("a", 1, Millis(0));
        memory.put("b", 2, Millis(10));
        assert_eq!(memory.get(&"a", Millis(99)), Some(&1));
        assert_eq!(memory.get(&"a", Millis(100)), None);
        memory.put("c", 3, Millis(20));
        assert_eq!(memory.get(&"a", Millis(20)), None, "two is the most");
        memory.put("b", 4, Millis(30));
        assert_eq!(memory.get(&"b", Millis(120)), Some(&4), "put again, so remembered anew");
        memory.remove(&"b");
        assert_eq!(memory.get(&"b", Millis(30)), None);
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let mut memory = Memory::new(10, 1_000_000);
        for key in 0..10_000_i64 {
            memory.put(key % 500, key, Millis(key));
            assert!(memory.values.len() <= 10 && memory.order.len() <= 10);
        }
    }
}
