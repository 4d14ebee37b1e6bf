//! DTLS and SCTP of one peer, without sockets and clocks, behind a C ABI: one WebAssembly instance for each peer.
//!
//! Bytes come in through one buffer and go out through another. Every call that may cause output is followed by calls of
//! `dtls_poll` or `sctp_poll`, which return `kind << 24 | length` of what now lies in the output buffer, until they return
//! kind 0: the time until the next call of `*_timeout`. The host sets the clock (`clock_time_get`) before each call.
#![allow(static_mut_refs)]

mod dtls;
mod host;
mod sctp;

use std::time::Instant;

/// A message of 256 KiB and its header.
const BUFFER_BYTES: usize = 264 * 1024;

static mut IN: [u8; BUFFER_BYTES] = [0; BUFFER_BYTES];
static mut OUT: [u8; BUFFER_BYTES] = [0; BUFFER_BYTES];

#[unsafe(no_mangle)]
pub extern "C" fn in_at() -> *mut u8 {
    unsafe { IN.as_mut_ptr() }
}

#[unsafe(no_mangle)]
pub extern "C" fn out_at() -> *mut u8 {
    unsafe { OUT.as_mut_ptr() }
}

fn input(len: usize) -> &'static [u8] {
    unsafe { &IN[..len.min(BUFFER_BYTES)] }
}

fn output() -> &'static mut [u8] {
    unsafe { &mut OUT[..] }
}

fn event(kind: u32, bytes: &[u8]) -> u32 {
    let n = bytes.len().min(BUFFER_BYTES);
    output()[..n].copy_from_slice(&bytes[..n]);
    kind << 24 | n as u32
}

/// Kind 0: milliseconds until the next timeout, infinite where there is none.
fn timeout_event(due: Option<Instant>) -> u32 {
    let wait = due.map_or(f64::INFINITY, |due| due.saturating_duration_since(Instant::now()).as_secs_f64() * 1000.0);
    event(0, &wait.to_le_bytes())
}

/// 0, or the negative length of the message that now lies in the output buffer.
fn status<T>(result: Result<T, impl std::fmt::Display>) -> i32 {
    match result {
        Ok(_) => 0,
        Err(error) => {
            let text = error.to_string();
            let length = event(0, text.as_bytes()).max(1);
            -(length as i32)
        }
    }
}
