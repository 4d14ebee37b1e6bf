/** Of the messages on `/ws`: raised when an old client could no longer follow. Packets carry a version of their own. */
export const PROTOCOL_VERSION = 1;
