import { renderSVG } from 'uqr';
import { byId, make } from '../dom.ts';
import { HERE, TOKEN } from '../here.ts';
import { type ArSettings, searchOf } from './settings.ts';

interface Addresses {
  network: string[];
  /** Of a certificate that the server made itself. */
  sha256: string | null;
}

const LOOPBACK = /^(localhost|127\.|\[::1\])/;

let known: Promise<Addresses> | undefined;

/** What the server says of itself; nothing where it does not say it to everybody. */
function addresses(): Promise<Addresses> {
  known ??= fetch(new URL('api/addresses', HERE), {
    headers: TOKEN === undefined ? {} : { authorization: `Bearer ${TOKEN}` },
  })
    .then((answer) => (answer.ok ? (answer.json() as Promise<Addresses>) : { network: [], sha256: null }))
    .catch(() => ({ network: [], sha256: null }));
  return known;
}

/** The address of this page for another machine, with what is set; undefined where there is none. */
async function addressFor(settings: ArSettings): Promise<URL | undefined> {
  const here = new URL(location.href);
  const { network } = await addresses();
  if (LOOPBACK.test(here.hostname)) {
    if (network[0] === undefined) return undefined;
    const there = new URL(network[0]);
    here.protocol = there.protocol;
    here.host = there.host;
  }
  here.search = searchOf(settings, '');
  return here;
}

/** Shows the code and the link of this page as it is set. @param id of the elements, with `-code` and `-address` */
export async function showCode(id: 'sharing' | '', settings: ArSettings): Promise<URL | undefined> {
  const url = await addressFor(settings);
  const code = byId(id ? `${id}-code` : 'code', HTMLElement);
  const address = byId(id ? `${id}-address` : 'address', HTMLElement);
  if (!url) {
    code.replaceChildren(
      make('p', { className: 'dim' }, 'This server listens for this machine alone: no phone reaches it yet.'),
    );
    address.textContent = '';
    return undefined;
  }
  code.innerHTML = renderSVG(url.href, { border: 2, pixelSize: 8 });
  code.firstElementChild?.setAttribute('role', 'img');
  code.firstElementChild?.setAttribute('aria-label', 'QR code of the address below');
  address.replaceChildren(make('a', { href: url.href }, url.href.replace(url.hash, '')));
  return url;
}

/** The way to a phone, step by step, as this server is set. */
export async function explainPhone(settings: ArSettings): Promise<void> {
  const url = await showCode('', settings);
  const { sha256 } = await addresses();
  const steps = byId('steps', HTMLOListElement);
  const code = (text: string) => make('code', {}, text);
  const step = (...parts: (Node | string)[]) => make('li', {}, ...parts);
  if (!globalThis.isSecureContext) {
    byId('begin', HTMLButtonElement).disabled = true;
    byId('phone-title', HTMLElement).textContent = 'First, a secure address';
  }
  if (!globalThis.isSecureContext || url?.protocol !== 'https:') {
    steps.replaceChildren(
      step('Browsers give the camera to secure pages only. Start the server with ', code('npm start -- --https'), '.'),
      step('Open this page again at the https address that it prints, and take the code from there.'),
    );
    return;
  }
  if (sha256 === null) {
    steps.replaceChildren(
      step('Point the phone’s camera at the code, and open the link.'),
      step('Press Start, and allow the camera.'),
    );
    return;
  }
  steps.replaceChildren(
    step('The phone and this machine are in the same network. Point its camera at the code, and open the link.'),
    step(
      'The first time the phone warns, since this server made its certificate itself. Chrome: Advanced, then Proceed. Safari: Show details, then visit this website. Firefox: Advanced, then Accept the risk.',
    ),
    step('Whoever wants to be sure compares the certificate’s SHA-256: ', code(sha256)),
    step('Press Start, and allow the camera.'),
  );
}
