import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { VideoCodec } from '../../src/video/types.ts';
import { needs } from '../support/needs.ts';
import { findChromium, launchBrowser } from './support/browser.ts';
import { checkIdentity, chromiumForEach, PATIENCE } from './support/echo.ts';
import { injectLoss } from './support/packet-loss.ts';

describe('Chromium', needs(findChromium(), 'Chromium'), () => {
  const chromium = chromiumForEach();

  it.each<[VideoCodec, number]>([
    ['VP8', 0],
    ['VP8', 0.02],
    ['VP8', 0.1],
    ['H264', 0],
    ['H264', 0.02],
    ['H264', 0.1],
  ])('plays back the %s that it sends, with a loss of %f', async (codec, share) => {
    const loss = injectLoss(share);
    try {
      const page = await chromium.open();
      const current = await chromium.echo(page, { codecs: [codec] });
      const { peer, frames } = current;
      const repaired = () => {
        const { receiver, sender } = peer.getStats();
        return share === 0 || (receiver!.recovered > 0 && sender!.retransmitted > 0);
      };
      await vi.waitUntil(async () => repaired() && (await page.report()).timestamps.length >= 90, PATIENCE);
      await checkIdentity(page, current);
      const report = await page.report();
      expect(report).toMatchObject({ codecIn: `video/${codec}`, codecOut: `video/${codec}` });
      // A sender that loses every tenth packet may choose a smaller picture.
      expect(report.videoWidth).toBeGreaterThanOrEqual(share < 0.1 ? 640 : 160);
      expect(frames[0]!.keyframe).toBe(true);
      expect(frames.every((frame) => frame.codec === codec)).toBe(true);
      expect(frames.every(({ firstPacketAt, lastPacketAt }) => firstPacketAt! <= lastPacketAt!)).toBe(true);
      // The fake camera stamps its frames: what arrives is from the last few seconds.
      expect(Math.abs(Date.now() - frames.at(-1)!.captureTime!)).toBeLessThan(10_000);
      const stats = peer.getStats();
      expect(stats.transport.rejected).toBe(0);
      if (share === 0) {
        expect(stats.receiver).toMatchObject({ lost: 0, discardedFrames: 0 });
        expect(current.gaps).toBe(0);
      } else expect(loss.lost().received).toBeGreaterThan(0);
    } finally {
      loss.restore();
    }
  });

  it('reaches and keeps more than 1 Mbit/s with a picture that needs it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'camera-'));
    const file = join(folder, 'noise.y4m');
    await writeFile(file, noise(640, 480, 30));
    const noisy = await launchBrowser({ cameraFile: file });
    try {
      const page = await chromium.open(noisy);
      await chromium.echo(page, { codecs: ['VP8'] });
      await vi.waitUntil(async () => (await page.report()).targetBitrate >= 1_000_000, PATIENCE);
      await page.report();
      await sleep(4000);
      const { sentBitrate, targetBitrate } = await page.report();
      expect(targetBitrate).toBeGreaterThanOrEqual(1_000_000);
      expect(sentBitrate).toBeGreaterThan(1_000_000);
    } finally {
      await noisy.close();
      await rm(folder, { recursive: true });
    }
  });
});

/** Moving blocks of noise: more detail than a small bitrate can carry. */
function noise(width: number, height: number, count: number): Buffer {
  const parts: Buffer[] = [Buffer.from(`YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`)];
  let seed = 1;
  for (let n = 0; n < count; n++) {
    const planes = Buffer.alloc((width * height * 3) / 2, 128);
    for (let at = 0; at < width * height; at++) {
      if (at % 4 === 0) seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      planes[at] = 64 + ((seed >>> 24) & 0x7f);
    }
    parts.push(Buffer.from('FRAME\n'), planes);
  }
  return Buffer.concat(parts);
}
