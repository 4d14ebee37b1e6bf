import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PLUGINS = '/usr/lib/x86_64-linux-gnu/gstreamer-1.0';
/** What simple-whip-client asks for at its start, and what its pipeline here needs. */
const NEEDED =
  'app audioconvert audioresample audiotestsrc coreelements dtls nice opus rtp rtpmanager sctp srtp videoconvertscale videotestsrc vpx webrtc';

/** Debian's simple-whip-client (GStreamer, libnice, libsrtp): its path, or undefined where it cannot run. */
export function findWhipClient(): string | undefined {
  const file = '/usr/bin/whip-client';
  return existsSync(file) && existsSync(PLUGINS) && existsSync('/usr/bin/cc') ? file : undefined;
}

/**
 * The environment in which Debian 12's package runs. It loads libsoup 2, and libnice libsoup 3 through its UPnP support,
 * and the two refuse to share a process. UPnP is of no use here: two empty libraries stand in for it.
 */
export function whipClientEnvironment(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-gst-'));
  for (const name of NEEDED.split(' '))
    if (existsSync(`${PLUGINS}/libgst${name}.so`))
      symlinkSync(`${PLUGINS}/libgst${name}.so`, join(folder, `libgst${name}.so`));
  const source = join(folder, 'upnp.c');
  writeFileSync(
    source,
    `void gupnp_simple_igd_add_port(void) {} void gupnp_simple_igd_remove_port_local(void) {}
     unsigned long gupnp_simple_igd_get_type(void) { return 80; } void *gupnp_simple_igd_thread_new(void) { return 0; }`,
  );
  for (const library of ['libgupnp-igd-1.0.so.4', 'libgupnp-1.6.so.0'])
    execFileSync('cc', ['-shared', '-fPIC', `-Wl,-soname,${library}`, '-o', join(folder, library), source]);
  return {
    ...(process.env as Record<string, string>),
    LD_LIBRARY_PATH: folder,
    GST_PLUGIN_SYSTEM_PATH_1_0: folder,
    GST_REGISTRY: join(folder, 'registry'),
  };
}
