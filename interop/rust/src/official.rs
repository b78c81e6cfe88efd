//! The two official transport contracts: environment in, redis in between, one report out.

use crate::node::{self, BehaviourEvent};
use crate::{Failure, Options};
use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use std::env;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

struct Contract {
    new: bool,
    dialer: bool,
    stack: [String; 3],
    ip: String,
    redis: String,
    key: String,
    timeout: Duration,
}

fn var(name: &str, otherwise: &str) -> String {
    env::var(name).ok().filter(|v| !v.is_empty()).unwrap_or_else(|| otherwise.into())
}

fn seconds(name: &str) -> Duration {
    Duration::from_secs(var(name, "180").parse().ok().filter(|n| *n > 0).unwrap_or(180))
}

fn read() -> Result<Contract, Failure> {
    let c = if let Ok(v) = env::var("IS_DIALER") {
        Contract {
            new: true,
            dialer: v == "true",
            stack: ["TRANSPORT", "SECURE_CHANNEL", "MUXER"].map(|n| var(n, "")),
            ip: var("LISTENER_IP", "0.0.0.0"),
            redis: var("REDIS_ADDR", "transport-redis:6379"),
            key: format!("{}_listener_multiaddr", env::var("TEST_KEY").map_err(|_| "TEST_KEY is not set")?),
            timeout: seconds("TEST_TIMEOUT_SECS"),
        }
    } else if let Ok(v) = env::var("is_dialer") {
        Contract {
            new: false,
            dialer: v == "true",
            stack: ["transport", "security", "muxer"].map(|n| var(n, "")),
            ip: var("ip", "0.0.0.0"),
            redis: var("redis_addr", "redis:6379"),
            key: "listenerAddr".into(),
            timeout: seconds("test_timeout_seconds"),
        }
    } else {
        return Err("neither IS_DIALER nor is_dialer is set".into());
    };
    if c.stack.join("/") != "tcp/noise/yamux" {
        return Err(format!("no {} here, only tcp/noise/yamux", c.stack.join("/")).into());
    }
    Ok(c)
}

/// Send one command and return the bulk strings of its answer.
async fn redis(addr: &str, args: &[&str]) -> Result<Vec<String>, Failure> {
    let mut conn = BufReader::new(TcpStream::connect(addr).await?);
    let mut text = format!("*{}\r\n", args.len());
    for a in args {
        text += &format!("${}\r\n{a}\r\n", a.len());
    }
    conn.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    conn.read_line(&mut line).await?;
    let mut left: i64 = match line.as_bytes().first() {
        Some(b':') => 0,
        Some(b'*') => line[1..].trim().parse()?,
        _ => return Err(format!("redis: {}", line.trim()).into()),
    };
    let mut all = Vec::new();
    while left > 0 {
        line.clear();
        conn.read_line(&mut line).await?;
        let n: usize = line.trim_start_matches('$').trim().parse()?;
        let mut bytes = vec![0u8; n + 2];
        conn.read_exact(&mut bytes).await?;
        all.push(String::from_utf8(bytes[..n].to_vec())?);
        left -= 1;
    }
    Ok(all)
}

fn ms(d: Duration) -> f64 {
    d.as_micros() as f64 / 1000.0
}

async fn dial(c: &Contract, o: &Options) -> Result<(), Failure> {
    let wait = c.timeout.as_secs().to_string();
    let (mut swarm, _) = node::new(o, Duration::from_secs(1)).await?;
    let got = redis(&c.redis, &["BLPOP", &c.key, &wait]).await?;
    let addr = got.get(1).ok_or("no listener address in time")?;
    let start = Instant::now();
    let peer = node::connect(&mut swarm, addr).await?;
    let rtt = loop {
        if let SwarmEvent::Behaviour(BehaviourEvent::Ping(p)) = swarm.select_next_some().await {
            if p.peer == peer {
                break p.result?;
            }
        }
    };
    let all = start.elapsed();
    if c.new {
        println!(
            "latency:\n  handshake_plus_one_rtt: {:.3}\n  ping_rtt: {:.3}\n  unit: ms",
            ms(all),
            ms(rtt)
        );
    } else {
        println!("{{\"handshakePlusOneRTTMillis\": {:.3}, \"pingRTTMilllis\": {:.3}}}", ms(all), ms(rtt));
    }
    node::close(swarm).await;
    Ok(())
}

async fn listen(c: &Contract, o: &Options) -> Result<(), Failure> {
    let (mut swarm, _) = node::new(o, Duration::from_secs(1)).await?;
    let addr = swarm
        .listeners()
        .map(|a| a.to_string())
        .find(|a| !a.starts_with("/ip4/127."))
        .ok_or("no address but loopback")?;
    let addr = format!("{addr}/p2p/{}", swarm.local_peer_id());
    redis(&c.redis, &["RPUSH", &c.key, &addr]).await?;
    loop {
        swarm.select_next_some().await;
    }
}

pub async fn run(mut o: Options) -> Result<(), Failure> {
    let c = read()?;
    o.listen = format!("/ip4/{}/tcp/0", c.ip);
    let late = |_| format!("not done within {} s", c.timeout.as_secs());
    if c.dialer {
        tokio::time::timeout(c.timeout, dial(&c, &o)).await.map_err(late)?
    } else {
        tokio::time::timeout(c.timeout, listen(&c, &o)).await.map_err(late)?
    }
}
