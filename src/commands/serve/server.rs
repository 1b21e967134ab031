//! The server: which request has which answer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::commands::serve::answer::Answer;
use crate::commands::serve::args::{SeriesOf, ServeArgs};
use crate::commands::serve::{api, host, metrics, page};
use crate::failure::{Failure, Status};
use crate::{file, output};

/// How many requests are answered at a time; others wait.
const AT_ONCE: usize = 2;
/// How long an answer may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// All that answers need.
struct Served {
    path: PathBuf,
    names: Vec<String>,
    by: SeriesOf,
    max_processes: usize,
    room: Semaphore,
}

/// Runs the command.
pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.file)?;
    let served = Arc::new(Served {
        path,
        names: args.name.clone(),
        by: args.by,
        max_processes: args.max_processes.max(1),
        room: Semaphore::new(AT_ONCE),
    });
    let failed = |error: std::io::Error| {
        let what = anyhow::anyhow!("cannot listen on {}: {error}", args.listen);
        Failure::new(Status::Usage, what).hint("name another address with --listen ADDRESS:PORT")
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        output::note(&format!("http://{address}/ and /metrics, until Ctrl-C"));
        if !address.ip().is_loopback() {
            output::note(
                "note: it listens to other machines too: names of processes and files can be read by\n\
                 whoever reaches it",
            );
        }
        axum::serve(listener, router(served)).with_graceful_shutdown(interrupted()).await.map_err(failed)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/", get(newest))
        .route("/sessions/{number}", get(session))
        .route("/recordings/{number}", get(recording))
        .route("/metrics", get(all_metrics))
        .route("/api/recordings", get(recordings))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{number}", get(session_info))
        .route("/api/sessions/{number}/diff", get(session_diff))
        .route("/api/recordings/{number}/series", get(series))
        .route("/api/recordings/{number}/snapshot", get(snapshot))
        .layer(from_fn_with_state(Arc::clone(&served), guarded))
        .with_state(served)
}

/// Refuses requests under names of others, and forbids browsers to use answers elsewhere.
async fn guarded(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|of| of.as_str()));
    if !host::is_own(host, &served.names) {
        let why = "this name is not one of vmrec's: start it with --name NAME to allow it\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Makes an answer beside the others, a few at a time.
async fn answered(
    served: Arc<Served>,
    make: impl FnOnce(&Served) -> Result<Answer, Failure> + Send + 'static,
) -> Response {
    let made = async {
        let _room = served.room.acquire().await;
        let served = Arc::clone(&served);
        tokio::task::spawn_blocking(move || make(&served)).await
    };
    match tokio::time::timeout(PATIENCE, made).await {
        Ok(Ok(Ok(answer))) => {
            ([(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
        }
        Ok(Ok(Err(failure))) => {
            let status = match failure.is_usage() {
                true => StatusCode::BAD_REQUEST,
                false => StatusCode::NOT_FOUND,
            };
            (status, format!("{}\n", failure.sentence())).into_response()
        }
        Ok(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn newest(State(served): State<Arc<Served>>) -> Response {
    answered(served, |served| page::newest(&served.path)).await
}

async fn session(State(served): State<Arc<Served>>, Path(number): Path<String>) -> Response {
    answered(served, move |served| page::session(&served.path, &number)).await
}

async fn recording(State(served): State<Arc<Served>>, Path(number): Path<String>) -> Response {
    answered(served, move |served| page::recording(&served.path, &number)).await
}

async fn all_metrics(State(served): State<Arc<Served>>) -> Response {
    answered(served, |served| {
        let body = metrics::text(&served.path, served.by, served.max_processes)?;
        Ok(Answer { content_type: metrics::CONTENT_TYPE, body })
    })
    .await
}

async fn recordings(State(served): State<Arc<Served>>) -> Response {
    answered(served, |served| api::recordings(&served.path)).await
}

async fn sessions(State(served): State<Arc<Served>>) -> Response {
    answered(served, |served| api::sessions(&served.path)).await
}

async fn session_info(State(served): State<Arc<Served>>, Path(number): Path<String>) -> Response {
    answered(served, move |served| api::session(&served.path, &number)).await
}

async fn session_diff(
    State(served): State<Arc<Served>>,
    Path(number): Path<String>,
    Query(asked): Query<api::Asked>,
) -> Response {
    answered(served, move |served| api::session_diff(&served.path, &number, &asked)).await
}

async fn series(
    State(served): State<Arc<Served>>,
    Path(number): Path<String>,
    Query(asked): Query<api::Asked>,
) -> Response {
    answered(served, move |served| api::series(&served.path, &number, &asked)).await
}

async fn snapshot(
    State(served): State<Arc<Served>>,
    Path(number): Path<String>,
    Query(asked): Query<api::Asked>,
) -> Response {
    answered(served, move |served| api::snapshot(&served.path, &number, &asked)).await
}
