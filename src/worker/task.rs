//! Runs a request's future and settles its promise, in the turn of the event loop that moves it on.
//!
//! Kept true here: a future is polled by whoever wakes it, at once, and never within itself. What it does then is done on
//! behalf of its own request, where one queue for all tasks of the isolate (wasm-bindgen's) could mix them; and no
//! microtask is spent on it. Not for what wakes others in the middle of its own work: the objects use the queue.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::Function;
use wasm_bindgen::JsValue;
use worker::send::SendWrapper;

type Work = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

struct Task {
    work: RefCell<Option<Work>>,
    resolve: Function,
    reject: Function,
    polling: Cell<bool>,
    again: Cell<bool>,
}

/// What a waker holds. There is one thread only: nothing is ever sent.
struct Handle(SendWrapper<Task>);

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        poll(&self);
    }
}

/// Settles a promise with what a future gives. It is polled for the first time before this returns.
pub(super) fn settle(resolve: Function, reject: Function, work: Work) {
    let work = RefCell::new(Some(work));
    let task = Task { work, resolve, reject, polling: Cell::new(false), again: Cell::new(false) };
    poll(&Arc::new(Handle(SendWrapper::new(task))));
}

fn poll(handle: &Arc<Handle>) {
    let task = &handle.0.0;
    if task.polling.replace(true) {
        task.again.set(true);
        return;
    }
    let waker = Waker::from(handle.clone());
    let mut context = Context::from_waker(&waker);
    // A waker may be called after the end: then there is nothing left to poll.
    let mut work = task.work.take();
    while let Some(pending) = &mut work {
        task.again.set(false);
        match pending.as_mut().poll(&mut context) {
            Poll::Ready(output) => {
                work = None;
                let (settle, value) = match &output {
                    Ok(value) => (&task.resolve, value),
                    Err(error) => (&task.reject, error),
                };
                drop(settle.call1(&JsValue::UNDEFINED, value));
            }
            Poll::Pending if task.again.get() => {}
            Poll::Pending => break,
        }
    }
    *task.work.borrow_mut() = work;
    task.polling.set(false);
}
