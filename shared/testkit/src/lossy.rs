//! A way to a service on which answers get lost: what was asked for is done, and whoever asked never hears of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws::client::Environment;
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The way. Loses nothing until it is told to.
#[derive(Clone)]
pub struct Lossy {
    url: String,
    to_hear: Arc<AtomicUsize>,
    to_lose: Arc<AtomicUsize>,
}

impl Lossy {
    /// A way to the service at this URL.
    pub async fn to(endpoint: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lossy = Self { url, to_hear: Arc::default(), to_lose: Arc::default() };
        let (served, service) = (lossy.clone(), endpoint.trim_start_matches("http://").to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (served, service) = (served.clone(), service.clone());
                tokio::spawn(async move { served.carry(client, &service).await });
            }
        });
        lossy
    }

    /// What clients are built from.
    pub fn environment(&self) -> Environment {
        Environment::at(&self.url, "eu-west-1").expect("a client")
    }

    /// The next answers get lost, each with its connection.
    pub fn lose(&self, answers: usize) {
        self.to_lose.store(answers, Ordering::SeqCst);
    }

    /// The same behind so many that are heard.
    pub fn lose_after(&self, heard: usize, answers: usize) {
        self.to_hear.store(heard, Ordering::SeqCst);
        self.lose(answers);
    }

    async fn carry(&self, client: TcpStream, service: &str) -> io::Result<()> {
        let (mut requests, mut answered) = client.into_split();
        let (mut answers, mut asked) = TcpStream::connect(service).await?.into_split();
        let asking = async { io::copy(&mut requests, &mut asked).await.map(drop) };
        let answering = async {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = answers.read(&mut bytes).await?;
                let one_of = |left: &AtomicUsize| {
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
                };
                if read == 0 || !one_of(&self.to_hear) && one_of(&self.to_lose) {
                    return Ok(());
                }
                answered.write_all(&bytes[..read]).await?;
            }
        };
        tokio::select! {
            asked = asking => asked,
            answered = answering => answered,
        }
    }
}
