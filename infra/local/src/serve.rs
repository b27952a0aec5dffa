//! HTTP/1.1 on a listener: connections stay open, and an orderly stop lets running requests finish.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// What one request is answered with.
pub type Answer = Response<Full<Bytes>>;

/// How long a client may take to send its headers.
const HEADER_LIMIT: Duration = Duration::from_secs(60);
/// How long running requests get after the stop.
const FINISH_LIMIT: Duration = Duration::from_secs(2);

/// Serves until `stop` turns true or its sender is gone.
pub async fn serve<H, F>(listener: TcpListener, handler: H, mut stop: watch::Receiver<bool>)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // Every connection holds a sender: when the last is gone, so is the last connection.
    let (alive, mut ended) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: the next ones are freed by time, not by haste.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Without it small answers would wait for the client's acknowledgements. Nothing is lost where it cannot be set.
        drop(stream.set_nodelay(true));
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        let (mut stop, alive) = (stop.clone(), alive.clone());
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                // A client that breaks off is no error of ours, and there is nobody left to tell.
                _ = connection.as_mut() => {}
                () = stopped(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    drop(connection.await);
                }
            }
            drop(alive);
        });
    }
    drop((listener, alive));
    drop(tokio::time::timeout(FINISH_LIMIT, ended.recv()).await);
}

/// Completes when it is time to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    drop(stop.wait_for(|stop| *stop).await);
}
