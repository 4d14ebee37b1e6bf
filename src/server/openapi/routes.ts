import { pulledSourceSchema } from '../../config/pulled-source.ts';
import { pushedOutputSchema } from '../../config/pushed-output.ts';
import { matteChange } from '../../protocol/matte.ts';
import { streamChange } from '../../session/stream-settings.ts';
import { bodyOfChange } from '../outputs-api.ts';
import { whepQuery, whipQuery } from '../whip-query.ts';
import {
  addresses,
  info,
  outputReport,
  pushList,
  pushReport,
  readiness,
  recordingStatus,
  sessionList,
  sourceList,
  sourceReport,
  streamList,
  streamReport,
} from './answers.ts';
import type { Content, RouteDoc } from './route-doc.ts';

const SDP: Content = { type: 'application/sdp', about: 'SDP (RFC 8866)' };
const FRAGMENT: Content = { type: 'application/trickle-ice-sdpfrag', about: 'RFC 8840' };
const TEXT: Content = { type: 'text/plain' };
const RESOURCE = {
  location: 'Address of the session',
  etag: 'Of its ICE session',
  link: 'STUN and TURN servers (RFC 9725 section 4.6)',
};
const SESSION = { id: 'Secret id of the session, as its Location header told it' };
const recordingAnswer = (about: string) => ({ about, content: recordingStatus });
const levels = (about: string) => ({ about, content: outputReport });
const PAGES = {
  key: 'Depth as a video, without chrome',
  matte: 'The matte of a stream',
  fill: 'The picture that a matte belongs to',
  both: 'Picture and matte in one',
  desk: 'Levels, presets and tally of a stream',
};
const SETUP_ERRORS = ['BUSY', 'DRAINING', 'BAD_SDP', 'NO_VIDEO', 'UNSUPPORTED_CODEC', 'RATE_LIMITED'] as const;

/**
 * Every route of the server, by method and address as they are registered: a route without an entry fails the tests. 'refused' are
 * methods that an address answers with METHOD_NOT_ALLOWED, and that the document leaves out.
 */
export const ROUTES: Readonly<Record<string, RouteDoc | 'refused'>> = {
  'POST /whip/:stream': {
    tag: 'WebRTC',
    summary: 'Publish video (WHIP, RFC 9725)',
    right: 'publish',
    about:
      'The answer to the offer. Settings of the stream are in the query; they can be changed later by PATCH /api/streams/NAME.',
    query: whipQuery,
    body: SDP,
    answers: {
      201: { about: 'The answer', content: SDP, headers: RESOURCE },
      307: { about: 'The server is full, and another may have room (server.redirectWhenBusy)' },
    },
    errors: [...SETUP_ERRORS, 'STREAM_TAKEN', 'MODEL_NOT_FOUND', 'BAD_SIZE', 'RECORDING_OFF', 'RECORDING_LIMIT'],
  },
  'OPTIONS /whip/:stream': {
    tag: 'WebRTC',
    summary: 'What may be sent there',
    right: 'none',
    about: 'With the right to publish, STUN and TURN servers too.',
    answers: { 204: { about: 'Accept-Post, Allow and Link headers' } },
  },
  'POST /whep/:stream': {
    tag: 'WebRTC',
    summary: 'View the depth of a stream (WHEP)',
    right: 'view',
    about: 'A video track and, where the offer opens the data channel "depth", depth packets.',
    query: whepQuery,
    body: SDP,
    answers: {
      201: { about: 'The answer', content: SDP, headers: RESOURCE },
      307: { about: 'The server is full, and another may have room (server.redirectWhenBusy)' },
    },
    errors: [...SETUP_ERRORS, 'NO_PUBLISHER'],
  },
  'OPTIONS /whep/:stream': {
    tag: 'WebRTC',
    summary: 'What may be sent there',
    right: 'none',
    about: 'With the right to view, STUN and TURN servers too.',
    answers: { 204: { about: 'Accept-Post, Allow and Link headers' } },
  },
  'PATCH /session/:id': {
    tag: 'WebRTC',
    summary: 'Trickle candidates, restart ICE, or show a newer token',
    right: 'publish',
    about: 'The right with which the session was opened.',
    params: SESSION,
    headers: { 'if-match': 'ETag of the session, or *' },
    body: FRAGMENT,
    answers: {
      200: { about: 'ICE was restarted', content: FRAGMENT, headers: { etag: 'Of the new ICE session' } },
      204: { about: 'Candidates were taken' },
    },
    errors: ['SESSION_NOT_FOUND', 'ETAG_REQUIRED', 'ETAG_MISMATCH'],
  },
  'DELETE /session/:id': {
    tag: 'WebRTC',
    summary: 'End a session',
    right: 'publish',
    about: 'The right with which it was opened.',
    params: SESSION,
    answers: { 200: { about: 'It has ended' } },
    errors: ['SESSION_NOT_FOUND'],
  },
  'OPTIONS /session/:id': {
    tag: 'WebRTC',
    summary: 'What may be sent there',
    right: 'none',
    params: SESSION,
    answers: { 204: { about: 'Accept-Patch and Allow headers' } },
  },
  'GET /ws': {
    tag: 'WebRTC',
    summary: 'Two-way sessions, by WebSocket',
    right: 'duplex',
    about: 'Messages: docs/signalling.md. Browsers show their token in the first message.',
    answers: { 101: { about: 'The connection is a WebSocket' } },
    errors: ['UPGRADE_REQUIRED', 'BUSY'],
  },

  'GET /api/streams': {
    tag: 'Streams',
    summary: 'What is live and has a name',
    right: 'view',
    about: 'Of those streams that the token may view.',
    answers: { 200: { about: 'In the order of their names', content: streamList } },
  },
  'GET /api/streams/:stream/thumbnail': {
    tag: 'Streams',
    summary: 'The latest depth of a stream, small',
    right: 'view',
    about: 'Made at most once a second. Asking counts as watching for 10 s.',
    answers: {
      200: {
        about: 'At most 320 pixels wide and high',
        content: { type: 'image/jpeg' },
        headers: { 'depthcast-frame': 'Number of the frame' },
      },
      204: { about: 'There is none yet' },
    },
    errors: ['NO_PUBLISHER', 'MEDIA_WORKER_DIED'],
  },
  'GET /api/streams/:stream': {
    tag: 'Streams',
    summary: 'A live stream and its settings',
    right: 'view',
    answers: { 200: { about: 'As it is now', content: streamReport } },
    errors: ['NO_PUBLISHER'],
  },
  'PATCH /api/streams/:stream': {
    tag: 'Streams',
    summary: 'Change settings of a live stream',
    right: 'publish',
    about:
      'From its next frame on; another model or size begins a new epoch, another layout holds for viewers to come.',
    body: streamChange,
    answers: { 200: { about: 'As it is now', content: streamReport } },
    errors: ['NO_PUBLISHER', 'BAD_REQUEST', 'MODEL_NOT_FOUND', 'BAD_SIZE', 'BUSY'],
  },
  'POST /api/streams/:stream/recording': {
    tag: 'Recording',
    summary: 'Record a stream as MCAP',
    right: 'publish',
    answers: { 201: recordingAnswer('It begins') },
    errors: ['NO_PUBLISHER', 'RECORDING_OFF', 'RECORDING_RUNS', 'RECORDING_LIMIT', 'RECORDING_FAILED'],
  },
  'GET /api/streams/:stream/recording': {
    tag: 'Recording',
    summary: 'How a recording stands',
    right: 'publish',
    answers: { 200: recordingAnswer('As it is now') },
    errors: ['NO_PUBLISHER', 'RECORDING_NOT_FOUND'],
  },
  'DELETE /api/streams/:stream/recording': {
    tag: 'Recording',
    summary: 'End a recording',
    right: 'publish',
    answers: { 200: recordingAnswer('Its last file is closed') },
    errors: ['NO_PUBLISHER', 'RECORDING_NOT_FOUND'],
  },

  'GET /api/streams/:stream/output': {
    tag: 'Streams',
    summary: "A stream's matte, its presets, and who shows it",
    right: 'view',
    answers: { 200: levels('As it is now; of a stream that is not live, as it will be') },
  },
  'PUT /api/streams/:stream/output': {
    tag: 'Streams',
    summary: 'Change the levels of a matte on air, or recall a preset',
    right: 'publish',
    body: bodyOfChange,
    answers: { 200: levels('As it is now') },
    errors: ['BAD_REQUEST', 'BAD_OPTION', 'NOT_METRIC', 'PRESET_NOT_FOUND', 'OUTPUT_LIMIT'],
  },
  'PUT /api/streams/:stream/output/presets/:preset': {
    tag: 'Streams',
    summary: 'Keep levels under a name: those of the body, or those on air',
    right: 'publish',
    params: { preset: 'Name of the preset' },
    body: matteChange,
    bodyOptional: true,
    answers: { 200: levels('As it is now') },
    errors: ['BAD_REQUEST', 'BAD_OPTION', 'OUTPUT_LIMIT'],
  },
  'DELETE /api/streams/:stream/output/presets/:preset': {
    tag: 'Streams',
    summary: 'Forget a preset',
    right: 'publish',
    params: { preset: 'Name of the preset' },
    answers: { 204: { about: 'It is gone' } },
    errors: ['PRESET_NOT_FOUND'],
  },

  'GET /api/outputs': {
    tag: 'Outputs',
    summary: 'What the server sends by SRT and RTSP',
    right: 'api',
    answers: { 200: { about: 'All outputs', content: pushList } },
  },
  'POST /api/outputs': {
    tag: 'Outputs',
    summary: 'Send a stream somewhere',
    right: 'publish',
    also: 'view',
    about: 'Of the stream. Only to hosts of outputs.apiHosts.',
    body: pushedOutputSchema,
    answers: {
      201: {
        about: 'It is sent whenever the stream is live',
        content: pushReport,
        headers: { location: 'Its address' },
      },
    },
    errors: ['BAD_REQUEST', 'BAD_OPTION', 'OUTPUT_NOT_ALLOWED', 'OUTPUT_TAKEN', 'BUSY'],
  },
  'GET /api/outputs/:name': {
    tag: 'Outputs',
    summary: 'How an output stands',
    right: 'publish',
    params: { name: 'Name of an output' },
    answers: { 200: { about: 'As it is now', content: pushReport } },
    errors: ['OUTPUT_NOT_FOUND'],
  },
  'DELETE /api/outputs/:name': {
    tag: 'Outputs',
    summary: 'End an output that was asked for',
    right: 'publish',
    params: { name: 'Name of an output' },
    answers: { 204: { about: 'It is gone' } },
    errors: ['OUTPUT_NOT_FOUND', 'OUTPUT_NOT_ALLOWED'],
  },

  'GET /api/sources': {
    tag: 'Sources',
    summary: 'What the server pulls',
    right: 'api',
    answers: { 200: { about: 'All sources', content: sourceList } },
  },
  'POST /api/sources': {
    tag: 'Sources',
    summary: 'Pull a source',
    right: 'publish',
    about:
      'Of the stream that it makes. Only from hosts of sources.apiHosts. It ends with the token (jwt.endsSessions).',
    body: pulledSourceSchema,
    answers: {
      201: { about: 'It is tried until it is there', content: sourceReport, headers: { location: 'Its address' } },
    },
    errors: ['BAD_REQUEST', 'SOURCE_NOT_ALLOWED', 'STREAM_TAKEN', 'BUSY', 'MODEL_NOT_FOUND', 'BAD_SIZE'],
  },
  'GET /api/sources/:name': {
    tag: 'Sources',
    summary: 'How a source stands',
    right: 'publish',
    answers: { 200: { about: 'As it is now', content: sourceReport } },
    errors: ['SOURCE_NOT_FOUND'],
  },
  'PATCH /api/sources/:name': {
    tag: 'Sources',
    summary: 'Show a newer token',
    right: 'publish',
    about: 'A source that was asked for ends with the last of the tokens that were shown for it.',
    answers: { 200: { about: 'As it is now', content: sourceReport } },
    errors: ['SOURCE_NOT_FOUND'],
  },
  'DELETE /api/sources/:name': {
    tag: 'Sources',
    summary: 'Remove a source that was asked for, and its stream',
    right: 'publish',
    answers: { 204: { about: 'It is gone' } },
    errors: ['SOURCE_NOT_FOUND', 'SOURCE_NOT_ALLOWED'],
  },

  'GET /livez': {
    tag: 'Server',
    summary: 'Whether the process answers',
    right: 'none',
    answers: { 200: { about: 'It does', content: TEXT } },
  },
  'GET /readyz': {
    tag: 'Server',
    summary: 'Whether a new session would be served',
    right: 'none',
    answers: { 200: { about: 'Yes', content: readiness }, 503: { about: 'No, and why', content: readiness } },
  },
  'GET /metrics': {
    tag: 'Server',
    summary: 'Metrics for Prometheus',
    right: 'metrics',
    answers: { 200: { about: 'Text exposition format', content: TEXT } },
  },
  'GET /api/info': {
    tag: 'Server',
    summary: 'Version, devices, models and limits',
    right: 'api',
    answers: { 200: { about: 'As it is now', content: info } },
  },
  'GET /api/sessions': {
    tag: 'Server',
    summary: 'Sessions, and what comes of their video',
    right: 'api',
    answers: { 200: { about: 'As they are now', content: sessionList } },
  },
  'GET /api/addresses': {
    tag: 'Server',
    summary: 'Where phones find the pages',
    right: 'api',
    answers: { 200: { about: 'As it is now', content: addresses } },
  },
  'GET /api/openapi.json': {
    tag: 'Server',
    summary: 'This document',
    right: 'none',
    answers: { 200: { about: 'OpenAPI 3.1', content: { type: 'application/json' } } },
  },
  'GET /': {
    tag: 'Pages',
    summary: 'The page, and its files below it',
    right: 'none',
    answers: { 200: { about: 'HTML', content: { type: 'text/html' } } },
  },

  ...Object.fromEntries(
    Object.entries(PAGES).map(([page, summary]): [string, RouteDoc] => [
      `GET /${page}/:stream`,
      { tag: 'Pages', summary, right: 'none', answers: { 200: { about: 'HTML', content: { type: 'text/html' } } } },
    ]),
  ),

  // Reserved by RFC 9725 section 4.1 for later versions.
  ...Object.fromEntries(
    ['whip', 'whep'].flatMap((kind) =>
      ['GET', 'PUT', 'PATCH', 'DELETE'].map((method) => [`${method} /${kind}/:stream`, 'refused'] as const),
    ),
  ),
  ...Object.fromEntries(['GET', 'POST', 'PUT'].map((method) => [`${method} /session/:id`, 'refused'] as const)),
};
