//! Check the other peer: open streams to it and compare what comes back.

use crate::serve::{CHUNK, ECHO, SINK, SOURCE, write_hashed};
use crate::{Failure, Options, node, say};
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream, StreamProtocol};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

#[derive(Clone)]
struct Driver {
    control: libp2p_stream::Control,
    peer: PeerId,
    seq: usize,
    par: usize,
    bytes: u64,
}

/// Write n bytes that differ by place, close our half, want exactly those bytes and an end back.
async fn exchange(stream: Stream, n: usize) -> Result<(), Failure> {
    let want: Vec<u8> = (0..n).map(|i| (i.wrapping_mul(2654435761) >> 13) as u8).collect();
    let (mut from, mut to) = stream.split();
    let write = async {
        to.write_all(&want).await?;
        to.close().await
    };
    let mut got = Vec::new();
    let (sent, read) = futures::join!(write, from.read_to_end(&mut got));
    sent?;
    read?;
    if got != want {
        return Err(format!("echo of {n} bytes came back as other {}", got.len()).into());
    }
    Ok(())
}

impl Driver {
    async fn open(&mut self, protocol: StreamProtocol) -> Result<Stream, Failure> {
        Ok(self.control.open_stream(self.peer, protocol).await?)
    }

    async fn echo(&mut self, n: usize) -> Result<(), Failure> {
        exchange(self.open(ECHO).await?, n).await
    }

    async fn seq(&mut self) -> Result<Value, Failure> {
        for i in 0..self.seq {
            self.echo(64).await.map_err(|e| format!("stream {i}: {e}"))?;
        }
        Ok(json!({"n": self.seq}))
    }

    async fn first(mut self) -> Result<Stream, Failure> {
        let mut stream = self.open(ECHO).await?;
        stream.write_all(b"first").await?;
        stream.flush().await?;
        stream.read_exact(&mut [0u8; 5]).await?;
        Ok(stream)
    }

    /// Open all streams, and only when all are open (or refused) use them.
    async fn at_once(&mut self) -> Vec<Result<(), Failure>> {
        let opened = join_all((0..self.par).map(|_| self.clone().first())).await;
        join_all(opened.into_iter().map(|s| async { exchange(s?, 1024).await })).await
    }

    async fn par(&mut self) -> Result<Value, Failure> {
        for end in self.at_once().await {
            end?;
        }
        Ok(json!({"n": self.par}))
    }

    /// Against a peer with its default limits: refused in time is right, hanging is not.
    async fn limits(&mut self) -> Result<Value, Failure> {
        let ends = self.at_once().await;
        let served = ends.iter().filter(|e| e.is_ok()).count();
        for e in ends.iter().filter_map(|e| e.as_ref().err()) {
            if e.to_string().contains("timed out") {
                return Err(format!("a stream hung: {e}").into());
            }
        }
        if served == 0 {
            return Err(format!("all {} streams refused", ends.len()).into());
        }
        self.echo(1024).await?;
        Ok(json!({"n": self.par, "served": served, "refused": ends.len() - served}))
    }

    async fn sha_up(&mut self) -> Result<Value, Failure> {
        let mut stream = self.open(SINK).await?;
        let sum = write_hashed(&mut stream, self.bytes).await?;
        stream.close().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        if answer != [&self.bytes.to_be_bytes()[..], &sum].concat() {
            return Err(format!("sink answered {answer:?}").into());
        }
        Ok(json!({"bytes": self.bytes}))
    }

    async fn sha_down(&mut self) -> Result<Value, Failure> {
        let mut stream = self.open(SOURCE).await?;
        stream.write_all(&self.bytes.to_be_bytes()).await?;
        stream.close().await?;
        let mut sum = Sha256::new();
        let mut buf = vec![0u8; CHUNK];
        let mut left = self.bytes;
        while left > 0 {
            let part = left.min(CHUNK as u64) as usize;
            let n = stream.read(&mut buf[..part]).await?;
            if n == 0 {
                return Err(format!("ended {left} bytes early").into());
            }
            sum.update(&buf[..n]);
            left -= n as u64;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        if answer != sum.finalize()[..] {
            return Err(format!("source's sum is {answer:?}").into());
        }
        Ok(json!({"bytes": self.bytes}))
    }

    /// First we end our half and everything still comes back; then the listener ends its half
    /// first and ours must stay usable.
    async fn half_close(&mut self) -> Result<Value, Failure> {
        self.echo(1 << 20).await?;
        let mut stream = self.open(SOURCE).await?;
        stream.write_all(&(CHUNK as u64).to_be_bytes()).await?;
        stream.flush().await?;
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await?;
        if got.len() != CHUNK + 32 {
            return Err(format!("theirs first: {} bytes", got.len()).into());
        }
        for _ in 0..4 {
            stream.write_all(&[0u8; CHUNK]).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stream.close().await?;
        self.echo(64).await?;
        Ok(json!({}))
    }

    async fn check(&mut self, name: &str) -> Result<Value, Failure> {
        match name {
            "seq" => self.seq().await,
            "par" => self.par().await,
            "sha_up" => self.sha_up().await,
            "sha_down" => self.sha_down().await,
            "half_close" => self.half_close().await,
            "limits" => self.limits().await,
            _ => Err(format!("no check \"{name}\"").into()),
        }
    }
}

async fn all(mut driver: Driver, checks: String) -> usize {
    let mut failed = 0;
    for name in checks.split(',') {
        let start = Instant::now();
        let end = tokio::time::timeout(Duration::from_secs(60), driver.check(name)).await;
        let mut line = match end.unwrap_or_else(|_| Err("timed out".into())) {
            Ok(mut v) => {
                v["ok"] = true.into();
                v
            }
            Err(e) => {
                failed += 1;
                json!({"ok": false, "text": e.to_string()})
            }
        };
        line["check"] = name.into();
        line["seconds"] = start.elapsed().as_secs_f64().into();
        say(line);
    }
    failed
}

pub async fn run(o: Options) -> Result<(), Failure> {
    let (mut swarm, _) = node::new(&o, Duration::from_secs(15)).await?;
    let peer = tokio::time::timeout(Duration::from_secs(20), node::connect(&mut swarm, &o.to)).await??;
    let control = swarm.behaviour().streams.new_control();
    let driver = Driver { control, peer, seq: o.seq, par: o.par, bytes: o.bytes };
    let mut checks = tokio::spawn(all(driver, o.checks));
    let failed = loop {
        tokio::select! {
            n = &mut checks => break n?,
            _ = swarm.select_next_some() => {}
        }
    };
    node::close(swarm).await;
    if failed > 0 { Err(format!("{failed} failed").into()) } else { Ok(()) }
}
