//! A server of one trick, on a real socket.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a server does with a connection once it has read the request.
#[derive(Clone)]
pub enum Act {
    /// Writes this and closes.
    Answers(Vec<u8>),
    /// Writes this and keeps the connection open.
    Stays(Vec<u8>),
    /// Writes the first part, then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes this a byte at a time, with this pause after each.
    Drips(Vec<u8>, Duration),
    /// Ends the connection with a reset.
    Resets,
    /// Resets it without reading.
    ResetsUnread,
    /// Writes this before a request has come, and reads on.
    SpeaksFirst(Vec<u8>),
}

/// A listener that does the same with every connection, and what it was sent.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Listens on a free port.
    pub async fn start(act: Act) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(perform(stream, act.clone(), seen.clone()));
            }
        });
        Server { address, requests, task }
    }

    /// The requests so far, each as it came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("unbroken").clone()
    }
}

async fn perform(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    if let Act::SpeaksFirst(text) = &act {
        drop(stream.write_all(text).await);
    }
    if matches!(act, Act::ResetsUnread) {
        return drop(stream.set_zero_linger());
    }
    let request = read(&mut stream).await;
    seen.lock().expect("unbroken").push(request);
    match act {
        Act::Answers(text) => drop(stream.write_all(&text).await),
        Act::Stays(text) => {
            drop(stream.write_all(&text).await);
            drop(stream.read(&mut [0]).await);
        }
        Act::Endless(first, again) => {
            drop(stream.write_all(&first).await);
            while stream.write_all(&again).await.is_ok() {}
        }
        Act::Drips(text, pause) => {
            for byte in text {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
        Act::Resets => drop(stream.set_zero_linger()),
        Act::ResetsUnread => {}
        Act::SpeaksFirst(_) => drop(stream.read(&mut [0]).await),
    }
}

/// A whole request: its head, and as much body as it declares.
async fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => request.extend_from_slice(&part[..length]),
            _ => return text,
        }
    }
}
