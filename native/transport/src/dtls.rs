//! One DTLS association.
use crate::{event, host, input, output, status, timeout_event};
use dimpl::{Config, Dtls, DtlsCertificate, Output, ProtocolVersion, SrtpProfile};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Retransmissions begin after this (RFC 6347 section 4.2.4.1 allows less than 1 s where the application knows its paths) and
/// double; ICE has shown that the path is there.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(200);
const RETRANSMISSIONS: usize = 7;
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

static mut DTLS: Option<Dtls> = None;

fn dtls() -> &'static mut Dtls {
    unsafe { DTLS.as_mut().unwrap() }
}

/// Input: our certificate (DER). `version`: 12, 13, or 0 for the newest that both sides speak.
#[unsafe(no_mangle)]
pub extern "C" fn dtls_new(client: u32, version: u32, certificate_len: usize, mtu: usize) -> i32 {
    let certificate = DtlsCertificate {
        certificate: input(certificate_len).to_vec(),
        // The host signs; see host.rs.
        private_key: Vec::new(),
    };
    let config = Config::builder()
        .with_crypto_provider(host::provider())
        .mtu(mtu)
        // ICE has proved the peer's address.
        .use_server_cookie(false)
        .flight_start_rto(FIRST_RETRANSMISSION)
        .flight_retries(RETRANSMISSIONS)
        .handshake_timeout(HANDSHAKE_LIMIT)
        .build();
    let config = match config {
        Ok(config) => Arc::new(config),
        Err(error) => return status(Err::<(), _>(error)),
    };
    let now = Instant::now();
    let mut dtls = match version {
        12 => Dtls::new_12(config, certificate, now),
        13 => Dtls::new_13(config, certificate, now),
        _ => Dtls::new_auto(config, certificate, now),
    };
    if client != 0 {
        dtls.set_active(true);
    }
    let result = dtls.handle_timeout(now);
    unsafe { DTLS = Some(dtls) };
    status(result)
}

#[unsafe(no_mangle)]
pub extern "C" fn dtls_packet(len: usize) -> i32 {
    let now = Instant::now();
    status(dtls().handle_timeout(now).and_then(|()| dtls().handle_packet(input(len))))
}

#[unsafe(no_mangle)]
pub extern "C" fn dtls_timeout() -> i32 {
    status(dtls().handle_timeout(Instant::now()))
}

#[unsafe(no_mangle)]
pub extern "C" fn dtls_send(len: usize) -> i32 {
    status(dtls().send_application_data(input(len)))
}

#[unsafe(no_mangle)]
pub extern "C" fn dtls_close() -> i32 {
    status(dtls().close())
}

/// 1 while ChangeCipherSpec is the next that the peer may send.
#[unsafe(no_mangle)]
pub extern "C" fn dtls_awaits_ccs() -> u32 {
    dtls().awaits_change_cipher_spec() as u32
}

/// 12 or 13, 0 while it is not agreed.
#[unsafe(no_mangle)]
pub extern "C" fn dtls_version() -> u32 {
    match dtls().protocol_version() {
        Some(ProtocolVersion::DTLS1_2) => 12,
        Some(ProtocolVersion::DTLS1_3) => 13,
        _ => 0,
    }
}

/// 0 timeout, 1 datagram to send, 2 handshake complete, 3 peer's certificate (DER), 4 SRTP keys (profile, then client key,
/// server key, client salt, server salt), 5 data, 6 close_notify, 7 nothing of interest.
#[unsafe(no_mangle)]
pub extern "C" fn dtls_poll() -> u32 {
    match dtls().poll_output(output()) {
        Output::Packet(packet) => 1 << 24 | packet.len() as u32,
        Output::Connected => 2 << 24,
        Output::PeerCert(der) => 3 << 24 | der.len() as u32,
        Output::ApplicationData(data) => 5 << 24 | data.len() as u32,
        Output::CloseNotify => 6 << 24,
        Output::Timeout(due) => timeout_event(Some(due)),
        Output::KeyingMaterial(material, profile) => {
            let id = match profile {
                SrtpProfile::AES128_CM_SHA1_80 => 1,
                SrtpProfile::AEAD_AES_128_GCM => 7,
                SrtpProfile::AEAD_AES_256_GCM => 8,
                _ => 0,
            };
            let mut out = vec![id];
            out.extend_from_slice(&material);
            event(4, &out)
        }
        _ => 7 << 24,
    }
}
