// npm run screenshots [-- --all --out FOLDER --only TEXT]: pictures of the real pages, with depth of a server of its own. Without
// options those of README and docs, in docs/; --all takes every page from a phone to 4K, dark and light, for whoever changes them.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, ROOT } from './lib.mjs';

ensureInstalled();
ensureBuilt();
const { startApp, until } = await import('../test/e2e/support/app.ts');
const { launchBrowser } = await import('../test/e2e/support/browser.ts');

const frames = (handle, count) => (page) =>
  page.waitForFunction(([name, n]) => globalThis[name]?.frames >= n, [handle, count], { timeout: 90_000 });
const showroom = frames('showroom', 12);
/** Until every card that one sees has its picture. */
const thumbnails = (page) =>
  page.waitForFunction(
    () => {
      const seen = [...document.querySelectorAll('#streams > li')].filter(
        (card) => card.getBoundingClientRect().top < innerHeight - 20,
      );
      return seen.length > 0 && seen.every((card) => card.querySelector('img[src]:not([hidden])'));
    },
    undefined,
    { timeout: 90_000 },
  );
/** Before the page can tell that software draws it, and slowly. */
const armed = async (page) => {
  await page.click('#begin');
  await frames('ar', 3)(page);
};

const bench = (page) => page.waitForFunction(() => globalThis.depthcast?.frames > 30, undefined, { timeout: 90_000 });
/** Until a mixer's page shows a settled range. */
const onAir = async (page) => {
  await page.waitForFunction(() => globalThis.depthcastAir.state === 'live', undefined, { timeout: 90_000 });
  await page.waitForTimeout(3000);
};
const desk = async (page) => {
  const shows = () => globalThis.depthcastDesk.report?.framesOut > 0 && globalThis.depthcastDesk.frame;
  await page.waitForFunction(shows, undefined, { timeout: 90_000 });
  await page.getByLabel('Name of the new preset').fill('Presenter');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForTimeout(3000);
};

/** Name, address, size; dark unless said otherwise. `ready` waits until the page shows what it is for. */
const README = [
  { name: 'page', path: '', width: 1280, height: 800, ready: showroom },
  { name: 'phone', path: 'ar?source=scene:person', width: 360, height: 740, ready: armed },
  { name: 'desk', path: 'desk/scene-person', width: 1280, height: 800, ready: desk },
];

const SIZES = [
  [390, 844],
  [844, 390],
  [1280, 800],
  [1920, 1080],
  [3840, 2160],
];
const AIR = [
  ['key', 'key/'],
  ['matte', 'matte/'],
  ['fill', 'fill/'],
  ['fill-keyed', 'fill/?alpha=matte'],
  ['both', 'both/'],
  ['both-stacked', 'both/?layout=stacked&with=matte'],
  ['wrong', 'matte/?naer=1'],
  ['absent', 'matte/-absent'],
];
const VIEWS = ['compare', 'space', 'insert', 'key', 'matte'];

function all() {
  const shots = [];
  for (const scheme of ['dark', 'light'])
    for (const [width, height] of SIZES) {
      const size = { width, height, scheme };
      for (const view of [390, 1280].includes(width) ? VIEWS : VIEWS.slice(0, 1))
        shots.push({ ...size, name: `show-${view}-${width}-${scheme}`, path: `?view=${view}`, ready: showroom });
      shots.push({ ...size, name: `streams-${width}-${scheme}`, path: 'streams', ready: thumbnails });
      shots.push({ ...size, name: `ar-${width}-${scheme}`, path: 'ar', ready: (page) => page.waitForTimeout(1500) });
      const scene = 'bench?autostart=1&source=scene:room';
      shots.push({ ...size, name: `bench-${width}-${scheme}`, path: scene, ready: bench });
      // Dark whatever the system is.
      if (scheme === 'dark') shots.push({ ...size, name: `desk-${width}`, path: 'desk/scene-person', ready: desk });
    }
  for (const [name, path] of AIR)
    shots.push({
      width: 1280,
      height: 720,
      name: `air-${name}`,
      path: path.replace('/', '/scene-person'),
      ready: ['wrong', 'absent'].includes(name) ? (page) => page.waitForTimeout(1500) : onAir,
    });
  for (const [width, height] of SIZES.slice(0, 2))
    shots.push({ width, height, name: `ar-live-${width}`, path: 'ar?source=scene:person', ready: armed });
  return shots;
}

const { values } = parseArgs({
  options: { out: { type: 'string' }, all: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const folder = resolve(process.env.INIT_CWD ?? process.cwd(), values.out ?? join(ROOT, 'docs'));
mkdirSync(folder, { recursive: true });
const server = await startApp({ 'sources.scenes': values.all ? ['person', 'room', 'street'] : ['person'] });
// Software that draws as a graphics card does: pictures as people see them.
const browser = await launchBrowser({ args: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'] });
for (const shot of (values.all ? all() : README).filter(({ name }) => name.includes(values.only))) await take(shot);
await browser.close();
await server.close();
process.exit();

async function take({ name, path, width, height, scheme = 'dark', ready }) {
  const phone = Math.min(width, height) < 500;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    ...(phone ? { deviceScaleFactor: 2, isMobile: true, hasTouch: true } : {}),
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`${name}: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && console.error(`${name}: ${message.text()}`));
  let suffix = '';
  try {
    // Those for mixers refuse what they do not know.
    const software = /^(desk|key|matte|fill|both)\//.test(path) ? '' : `${path.includes('?') ? '&' : '?'}software`;
    await page.goto(`${server.base}/${path}${software}`);
    await ready?.(page);
  } catch (thrown) {
    console.error(`${name}: ${thrown.message}`);
    process.exitCode = 1;
    suffix = '-failed';
  }
  // What was filled in may have been scrolled to.
  await page.evaluate(() => scrollTo(0, 0));
  const file = join(folder, `${name}${suffix}.png`);
  await page.screenshot({ path: file });
  console.log(file);
  await context.close();
  await until('its session to end', () => server.context.registry.sessions.length === 0);
}
