//! The supplier's port: open, or bound and deaf, so that connections are refused and the system gives it to
//! nobody else who asks for a free one. One request per connection, and room for a second answer that nobody asked for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Shop, lock};
use crate::serve::{Answer, stopped};

/// How long a client may take to send its headers.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;

/// A connection to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub(super) struct Silence;

/// Where a second answer is left for the connection.
pub(super) type Afterwards = Arc<Mutex<Option<Vec<u8>>>>;

/// The port.
pub(super) struct Gate {
    address: SocketAddr,
    state: tokio::sync::Mutex<State>,
    /// Ends every connection.
    stop: watch::Sender<bool>,
}

enum State {
    /// Connections are taken, until told otherwise.
    Open(watch::Sender<bool>, JoinHandle<()>),
    /// Connections are refused by the system.
    Deaf(TcpSocket),
    /// Between the two, or after the end.
    Shut,
}

impl Gate {
    /// Listens on this port.
    pub(super) fn open(port: u16, shop: Arc<Shop>) -> io::Result<Self> {
        let socket = bind((Ipv4Addr::LOCALHOST, port).into())?;
        let address = socket.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let state = open(socket.listen(BACKLOG)?, shop, stopping);
        Ok(Self { address, state: tokio::sync::Mutex::new(state), stop })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens or closes. Connections that stand are left alone.
    pub(super) async fn set(&self, opens: bool, shop: &Arc<Shop>) -> io::Result<()> {
        let mut state = self.state.lock().await;
        if *self.stop.borrow() || matches!(*state, State::Open(..)) == opens {
            return Ok(());
        }
        let socket = match std::mem::replace(&mut *state, State::Shut) {
            State::Open(closing, accepting) => {
                closing.send_replace(true);
                drop(accepting.await);
                bind(self.address)?
            }
            State::Deaf(socket) => socket,
            State::Shut => bind(self.address)?,
        };
        *state = if opens {
            open(socket.listen(BACKLOG)?, shop.clone(), self.stop.subscribe())
        } else {
            State::Deaf(socket)
        };
        Ok(())
    }

    /// Closes for good, connections included.
    pub(super) async fn shut(&self) {
        self.stop.send_replace(true);
        if let State::Open(_, accepting) = std::mem::replace(&mut *self.state.lock().await, State::Shut) {
            drop(accepting.await);
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of before that the system still remembers are no reason to refuse the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn open(listener: TcpListener, shop: Arc<Shop>, mut stop: watch::Receiver<bool>) -> State {
    let (closing, mut closed) = watch::channel(false);
    let accepting = tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped(&mut closed) => return,
                () = stopped(&mut stop) => return,
            };
            match accepted {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, shop.clone(), stop.clone()))),
                // Out of file descriptors, most likely: the next ones are freed by time, not by haste.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    State::Open(closing, accepting)
}

/// One request. A client that breaks off is no error of ours.
async fn connection(stream: TcpStream, shop: Arc<Shop>, mut stop: watch::Receiver<bool>) {
    drop(stream.set_nodelay(true));
    let afterwards = Afterwards::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (shop, afterwards) = (shop.clone(), afterwards.clone());
        async move { shop.answer(request, &afterwards).await as Result<Answer, Silence> }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown();
    let ended = tokio::select! {
        ended = async { std::pin::pin!(connection).await } => ended,
        () = stopped(&mut stop) => return,
    };
    let second = lock(&afterwards).take();
    if let (Ok(parts), Some(second)) = (ended, second) {
        drop(parts.io.into_inner().write_all(&second).await);
    }
}
