/**
 * The signalling messages of `/ws`: one JSON object a text message, told apart by `type`. They are described in
 * client-messages.ts and server-messages.ts alone; docs/signalling.md, which `npm run check` compares with them, explains the exchange.
 */
export { type ClientMessage, clientMessage } from './client-messages.ts';
export { type ErrorPayload, toErrorPayload } from './errors.ts';
export {
  LAYOUTS,
  type Layout,
  OUTPUT_TRACKS,
  type OutputChange,
  type OutputSettings,
  outputSettings,
  UPSAMPLINGS,
} from './output.ts';
export {
  ERROR_SUBJECTS,
  type ErrorSubject,
  type ModelInfo,
  parseServerMessage,
  type ServerMessage,
  type SessionStats,
  type StageTimes,
  serverMessage,
  sessionStats,
} from './server-messages.ts';
export { STAGES, type Stage } from './stages.ts';
export { PROTOCOL_VERSION, PROTOCOL_VERSIONS } from './versions.ts';
