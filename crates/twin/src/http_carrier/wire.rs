//! HTTP connections that a fault can break.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const GARBAGE: u8 = 2;

/// A listener that bounds its connections.
pub(super) struct Wires {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Wires {
    pub(super) fn new(listener: TcpListener, most: usize) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(most)) }
    }
}

/// The state of one connection, seen by its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer(Arc<AtomicU8>);

impl Peer {
    /// The next octet to be written ends the connection instead.
    pub(super) fn cut(&self) {
        self.0.store(CUT, Ordering::Release);
    }

    /// Something that is no HTTP is written in place of the answer, then the connection ends.
    pub(super) fn garble(&self) {
        self.0.store(GARBAGE, Ordering::Release);
    }
}

pub(super) struct Wire {
    io: TcpStream,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

impl Listener for Wires {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                std::future::pending::<()>().await;
                continue;
            };
            if let Ok((io, address)) = self.listener.accept().await {
                // Nagle's wait would cost 40 ms an answer; a socket that refuses still works.
                let _ = io.set_nodelay(true);
                return (Wire { io, peer: Peer::default(), _place: place }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Wires>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Self {
        stream.io().peer.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.peer.0.load(Ordering::Acquire) {
            WHOLE => Pin::new(&mut self.io).poll_write(context, octets),
            GARBAGE => {
                let garbage = b"\x00\xff HTTP? \x1b[0m\r\n\r\n";
                let written = Pin::new(&mut self.io).poll_write(context, garbage);
                if written.is_ready() {
                    self.peer.cut();
                }
                // One octet of the answer counts as written, so that the next try fails.
                written.map_ok(|_| octets.len().min(1))
            }
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
