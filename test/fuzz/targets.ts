import type { FuzzTarget } from './harness.ts';
import authorization from './targets/authorization.ts';
import candidate from './targets/candidate.ts';
import checkpoint from './targets/checkpoint.ts';
import config from './targets/config.ts';
import dtls from './targets/dtls.ts';
import environment from './targets/environment.ts';
import h264 from './targets/h264.ts';
import http from './targets/http.ts';
import manifest from './targets/manifest.ts';
import npy from './targets/npy.ts';
import pickle from './targets/pickle.ts';
import receivedCodecs from './targets/received-codecs.ts';
import receiver from './targets/receiver.ts';
import rtcp from './targets/rtcp.ts';
import rtp from './targets/rtp.ts';
import safetensors from './targets/safetensors.ts';
import sctp from './targets/sctp.ts';
import sdkMessage from './targets/sdk-message.ts';
import sdp from './targets/sdp.ts';
import sdpFragment from './targets/sdp-fragment.ts';
import srtp from './targets/srtp.ts';
import stun from './targets/stun.ts';
import vp8 from './targets/vp8.ts';
import wireChunk from './targets/wire-chunk.ts';
import wirePacket from './targets/wire-packet.ts';
import wsMessage from './targets/ws-message.ts';

/** The quickest first. */
export const TARGETS: readonly FuzzTarget[] = [
  candidate,
  rtp,
  rtcp,
  stun,
  sctp,
  vp8,
  wireChunk,
  h264,
  receivedCodecs,
  receiver,
  pickle,
  wsMessage,
  sdkMessage,
  srtp,
  manifest,
  safetensors,
  npy,
  checkpoint,
  wirePacket,
  sdpFragment,
  sdp,
  environment,
  authorization,
  config,
  dtls,
  http,
];
