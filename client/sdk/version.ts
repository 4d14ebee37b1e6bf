/** Of this package; its package.json says the same. */
export const VERSION = '0.2.0';

/** How the client calls itself to servers and in errors. */
export const CLIENT = `depthcast-client/${VERSION}`;
