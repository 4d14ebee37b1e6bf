// Runs in a browser: sends pictures with their number drawn in them, and compares the number in each picture that comes
// with a depth map with the number in that map.
import { DepthSession, type Pair } from '../../../client/sdk/index.ts';
import { drawFrameCode, readFrameCode } from '../../support/load/frame-code.ts';

const [WIDTH, HEIGHT] = [320, 240];
/** Milliseconds from picture to picture; every so many pictures the camera changes its rate. */
const INTERVALS = [33, 66, 20, 45, 100, 16];
const EVERY = 40;

export interface PairsReport {
  state: string;
  /** Pairs whose two numbers could be read and were the same, were different, or could not be read. */
  right: number;
  wrong: { picture: number; depth: number }[];
  unreadable: number;
  unpaired: number;
  sent: number;
  /** Pairs whose picture is not what it says: closed, or of another size. */
  broken: number;
  /** Pictures still open after the listener. */
  left: number;
  ages: number[];
  errors: string[];
}

declare global {
  interface Window {
    pairs: PairsReport;
  }
}

const report: PairsReport = {
  state: '',
  right: 0,
  wrong: [],
  unreadable: 0,
  unpaired: 0,
  sent: 0,
  broken: 0,
  left: 0,
  ages: [],
  errors: [],
};
window.pairs = report;

const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true })!;
const luma = new Uint8Array(WIDTH * HEIGHT);
const image = new ImageData(WIDTH, HEIGHT);
const pixels = new Uint32Array(image.data.buffer);

function draw(): void {
  const n = report.sent++;
  for (let i = 0; i < luma.length; i++) luma[i] = 80 + (((i % WIDTH) + 2 * n) % 64);
  drawFrameCode(luma, WIDTH, HEIGHT, { stream: 1, frame: n });
  for (let i = 0; i < luma.length; i++) pixels[i] = 0xff000000 | (Math.round(((luma[i]! - 16) * 255) / 219) * 0x010101);
  context.putImageData(image, 0, 0);
  setTimeout(draw, INTERVALS[Math.floor(n / EVERY) % INTERVALS.length]);
}

async function lumaOf(picture: VideoFrame): Promise<Uint8Array> {
  const { codedWidth: width, codedHeight: height, format } = picture;
  if (format === 'I420' || format === 'NV12') {
    const bytes = new Uint8Array(picture.allocationSize());
    const [plane] = await picture.copyTo(bytes);
    if (plane!.stride === width) return bytes.subarray(plane!.offset);
  }
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  pen.drawImage(picture, 0, 0);
  const { data } = pen.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, i) => 16 + (219 * data[4 * i]!) / 255);
}

/** Reads both numbers; the copy of the picture begins before the listener returns, as its owner may. */
async function check({ picture, depth, ageMs }: Pair): Promise<void> {
  report.ages.push(ageMs);
  const own = picture.clone();
  queueMicrotask(() => {
    if (picture.format !== null) report.left++;
  });
  const { codedWidth, codedHeight } = own;
  if (codedWidth !== WIDTH || codedHeight !== HEIGHT) report.broken++;
  const inPicture = readFrameCode(await lumaOf(own), codedWidth, codedWidth, codedHeight);
  own.close();
  const shades = Uint8Array.from(depth.values, (value) => Math.min(255, Math.max(0, 16 + 219 * value)));
  const inDepth = readFrameCode(shades, depth.width, depth.width, depth.height);
  if (!inPicture || !inDepth) report.unreadable++;
  else if (inPicture.frame === inDepth.frame) report.right++;
  else report.wrong.push({ picture: inPicture.frame, depth: inDepth.frame });
}

async function begin(): Promise<void> {
  // Without the right to a camera, Firefox looks for no path over loopback.
  await navigator.mediaDevices.getUserMedia({ video: true });
  draw();
  const session = new DepthSession({
    server: location.origin,
    source: canvas.captureStream(),
    output: { track: 'off', data: 'u8', range: { near: 1, far: 0 } },
    onPair: (pair) => void check(pair),
    onUnpaired: () => report.unpaired++,
    onState: ({ name }) => {
      report.state = name;
    },
    onError: ({ code, message }) => report.errors.push(`${code} ${message}`),
  });
  Object.assign(window, { session });
}

begin().catch((error) => report.errors.push(String(error)));
