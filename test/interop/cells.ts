import type { ClipName } from './clips.ts';
import type { PeerName, Session } from './peers.ts';

/** What a peer does in one cell of the matrix. */
export interface Task {
  title: string;
  mode: Session['mode'];
  codec: string;
  clip?: ClipName;
  options?: Session['options'];
  /** Behind the stream's name in the address. */
  query?: string;
  /** What must be counted: depth maps made by the server, frames of the gray track, whole depth packets. */
  counts: readonly ('made' | 'track' | 'depth')[];
  /** The track's width by its height, where it is told apart by that. */
  shape?: number;
}

const TASKS = {
  'whip-vp8': { title: 'WHIP VP8', mode: 'whip', codec: 'vp8', counts: ['made'] },
  'whip-h264': { title: 'WHIP H264', mode: 'whip', codec: 'h264', counts: ['made'] },
  'whip-slices': {
    title: 'WHIP H264, several slices',
    mode: 'whip',
    codec: 'h264',
    clip: 'h264-slices',
    options: ['slices'],
    counts: ['made'],
  },
  'whip-audio': { title: 'WHIP with audio', mode: 'whip', codec: 'vp8', options: ['audio'], counts: ['made'] },
  'whip-vp9': { title: 'WHIP VP9', mode: 'whip', codec: 'vp9', counts: ['made'] },
  'whip-av1': { title: 'WHIP AV1', mode: 'whip', codec: 'av1', counts: ['made'] },
  'whip-h265': { title: 'WHIP H265', mode: 'whip', codec: 'h265', counts: ['made'] },
  'whep-vp8': { title: 'WHEP VP8 + data', mode: 'whep', codec: 'vp8', options: ['data'], counts: ['track', 'depth'] },
  'whep-stacked': {
    title: 'WHEP stacked',
    mode: 'whep',
    codec: 'vp8',
    query: '?layout=stacked',
    counts: ['track'],
    // Two pictures of 4:3, the colours above the depth; a sender may have made them smaller.
    shape: 4 / 6,
  },
  'whep-h264': { title: 'WHEP H264', mode: 'whep', codec: 'h264', counts: ['track'] },
  'ws-vp8': { title: '/ws VP8', mode: 'ws', codec: 'vp8', options: ['data'], counts: ['track', 'depth'] },
  'ws-h264': { title: '/ws H264', mode: 'ws', codec: 'h264', options: ['data'], counts: ['track', 'depth'] },
} as const satisfies Record<string, Task>;
export type TaskName = keyof typeof TASKS;
export const tasks: Record<TaskName, Task> = TASKS;

/** Which tasks each peer can do at all; what it lacks is not the server's. */
export const MATRIX: Record<PeerName, readonly TaskName[]> = {
  chromium: [
    'whip-vp8',
    'whip-h264',
    'whip-audio',
    'whip-vp9',
    'whip-av1',
    'whep-vp8',
    'whep-stacked',
    'whep-h264',
    'ws-vp8',
    'ws-h264',
  ],
  // Its H264 is a download.
  firefox: ['whip-vp8', 'whip-audio', 'whip-vp9', 'whep-vp8', 'whep-stacked', 'ws-vp8'],
  libwebrtc: ['whip-vp8', 'whip-audio', 'whip-vp9', 'whep-vp8', 'whep-stacked', 'ws-vp8'],
  pion: [
    'whip-vp8',
    'whip-h264',
    'whip-slices',
    'whip-audio',
    'whip-vp9',
    'whip-av1',
    'whip-h265',
    'whep-vp8',
    'whep-stacked',
    'whep-h264',
    'ws-vp8',
    'ws-h264',
  ],
  // Its H264 encoder always cuts pictures into slices.
  aiortc: ['whip-vp8', 'whip-slices', 'whip-audio', 'whep-vp8', 'whep-stacked', 'whep-h264', 'ws-vp8', 'ws-h264'],
  gstreamer: ['whip-vp8', 'whip-h264', 'whip-slices', 'whip-audio', 'whep-vp8', 'whep-stacked', 'whep-h264'],
  ffmpeg: ['whip-h264', 'whip-slices'],
};
