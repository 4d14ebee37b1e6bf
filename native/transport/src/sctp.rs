//! One SCTP association. Both sides send INIT (RFC 8841 section 9.3), so it is a client and takes the peer's INIT too.
use crate::{event, input, output, status, timeout_event};
use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType, StreamEvent, TransportConfig,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Common header and header of a DATA chunk.
const HEADERS_BYTES: u32 = 28;

struct Sctp {
    endpoint: Endpoint,
    handle: AssociationHandle,
    association: Association,
    transmits: VecDeque<Bytes>,
    readable: VecDeque<u16>,
}

static mut SCTP: Option<Sctp> = None;

fn sctp() -> &'static mut Sctp {
    unsafe { SCTP.as_mut().unwrap() }
}

/// Addresses do not matter over DTLS, but the crate wants one.
fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

impl Sctp {
    fn queue(&mut self, payload: Payload) {
        if let Payload::RawEncode(packets) = payload {
            self.transmits.extend(packets);
        }
    }
}

/// `mtu`: the largest SCTP packet, in bytes. Times in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn sctp_new(port: u32, max_send: u32, max_receive: u32, window: u32, mtu: u32, streams: u32) -> i32 {
    let transport = TransportConfig::default()
        .with_max_send_message_size(max_send)
        .with_max_receive_message_size(max_receive)
        .with_max_receive_buffer_size(window)
        .with_max_num_inbound_streams(streams as u16)
        .with_max_num_outbound_streams(streams as u16)
        .with_max_init_retransmits(None)
        .with_rto_initial_ms(500)
        .with_rto_min_ms(200)
        .with_rto_max_ms(5000)
        .with_remote_port(port as u16);
    let mut config = EndpointConfig::new();
    config.max_payload_size((mtu - HEADERS_BYTES) & !3);
    // Without a server configuration no packet starts a second association.
    let mut endpoint = Endpoint::new(Arc::new(config), None);
    let mut client = ClientConfig::new();
    client.transport = Arc::new(transport);
    match endpoint.connect(client, remote()) {
        Ok((handle, association)) => {
            unsafe {
                SCTP =
                    Some(Sctp { endpoint, handle, association, transmits: VecDeque::new(), readable: VecDeque::new() })
            };
            0
        }
        Err(error) => status(Err::<(), _>(error)),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn sctp_packet(len: usize) {
    let s = sctp();
    let data = Bytes::copy_from_slice(input(len));
    if let Some((handle, DatagramEvent::AssociationEvent(event))) =
        s.endpoint.handle(Instant::now(), remote(), None, None, data)
    {
        if handle == s.handle {
            s.association.handle_event(event);
        }
    }
    while let Some(transmit) = s.endpoint.poll_transmit() {
        s.queue(transmit.payload);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn sctp_timeout() {
    sctp().association.handle_timeout(Instant::now());
}

/// Opens a stream, or sets its parameters. `kind`: 0 reliable, 1 by number of retransmissions, 2 by lifetime in ms.
#[unsafe(no_mangle)]
pub extern "C" fn sctp_open(stream: u32, unordered: u32, kind: u32, value: u32) -> i32 {
    let id = stream as u16;
    let association = &mut sctp().association;
    if association.stream(id).is_err() {
        if let Err(error) = association.open_stream(id, Ppi::Binary) {
            return status(Err::<(), _>(error));
        }
    }
    let kind = ReliabilityType::from(kind as u8);
    status(association.stream(id).and_then(|mut s| s.set_reliability_params(unordered != 0, kind, value)))
}

#[unsafe(no_mangle)]
pub extern "C" fn sctp_send(stream: u32, ppi: u32, len: usize) -> i32 {
    let result = sctp().association.stream(stream as u16);
    status(result.and_then(|mut s| s.write_with_ppi(input(len), Ppi::from(ppi))))
}

/// Bytes of a stream that have not been sent yet.
#[unsafe(no_mangle)]
pub extern "C" fn sctp_unsent(stream: u32) -> u32 {
    sctp().association.unsent_bytes(stream as u16) as u32
}

#[unsafe(no_mangle)]
pub extern "C" fn sctp_reset(stream: u32) -> i32 {
    status(sctp().association.stream(stream as u16).and_then(|mut s| s.close()))
}

#[unsafe(no_mangle)]
pub extern "C" fn sctp_close() -> i32 {
    status(sctp().association.close())
}

/// 0 timeout, 1 packet to send, 2 connected, 3 lost (text), 4 message (u16 stream, u32 PPID, data), 5 stream reset by the peer
/// (u16).
#[unsafe(no_mangle)]
pub extern "C" fn sctp_poll() -> u32 {
    let now = Instant::now();
    let s = sctp();
    loop {
        if let Some(packet) = s.transmits.pop_front() {
            return event(1, &packet);
        }
        if let Some(&stream) = s.readable.front() {
            if let Ok(Some(message)) = s.association.stream(stream).and_then(|mut s| s.read()) {
                let out = output();
                out[..2].copy_from_slice(&stream.to_le_bytes());
                out[2..6].copy_from_slice(&(message.ppi as u32).to_le_bytes());
                let read = message.read(&mut out[6..]).unwrap_or(0);
                return 4 << 24 | (6 + read) as u32;
            }
            s.readable.pop_front();
            continue;
        }
        if let Some(e) = s.association.poll() {
            match e {
                Event::Connected => return 2 << 24,
                Event::AssociationLost { reason } | Event::HandshakeFailed { reason } => {
                    return event(3, reason.to_string().as_bytes());
                }
                Event::Stream(StreamEvent::Readable { id }) => s.readable.push_back(id),
                Event::Stream(StreamEvent::Opened { id }) => {
                    let _ = s.association.accept_stream();
                    s.readable.push_back(id);
                }
                Event::Stream(StreamEvent::Finished { id }) => return event(5, &id.to_le_bytes()),
                _ => {}
            }
            continue;
        }
        if let Some(transmit) = s.association.poll_transmit(now) {
            s.queue(transmit.payload);
            continue;
        }
        while s.association.poll_endpoint_event().is_some() {}
        return timeout_event(s.association.poll_timeout());
    }
}
