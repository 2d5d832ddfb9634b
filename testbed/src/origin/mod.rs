//! The demo origin: an API worth paying for, and the witness. Every request that reaches it is counted, and written
//! down with what it was given, so that a test knows what was served without trusting the gate in front.

mod bodies;
mod lax;
mod log;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::Response;

use self::log::Log;

/// Set as an extension of a response: the name of the content that was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content(&'static str);

/// Set as an extension of a response: how a careless router read the request.
#[derive(Clone, Debug)]
pub(crate) struct ReadAs(String);

/// Set as an extension of a request that a careless router has rewritten: the target as it came.
#[derive(Clone, Debug)]
pub(crate) struct Sent(Uri);

/// The origin's routes.
pub(crate) fn router() -> Router {
    let log = Arc::new(Log::default());
    let content = routes::router();
    Router::new()
        .merge(content.clone())
        .fallback(async move |request: Request| lax::answer(content.clone(), request).await)
        .layer(middleware::from_fn_with_state(Arc::clone(&log), witness))
        .nest("/_origin", log::router(log))
}

/// Counts and records everything that is not about the record itself.
async fn witness(State(log): State<Arc<Log>>, request: Request, next: Next) -> Response {
    let number = log.begin(request.method(), request.uri(), request.headers());
    let response = next.run(request).await;
    log.answered(number, &response);
    response
}
