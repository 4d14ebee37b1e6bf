import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

// No display, no GPU, no network of its own, a fake camera, and WebRTC that may use loopback.
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
  '--use-fake-ui-for-media-stream',
];

/** Of the page's address: Chromium's own moving picture, for tests that look at no picture. Rendering a scene takes most of a core. */
export const FAKE_CAMERA = 'source=camera&width=320&height=240&fps=10';

/** Of a page that nobody looks at: a processor draws what a graphics card does for people. */
export const SMALL_PAGE = { viewport: { width: 800, height: 600 }, deviceScaleFactor: 0.5 };

/** Of waits in a page: for a machine that is slow, and busy with other tests. */
const PATIENCE_MS = 60_000;

export interface BrowserOptions {
  /** A y4m or mjpeg file in place of Chromium's own moving picture. */
  cameraFile?: string;
  /** Frames a second of Chromium's own picture. */
  fps?: number;
  args?: string[];
}

function isExecutable(path: string | undefined): path is string {
  try {
    accessSync(path ?? '', constants.X_OK);
    return path !== undefined;
  } catch {
    return false;
  }
}

/** CHROMIUM_PATH, a Chromium on the PATH, or the one that playwright has downloaded; undefined without any. */
export function findChromium(): string | undefined {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [process.env['CHROMIUM_PATH'], ...onPath, chromium.executablePath()].find(isExecutable);
}

/** @throws where there is no Chromium */
export async function launchBrowser({ cameraFile, fps = 30, args = [] }: BrowserOptions = {}): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('No Chromium was found: install one or set CHROMIUM_PATH');
  const browser = await chromium.launch({
    executablePath,
    args: [
      ...FLAGS,
      `--use-fake-device-for-media-stream=fps=${fps}`,
      ...(cameraFile ? [`--use-file-for-fake-video-capture=${cameraFile}`] : []),
      ...args,
    ],
  });
  browser.on('context', (context) => context.setDefaultTimeout(PATIENCE_MS));
  return browser;
}

/** An empty page in a secure context, where cameras work; nothing listens at its address. */
export async function openBlankPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  await page.route('http://localhost/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><video autoplay muted playsinline></video>' }),
  );
  await page.goto('http://localhost/');
  return page;
}
