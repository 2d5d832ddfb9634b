//! How long something may take: the waits of one request, one after the other, under one timer.
//!
//! Kept true here: a wait ends at its time even if nothing else happens; the timer ends with the request, so that it keeps
//! no object awake. Setting and clearing a timer costs as much as a header: the timer of the first wait stays for the
//! next, and looks when it fires whether that has more time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;

use super::platform::{clear_timeout, now, set_timeout};
use crate::ledger::Millis;

/// Watches over the waits of one request.
#[derive(Default)]
pub(super) struct Watch(Rc<State>);

#[derive(Default)]
struct State {
    /// Until when the wait that goes on may last; none: none does.
    until: Cell<Option<Millis>>,
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    timer: RefCell<Option<Timer>>,
}

struct Timer {
    handle: JsValue,
    fires_at: Millis,
    _callback: Closure<dyn FnMut()>,
}

/// Waits for something that no other wait follows. None: it took too long.
pub(super) async fn within<T>(future: impl Future<Output = T>, milliseconds: u32) -> Option<T> {
    Watch::default().within(future, milliseconds).await
}

impl Watch {
    /// Waits for something. None: it took too long.
    pub(super) async fn within<T>(&self, future: impl Future<Output = T>, milliseconds: u32) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let state = &self.0;
        let until = now().plus(milliseconds.into());
        state.until.set(Some(until));
        state.over.set(false);
        let in_time = state.timer.borrow().as_ref().is_some_and(|timer| timer.fires_at <= until);
        if !in_time {
            State::set_timer(state, milliseconds);
        }
        let output = std::future::poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            if state.over.get() {
                return Poll::Ready(None);
            }
            *state.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        state.until.set(None);
        state.waker.take();
        output
    }
}

impl State {
    fn set_timer(state: &Rc<Self>, milliseconds: u32) {
        let fired = state.clone();
        let callback = Closure::once(move || Self::fires(&fired));
        let set = set_timeout(callback.as_ref().unchecked_ref(), milliseconds);
        let fires_at = now().plus(milliseconds.into());
        // Without a timer nothing may wait for ever: its time is over.
        state.over.set(set.is_err());
        let timer = set.ok().map(|handle| Timer { handle, fires_at, _callback: callback });
        drop(state.timer.replace(timer));
    }

    fn fires(state: &Rc<Self>) {
        let Some(until) = state.until.get() else {
            state.timer.take();
            return;
        };
        // A wait that began later goes on.
        let left = until.since(now());
        if left > 0 {
            return Self::set_timer(state, u32::try_from(left).unwrap_or(u32::MAX));
        }
        state.timer.take();
        state.over.set(true);
        // Whoever wakes up looks at this very watch.
        let waker = state.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // One that has fired is cleared for nothing, which is seldom.
        clear_timeout(&self.handle);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The callback holds the state, and the state the callback.
        self.0.timer.take();
    }
}
