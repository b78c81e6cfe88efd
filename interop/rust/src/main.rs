//! The rust-libp2p side of the interop runs; interop/README.md is its contract.

mod drive;
mod idle;
mod node;
mod official;
mod perf;
mod serve;

use std::process::ExitCode;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

pub struct Options {
    pub seed: Option<u32>,
    pub listen: String,
    pub mdns: bool,
    pub default_limits: bool,
    pub to: String,
    pub checks: String,
    pub seq: usize,
    pub par: usize,
    pub bytes: u64,
}

/// Write one JSON line; each has the wall clock in ms, so that the runner can order peers.
pub fn say(mut line: serde_json::Value) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock is past 1970");
    line["t_ms"] = (now.as_micros() as f64 / 1000.0).into();
    println!("{line}");
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, Failure> {
    let mut o = Options {
        seed: None,
        listen: "/ip4/0.0.0.0/tcp/0".into(),
        mdns: false,
        default_limits: false,
        to: String::new(),
        checks: "seq,par,sha_up,sha_down,half_close".into(),
        seq: 1000,
        par: 200,
        bytes: 100 << 20,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mdns" => o.mdns = true,
            "--default-limits" => o.default_limits = true,
            _ => {
                let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
                match arg.as_str() {
                    "--seed" => o.seed = Some(value.parse()?),
                    "--listen" => o.listen = value,
                    "--to" => o.to = value,
                    "--checks" => o.checks = value,
                    "--seq" => o.seq = value.parse()?,
                    "--par" => o.par = value.parse()?,
                    "--bytes" => o.bytes = value.parse()?,
                    _ => return Err(format!("no option {arg}").into()),
                }
            }
        }
    }
    Ok(o)
}

async fn run() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let mode = args.next().unwrap_or_else(|| "transport".into());
    if mode == "perf" {
        return perf::run(args).await;
    }
    let o = options(args)?;
    match mode.as_str() {
        "transport" => official::run(o).await,
        "idle" => idle::run(o).await,
        "drive" => drive::run(o).await,
        _ => Err(format!("no mode \"{mode}\": transport, idle, drive or perf").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("peer: {e}");
            ExitCode::FAILURE
        }
    }
}
