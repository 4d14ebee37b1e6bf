import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, '.cache', 'interop');
const AIORTC = ['aiortc==1.16.0', 'aiohttp==3.13.2', 'av==18.1.0', 'numpy==2.4.6'];
const GSTREAMER = [
  'gstreamer1.0-plugins-base',
  'gstreamer1.0-plugins-good',
  'gstreamer1.0-plugins-bad',
  'gstreamer1.0-plugins-ugly',
  'gstreamer1.0-nice',
  'gir1.2-gst-plugins-bad-1.0',
  'gstreamer1.0-libav',
  'python3-gi',
];

export interface Session {
  mode: 'whip' | 'whep' | 'ws';
  url: string;
  name: string;
  codec: string;
  /** A name of clips.ts, for peers that play one. */
  clip: string;
  clipFile: string;
  options: readonly ('data' | 'audio' | 'slices')[];
}

export interface PeerProgram {
  title: string;
  /** Installs what is missing. @throws with the reason why this peer cannot run here */
  prepare(): void;
  command(session: Session): [program: string, ...args: string[]];
}

/** The peers of the matrix, foreign to each other but for the two browsers' and libwebrtc's common ancestor. */
export const PEERS = {
  chromium: {
    title: 'Chromium',
    prepare: () => need(['chromium', 'chromium-browser', 'google-chrome'], ['chromium'], 'CHROMIUM_PATH'),
    command: (session) => script('browser.ts', 'chromium', ...positional(session)),
  },
  firefox: {
    title: 'Firefox',
    prepare: () => need(['firefox-esr', 'firefox'], ['firefox-esr'], 'FIREFOX_PATH'),
    command: (session) => script('browser.ts', 'firefox', ...positional(session)),
  },
  libwebrtc: {
    title: 'libwebrtc (@roamhq/wrtc)',
    prepare: () => {},
    command: (session) => script('libwebrtc.ts', ...positional(session)),
  },
  pion: {
    title: 'pion',
    prepare: buildPion,
    command: ({ mode, url, name, codec, clipFile, options }) => {
      const flags = options.filter((option) => option !== 'slices').map((option) => `-${option}`);
      return [PION, '-mode', mode, '-url', url, '-name', name, '-codec', codec, '-clip', clipFile, ...flags];
    },
  },
  aiortc: {
    title: 'aiortc',
    prepare: makeVenv,
    command: (session) => [join(VENV, 'bin', 'python'), join(HERE, 'peers', 'aiortc_peer.py'), ...positional(session)],
  },
  gstreamer: {
    title: 'GStreamer webrtcbin',
    prepare: () => {
      if (!imports('gi.require_version("GstWebRTC", "1.0")') || !pluginsThere()) aptInstall(GSTREAMER);
      if (!pluginsThere()) throw new Error('GStreamer lacks webrtcbin, nicesrc, x264enc or vp8enc');
    },
    command: (session) => ['/usr/bin/python3', join(HERE, 'peers', 'gstreamer_peer.py'), ...positional(session)],
  },
  ffmpeg: {
    title: "FFmpeg's WHIP muxer",
    prepare: () => {},
    command: ({ url, name, clip }) => script('ffmpeg-whip.ts', url, name, clip),
  },
} as const satisfies Record<string, PeerProgram>;
export type PeerName = keyof typeof PEERS;

const PION = join(CACHE, 'pion');
const VENV = join(CACHE, 'venv');

function positional({ mode, url, name, codec, options }: Session): string[] {
  return [mode, url, name, codec, ...options];
}

function script(file: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, '--import', 'tsx', join(HERE, 'peers', file), ...args];
}

function run(program: string, args: string[], cwd = ROOT): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error, stderr } = spawnSync(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  if (error) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${String(stderr).trim().split('\n').at(-1)}`);
}

function aptInstall(packages: string[]): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error(`needs the Debian packages ${packages.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages]);
}

function need(programs: string[], packages: string[], variable: string): void {
  if (process.env[variable]) return;
  const there = programs.some((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (!there) aptInstall(packages);
}

function imports(statement: string): boolean {
  return spawnSync('/usr/bin/python3', ['-c', `import gi; ${statement}`], { stdio: 'ignore' }).status === 0;
}

function pluginsThere(): boolean {
  const elements = ['webrtcbin', 'nicesrc', 'x264enc', 'vp8enc', 'opusenc', 'avdec_h264'];
  const found = `from gi.repository import Gst; Gst.init(None); assert all(map(Gst.ElementFactory.find, ${JSON.stringify(elements)}))`;
  return imports(`gi.require_version("Gst", "1.0"); ${found}`);
}

/** Builds again when the source has changed. */
function buildPion(): void {
  const folder = join(HERE, 'peers', 'pion');
  const source = ['main.go', 'go.mod', 'go.sum'].map((file) => readFileSync(join(folder, file), 'utf8')).join('');
  const stamp = `${PION}.source`;
  if (existsSync(PION) && existsSync(stamp) && readFileSync(stamp, 'utf8') === source) return;
  mkdirSync(CACHE, { recursive: true });
  // Debian's own Go may be too old for pion; none is installed.
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0)
    throw new Error('needs Go 1.24 or newer on the PATH');
  run('go', ['build', '-o', PION, '.'], folder);
  writeFileSync(stamp, source);
}

function makeVenv(): void {
  const stamp = join(VENV, 'packages');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === AIORTC.join('\n')) return;
  mkdirSync(CACHE, { recursive: true });
  run('python3', ['-m', 'venv', VENV]);
  run(join(VENV, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...AIORTC]);
  writeFileSync(stamp, AIORTC.join('\n'));
}
