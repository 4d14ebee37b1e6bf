import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

const PYTHON = '/usr/bin/python3';
const SCRIPT = new URL('./rtsp-server.py', import.meta.url).pathname;
const PROBE = `import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert Gst.ElementFactory.find("x264enc") and Gst.ElementFactory.find("rtph264pay") and Gst.ElementFactory.find("videotestsrc")`;

/** Whether GStreamer's RTSP server can run here. */
export const hasRtspServer = (): boolean => spawnSync(PYTHON, ['-c', PROBE]).status === 0;

export interface RtspServer {
  port: number;
  url: string;
  /** Takes it away as a power cut does. */
  kill(): Promise<void>;
}

/** @param port 0: a free one */
export async function startRtspServer(port = 0): Promise<RtspServer> {
  const child: ChildProcess = spawn(PYTHON, [SCRIPT, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr!.on('data', (text) => {
    errors += text;
  });
  const bound = await new Promise<number>((resolve, reject) => {
    child.stdout!.once('data', (text) => resolve(Number(text)));
    child.once('exit', () => reject(new Error(`the RTSP server did not start: ${errors}`)));
  });
  return {
    port: bound,
    url: `rtsp://127.0.0.1:${bound}/cam`,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
