//! Stay, serve, tell what happens as JSON lines, take commands from standard input.

use crate::node::{self, Behaviour, BehaviourEvent};
use crate::{Failure, Options, say};
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{StreamProtocol, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, mdns};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

type Connections = HashMap<libp2p::swarm::ConnectionId, (PeerId, ConnectedPoint)>;

fn line(event: &str, peer: &PeerId, at: &ConnectedPoint) -> Value {
    let direction = if at.is_dialer() { "out" } else { "in" };
    json!({"event": event, "peer": peer.to_string(), "addr": at.get_remote_address().to_string(),
           "direction": direction})
}

fn tell_mdns(event: mdns::Event) {
    let (name, list) = match event {
        mdns::Event::Discovered(list) => ("discovered", list),
        mdns::Event::Expired(list) => ("expired", list),
    };
    let mut peers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (peer, addr) in list {
        peers.entry(peer.to_string()).or_default().push(addr.to_string());
    }
    for (peer, addrs) in peers {
        say(json!({"event": name, "peer": peer, "addrs": addrs}));
    }
}

fn tell(event: node::Event, open: &mut Connections) {
    match event {
        SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
            say(line("connected", &peer_id, &endpoint));
            open.insert(connection_id, (peer_id, endpoint));
        }
        SwarmEvent::ConnectionClosed { peer_id, connection_id, endpoint, cause, .. } => {
            open.remove(&connection_id);
            let mut l = line("disconnected", &peer_id, &endpoint);
            l["cause"] = cause.map(|c| c.to_string()).into();
            say(l);
        }
        SwarmEvent::OutgoingConnectionError { error, .. } => {
            say(json!({"event": "error", "command": "dial", "text": error.to_string()}));
        }
        SwarmEvent::Behaviour(BehaviourEvent::Mdns(e)) => tell_mdns(e),
        SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
            let texts = |l: &[Multiaddr]| l.iter().map(|a| a.to_string()).collect::<Vec<_>>();
            say(json!({"event": "identified", "peer": peer_id.to_string(), "agent": info.agent_version,
                "protocols": info.protocols.iter().map(|p| p.to_string()).collect::<Vec<_>>(),
                "addrs": texts(&info.listen_addrs)}));
        }
        _ => {}
    }
}

/// Ping on a stream of our own: the library's pings come when it wants.
async fn ping(mut control: libp2p_stream::Control, peer: PeerId) -> Result<(), Failure> {
    let start = Instant::now();
    let mut s = control.open_stream(peer, StreamProtocol::new("/ipfs/ping/1.0.0")).await?;
    s.write_all(&[7u8; 32]).await?;
    s.flush().await?;
    let mut back = [0u8; 32];
    s.read_exact(&mut back).await?;
    s.close().await?;
    let rtt = start.elapsed().as_micros() as f64 / 1000.0;
    say(json!({"event": "ping", "peer": peer.to_string(), "rtt_ms": rtt, "same": back == [7u8; 32]}));
    Ok(())
}

/// Open n streams at once and tell how each ended.
async fn open_many(control: libp2p_stream::Control, peer: PeerId, protocol: String, n: usize) -> Result<(), Failure> {
    let protocol = StreamProtocol::try_from_owned(protocol)?;
    let ends = join_all((0..n).map(|_| {
        let (mut control, protocol) = (control.clone(), protocol.clone());
        async move { control.open_stream(peer, protocol).await }
    }))
    .await;
    let refused = |e: &Result<_, _>| matches!(e, Err(libp2p_stream::OpenStreamError::UnsupportedProtocol(_)));
    let (opened, refused) = (ends.iter().filter(|e| e.is_ok()).count(), ends.iter().filter(|e| refused(e)).count());
    say(json!({"event": "streams", "peer": peer.to_string(), "opened": opened, "refused": refused,
               "failed": n - opened - refused}));
    Ok(())
}

fn report(text: String, work: impl Future<Output = Result<(), Failure>> + Send + 'static) {
    tokio::spawn(async move {
        let end = tokio::time::timeout(Duration::from_secs(20), work).await;
        if let Err(e) = end.unwrap_or_else(|_| Err("timed out".into())) {
            say(json!({"event": "error", "command": text, "text": e.to_string()}));
        }
    });
}

fn command(swarm: &mut Swarm<Behaviour>, open: &Connections, text: &str) -> Result<(), Failure> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let control = swarm.behaviour().streams.new_control();
    let target = |text: &str| -> Result<PeerId, Failure> {
        if text.starts_with('/') { Ok(node::split(text)?.0) } else { Ok(text.parse()?) }
    };
    match words[..] {
        ["peers"] => {
            let all: Vec<Value> = open.values().map(|(p, at)| line("peer", p, at)).collect();
            say(json!({"event": "peers", "peers": all}));
        }
        ["dial", to] if to.starts_with('/') => swarm.dial(to.parse::<Multiaddr>()?)?,
        ["dial", to] => swarm.dial(to.parse::<PeerId>()?)?,
        ["close", to] => {
            swarm.disconnect_peer_id(target(to)?).map_err(|_| "not connected")?;
        }
        ["ping", to] => report(text.into(), ping(control, target(to)?)),
        ["streams", to, protocol, n] => {
            report(text.into(), open_many(control, target(to)?, protocol.into(), n.parse()?))
        }
        _ => return Err(format!("no command \"{text}\"").into()),
    }
    Ok(())
}

/// Lines of standard input; a thread, since tokio's own stdin cannot be abandoned.
fn lines() -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tx.blocking_send(line).is_err() {
                break;
            }
        }
    });
    rx
}

pub async fn run(o: Options) -> Result<(), Failure> {
    let (mut swarm, early) = node::new(&o, Duration::from_secs(15)).await?;
    let id = *swarm.local_peer_id();
    let addrs: Vec<String> = swarm.listeners().map(|a| format!("{a}/p2p/{id}")).collect();
    say(json!({"event": "listening", "peer": id.to_string(), "addrs": addrs}));
    let mut open = Connections::new();
    for event in early {
        tell(event, &mut open);
    }
    let mut input = lines();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    loop {
        tokio::select! {
            event = swarm.select_next_some() => tell(event, &mut open),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            text = input.recv() => match text.as_deref().map(str::trim) {
                None | Some("quit") => break,
                Some("") => {}
                Some(text) => if let Err(e) = command(&mut swarm, &open, text) {
                    say(json!({"event": "error", "command": text, "text": e.to_string()}));
                }
            }
        }
    }
    node::close(swarm).await;
    Ok(())
}
