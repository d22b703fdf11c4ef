//! TLS to PostgreSQL is had or nothing is said: a server that speaks as much of the protocol as
//! that takes.

use std::sync::Arc;

use sotto::clock::Clock;
use sotto::db::{DatabaseUrl, Db, DbError, Threads};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use twin::{Authority, Shown};

/// `SSLRequest` of the protocol's version 3.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What the server says at the end of a connection that came to the start of a session.
const MET: &str = "we have met";

/// Answers one connection; whether anything was said to it but the request for TLS.
async fn answer(mut socket: TcpStream, tls: Option<TlsAcceptor>) -> bool {
    let mut request = [0; 8];
    socket.read_exact(&mut request).await.unwrap();
    assert_eq!(request, SSL_REQUEST, "the first thing said must ask for TLS");
    let Some(tls) = tls else {
        socket.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        return !rest.is_empty();
    };
    socket.write_all(b"S").await.unwrap();
    match tls.accept(socket).await {
        Ok(stream) => refuse(stream).await,
        Err(_) => false,
    }
}

async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    let length = stream.read_u32().await.unwrap();
    let mut startup = vec![0; length as usize - 4];
    stream.read_exact(&mut startup).await.unwrap();
    let fields = format!("SFATAL\0C28000\0M{MET}\0\0");
    stream.write_u8(b'E').await.unwrap();
    stream.write_u32(fields.len() as u32 + 4).await.unwrap();
    stream.write_all(fields.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    true
}

/// What opening a database on such a server comes to, and whether anything was said to the server.
async fn open(shown: Option<Shown>, authority: &Authority, roots: &Authority) -> (DbError, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pem = std::env::temp_dir().join(format!("sotto-ca-{}.pem", Clock::system().new_id()));
    std::fs::write(&pem, roots.pem()).unwrap();
    let url: DatabaseUrl = format!(
        "postgres://u:secret@127.0.0.1:{port}/x?sslmode=require&sslrootcert={}",
        pem.display()
    )
    .parse()
    .unwrap();
    let tls = shown.map(|shown| TlsAcceptor::from(Arc::clone(&authority.server(shown).unwrap())));
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        answer(socket, tls).await
    });
    let opened = tokio::task::spawn_blocking(move || {
        let now = Clock::system().now();
        Db::open(&url, Threads { readers: 1, writers: 1 }, now).err().unwrap()
    });
    let error = opened.await.unwrap();
    std::fs::remove_file(&pem).unwrap();
    (error, server.await.unwrap())
}

#[tokio::test]
async fn a_server_that_shows_no_good_certificate_hears_nothing() {
    let (ours, another) = (Authority::new().unwrap(), Authority::new().unwrap());
    for (shown, roots, meet) in [
        (Some(Shown::Good), &ours, true),
        (Some(Shown::Good), &another, false),
        (Some(Shown::SelfSigned), &ours, false),
        (Some(Shown::WrongName), &ours, false),
        (Some(Shown::Expired), &ours, false),
        (None, &ours, false),
    ] {
        let (error, said) = open(shown, &ours, roots).await;
        let DbError::Open { why } = error else { panic!("{error}") };
        assert_eq!((why.contains(MET), said), (meet, meet), "{shown:?}: {why}");
    }
}
