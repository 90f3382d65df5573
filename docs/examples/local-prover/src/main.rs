//! Proves one migration claim and exits: the host program of claimprover's local mode.
//!
//! One line of JSON comes in, lines of JSON go out; docs/local-prover.md is the protocol. Standard output belongs to
//! the protocol alone, so logging goes to standard error.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use anyhow::{bail, ensure, Context, Result};
use serde::{Deserialize, Serialize};
use sp1_sdk::blocking::{Elf, ProveRequest, Prover, ProverClient, SP1Stdin};
use sp1_sdk::{HashableKey, ProvingKey};

/// What the service asks for. It sends more; what this program does not need is ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    version: u32,
    stdin: String,
    public_values: String,
}

/// What this program says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message<'a> {
    Progress {
        phase: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Proof {
        proof: String,
        public_values: String,
    },
    Error {
        message: String,
        retryable: bool,
    },
}

/// A failure that another try cannot mend: the guest refuses this claim.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn main() -> ExitCode {
    let last = match prove() {
        Ok(proof) => proof,
        Err(err) => Message::Error {
            retryable: err.downcast_ref::<Refused>().is_none(),
            message: format!("{err:#}"),
        },
    };
    match say(&last) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE, // nobody listens any more
    }
}

fn prove() -> Result<Message<'static>> {
    let elf = read_elf()?;
    let request = read_request()?;
    let expected = unhex(&request.public_values).context("publicValues")?;
    let mut stdin = SP1Stdin::new();
    stdin.write_slice(&unhex(&request.stdin).context("stdin")?);

    let client = ProverClient::builder().cpu().build();

    // Running the guest takes a moment, proving it minutes: a claim that the guest refuses must not cost them. A guest
    // that panics commits nothing.
    say(&Message::Progress { phase: "executing" })?;
    let (committed, _) = client
        .execute(elf.clone(), stdin.clone())
        .run()
        .context("running the guest")?;
    if committed.to_vec() != expected {
        bail!(Refused("the guest does not commit to this claim".into()));
    }

    say(&Message::Progress { phase: "setting up" })?;
    let key = client.setup(elf).context("setting up the program")?;
    check_key(&key.verifying_key().bytes32())?;

    say(&Message::Progress { phase: "proving" })?;
    let proof = client
        .prove(&key, stdin)
        .groth16()
        .run()
        .context("proving")?;

    Ok(Message::Proof {
        proof: format!("0x{}", hex::encode(proof.bytes())),
        public_values: format!("0x{}", hex::encode(proof.public_values.to_vec())),
    })
}

/// The guest program: `--elf PATH`, the file that `cargo prove build` writes.
fn read_elf() -> Result<Elf> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, path] = arguments.as_slice() else {
        bail!("usage: claim-prover --elf PATH");
    };
    ensure!(flag == "--elf", "usage: claim-prover --elf PATH");
    let bytes = std::fs::read(path).with_context(|| format!("reading {path}"))?;
    Ok(Elf::Static(Box::leak(bytes.into_boxed_slice()))) // this process makes one proof and ends
}

fn read_request() -> Result<Request> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("reading the request")?;
    let request: Request = serde_json::from_str(&line).context("reading the request")?;
    ensure!(request.version == 1, "request version {} is not known here", request.version);
    Ok(request)
}

/// A proof by another program would be refused anyway; better to say so before proving. The service passes its setting on.
fn check_key(key: &str) -> Result<()> {
    match std::env::var("SP1_PROGRAM_VKEY") {
        Ok(wanted) if wanted.trim_start_matches("0x") != key.trim_start_matches("0x") => {
            bail!("this ELF has the key {key}, and SP1_PROGRAM_VKEY is {wanted}")
        }
        _ => Ok(()),
    }
}

fn say(message: &Message) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, message)?;
    out.write_all(b"\n")?;
    out.flush()
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits = text.strip_prefix("0x").context("0x is missing")?;
    Ok(hex::decode(digits)?)
}
