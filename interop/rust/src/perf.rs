//! perf 1.0.0: 8 bytes, big-endian, how many bytes to send back, payload, end; the answer, end.

use crate::serve::{CHUNK, PERF};
use crate::{Failure, Options, node, say};
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, Stream};
use serde_json::json;
use std::time::{Duration, Instant};

/// The identity of seed 0, which servers have.
const SERVER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

async fn send_zeros(stream: &mut Stream, n: u64) -> Result<(), Failure> {
    let block = vec![0u8; CHUNK];
    let mut left = n;
    while left > 0 {
        let part = &block[..left.min(CHUNK as u64) as usize];
        stream.write_all(part).await?;
        left -= part.len() as u64;
    }
    Ok(stream.close().await?)
}

async fn drain(stream: &mut Stream) -> Result<u64, Failure> {
    let mut buf = vec![0u8; CHUNK];
    let mut total = 0;
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}

pub async fn serve(mut stream: Stream) -> Result<(), Failure> {
    let mut want = [0u8; 8];
    stream.read_exact(&mut want).await?;
    drain(&mut stream).await?;
    send_zeros(&mut stream, u64::from_be_bytes(want)).await
}

async fn one(mut control: libp2p_stream::Control, peer: PeerId, up: u64, down: u64) -> Result<(), Failure> {
    let mut stream = control.open_stream(peer, PERF).await?;
    stream.write_all(&down.to_be_bytes()).await?;
    send_zeros(&mut stream, up).await?;
    match drain(&mut stream).await? {
        got if got == down => Ok(()),
        got => Err(format!("{got} bytes came, not {down}").into()),
    }
}

/// n streams for a byte each way, 32 at a time.
async fn open_many(control: libp2p_stream::Control, peer: PeerId, n: usize) -> Result<(), Failure> {
    let worker = |i: usize| {
        let control = control.clone();
        async move {
            for _ in (i..n).step_by(32) {
                one(control.clone(), peer, 1, 1).await?;
            }
            Ok::<(), Failure>(())
        }
    };
    join_all((0..32).map(worker)).await.into_iter().collect()
}

#[derive(Default)]
struct Args {
    server: bool,
    address: String,
    up: u64,
    down: u64,
    pings: usize,
    opens: usize,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, Failure> {
    let mut o = Args::default();
    while let Some(arg) = args.next() {
        if arg == "--run-server" {
            o.server = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--server-address" => o.address = value,
            "--transport" if value == "tcp" => {}
            "--upload-bytes" => o.up = value.parse()?,
            "--download-bytes" => o.down = value.parse()?,
            "--pings" => o.pings = value.parse()?,
            "--opens" => o.opens = value.parse()?,
            _ => return Err(format!("no option {arg} {value}").into()),
        }
    }
    Ok(o)
}

fn multiaddr(address: &str) -> Result<String, Failure> {
    let at: std::net::SocketAddrV4 = address.parse()?;
    Ok(format!("/ip4/{}/tcp/{}", at.ip(), at.port()))
}

pub async fn run(args: impl Iterator<Item = String>) -> Result<(), Failure> {
    let o = parse(args)?;
    let addr = multiaddr(&o.address)?;
    let node = Options {
        seed: o.server.then_some(0),
        listen: if o.server { addr.clone() } else { "/ip4/127.0.0.1/tcp/0".into() },
        mdns: false,
        default_limits: false,
        to: String::new(),
        checks: String::new(),
        seq: 0,
        par: 0,
        bytes: 0,
    };
    /* A ping is due at once after each pong when pings are what is measured. */
    let every = if o.pings > 0 { Duration::ZERO } else { Duration::from_secs(3600) };
    let (mut swarm, _) = node::new(&node, every).await?;
    if o.server {
        let addrs: Vec<String> = swarm.listeners().map(|a| a.to_string()).collect();
        say(json!({"event": "listening", "addrs": addrs}));
        loop {
            swarm.select_next_some().await;
        }
    }
    let began = Instant::now();
    let peer = node::connect(&mut swarm, &format!("{addr}/p2p/{SERVER}")).await?;
    if o.pings > 0 {
        return pings(swarm, o.pings).await;
    }
    let control = swarm.behaviour().streams.new_control();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let mut line = json!({"type": "final"});
    let mut took = began;
    if o.opens > 0 {
        took = Instant::now();
        open_many(control, peer, o.opens).await?;
        line["streams"] = o.opens.into();
    } else {
        one(control, peer, o.up, o.down).await?;
        line["uploadBytes"] = o.up.into();
        line["downloadBytes"] = o.down.into();
    }
    line["timeSeconds"] = took.elapsed().as_secs_f64().into();
    println!("{line}");
    Ok(())
}

async fn pings(mut swarm: libp2p::Swarm<node::Behaviour>, n: usize) -> Result<(), Failure> {
    let mut all = Vec::new();
    while all.len() < n {
        if let SwarmEvent::Behaviour(node::BehaviourEvent::Ping(p)) = swarm.select_next_some().await {
            all.push(p.result?);
        }
    }
    all.sort();
    println!("{}", json!({"type": "final", "pingMedianMicros": all[n / 2].as_nanos() as f64 / 1000.0}));
    Ok(())
}
