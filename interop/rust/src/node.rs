//! One swarm with what every mode needs.

use crate::{Failure, Options, serve};
use futures::StreamExt;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, identify, identity, mdns, noise, ping, tcp, yamux};
use std::time::Duration;

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    pub serve: serve::Behaviour,
    pub streams: libp2p_stream::Behaviour,
}

fn key(seed: Option<u32>) -> Result<identity::Keypair, Failure> {
    let Some(n) = seed else {
        return Ok(identity::Keypair::generate_ed25519());
    };
    let mut bytes = [0u8; 32];
    bytes[28..].copy_from_slice(&n.to_be_bytes());
    Ok(identity::Keypair::ed25519_from_bytes(bytes)?)
}

pub type Event = SwarmEvent<BehaviourEvent>;

/// Build the node, listen, and return it once its listen addresses are known, with the events
/// that came before.
pub async fn new(o: &Options, ping_every: Duration) -> Result<(Swarm<Behaviour>, Vec<Event>), Failure> {
    let mut muxer = yamux::Config::default();
    if !o.default_limits {
        muxer.set_max_num_streams(4096);
    }
    let mut swarm = SwarmBuilder::with_existing_identity(key(o.seed)?)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, move || muxer)?
        .with_behaviour(|key| {
            let id = key.public().to_peer_id();
            Ok(Behaviour {
                identify: identify::Behaviour::new(identify::Config::new("ipfs/0.1.0".into(), key.public())),
                ping: ping::Behaviour::new(ping::Config::new().with_interval(ping_every)),
                mdns: match o.mdns {
                    true => Some(mdns::tokio::Behaviour::new(mdns::Config::default(), id)?).into(),
                    false => None.into(),
                },
                serve: serve::Behaviour,
                streams: libp2p_stream::Behaviour::new(),
            })
        })?
        .with_swarm_config(|c| {
            let c = c.with_idle_connection_timeout(Duration::from_secs(3600));
            if o.default_limits { c } else { c.with_max_negotiating_inbound_streams(4096) }
        })
        .build();
    swarm.listen_on(o.listen.parse()?)?;
    /* One event an interface; they come together. */
    let mut wait = Duration::from_secs(10);
    let mut early = Vec::new();
    while let Ok(event) = tokio::time::timeout(wait, swarm.select_next_some()).await {
        if let SwarmEvent::NewListenAddr { .. } = event {
            wait = Duration::from_millis(20);
        }
        early.push(event);
    }
    if swarm.listeners().next().is_none() {
        return Err("not listening after 10 s".into());
    }
    Ok((swarm, early))
}

/// Split an address that ends in /p2p/<id>.
pub fn split(text: &str) -> Result<(PeerId, Multiaddr), Failure> {
    let addr: Multiaddr = text.parse()?;
    match addr.iter().last() {
        Some(libp2p::multiaddr::Protocol::P2p(id)) => Ok((id, addr)),
        _ => Err(format!("no /p2p at the end of {text}").into()),
    }
}

/// Dial and run the swarm until the connection stands.
pub async fn connect(swarm: &mut Swarm<Behaviour>, to: &str) -> Result<PeerId, Failure> {
    let (peer, addr) = split(to)?;
    swarm.dial(addr)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == peer => return Ok(peer),
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
}

/// Close every connection in order, so that the others see an end and not a cut.
pub async fn close(mut swarm: Swarm<Behaviour>) {
    for peer in swarm.connected_peers().copied().collect::<Vec<_>>() {
        let _ = swarm.disconnect_peer_id(peer);
    }
    let closed = async {
        while swarm.connected_peers().next().is_some() {
            swarm.select_next_some().await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), closed).await;
}
