//! The protocols of interop/README.md. Inbound streams have a behaviour of their own:
//! libp2p-stream drops those that arrive in one burst (its channel holds one).

use crate::{Failure, perf};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::{
    Endpoint, Multiaddr,
    transport::PortUse,
    upgrade::{DeniedUpgrade, InboundUpgrade, UpgradeInfo},
};
use libp2p::swarm::{
    self, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    StreamProtocol, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    handler::{ConnectionEvent, FullyNegotiatedInbound},
};
use libp2p::{PeerId, Stream};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

pub const ECHO: StreamProtocol = StreamProtocol::new("/lp2p-interop/echo/1.0.0");
pub const SOURCE: StreamProtocol = StreamProtocol::new("/lp2p-interop/source/1.0.0");
pub const SINK: StreamProtocol = StreamProtocol::new("/lp2p-interop/sink/1.0.0");
pub const PERF: StreamProtocol = StreamProtocol::new("/perf/1.0.0");
pub const CHUNK: usize = 65536;

pub struct Behaviour;
pub struct Handler;
pub struct Accept;

impl UpgradeInfo for Accept {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 4];

    fn protocol_info(&self) -> Self::InfoIter {
        [ECHO, SOURCE, SINK, PERF]
    }
}

impl InboundUpgrade<Stream> for Accept {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, info: StreamProtocol) -> Self::Future {
        ready(Ok((stream, info)))
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Accept;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Accept> {
        SubstreamProtocol::new(Accept, ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Accept, DeniedUpgrade>) {
        if let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: (stream, name), .. }) = event {
            tokio::spawn(async move {
                /* A stream that is dropped without its close is reset. */
                let _ = if name == ECHO {
                    echo(stream).await
                } else if name == SOURCE {
                    source(stream).await
                } else if name == PERF {
                    perf::serve(stream).await
                } else {
                    sink(stream).await
                };
            });
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

/// Write n bytes of a fixed pattern, return their SHA-256.
pub async fn write_hashed(stream: &mut swarm::Stream, n: u64) -> Result<[u8; 32], Failure> {
    let block: Vec<u8> = (0..CHUNK).map(|i| (i % 251) as u8).collect();
    let mut sum = Sha256::new();
    let mut left = n;
    while left > 0 {
        let part = &block[..left.min(CHUNK as u64) as usize];
        sum.update(part);
        stream.write_all(part).await?;
        left -= part.len() as u64;
    }
    Ok(sum.finalize().into())
}

async fn echo(mut stream: Stream) -> Result<(), Failure> {
    let mut buf = vec![0u8; CHUNK];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(stream.close().await?);
        }
        stream.write_all(&buf[..n]).await?;
        stream.flush().await?;
    }
}

async fn source(mut stream: Stream) -> Result<(), Failure> {
    let mut want = [0u8; 8];
    stream.read_exact(&mut want).await?;
    let sum = write_hashed(&mut stream, u64::from_be_bytes(want)).await?;
    stream.write_all(&sum).await?;
    stream.close().await?;
    /* Our half is closed first; the other's goes on until it closes. */
    let mut buf = vec![0u8; CHUNK];
    while stream.read(&mut buf).await? > 0 {}
    Ok(())
}

async fn sink(mut stream: Stream) -> Result<(), Failure> {
    let mut buf = vec![0u8; CHUNK];
    let mut sum = Sha256::new();
    let mut count = 0u64;
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            break;
        }
        sum.update(&buf[..n]);
        count += n as u64;
    }
    stream.write_all(&count.to_be_bytes()).await?;
    stream.write_all(&sum.finalize()).await?;
    Ok(stream.close().await?)
}
