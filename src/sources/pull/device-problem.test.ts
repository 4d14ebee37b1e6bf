import { expect, it } from 'vitest';
import { needs } from '../../../test/support/needs.ts';
import { kindOf, pulledSourceSchema } from '../../config/pulled-source.ts';
import { MediaReader } from '../../video/media-reader.ts';
import { readRequest } from './address.ts';
import { deviceProblem } from './device-problem.ts';

it.each([
  ['/dev/video0', 'v4l2'],
  ['/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0', 'v4l2'],
  ['/dev/shm/clip.mp4', 'file'],
])('%s is a %s', (url, kind) => {
  expect(kindOf(url)).toBe(kind);
});

it("asks FFmpeg's V4L2 input for the mode that was asked for", () => {
  const asked = { name: 'usb', url: '/dev/video0', pictureSize: '1280x720', fps: 30, inputFormat: 'mjpeg' };
  const { live } = readRequest(pulledSourceSchema.parse(asked));
  expect(live.format).toBe('v4l2');
  expect(live.options).toEqual({
    protocol_whitelist: 'file',
    timestamps: 'abs',
    video_size: '1280x720',
    framerate: '30',
    input_format: 'mjpeg',
  });
});

it('says of a device what is to be done', () => {
  const missing = 'opening: No such file or directory';
  expect(deviceProblem(missing, ['/dev/video2'])).toBe(`${missing}: there are /dev/video2`);
  expect(deviceProblem(missing, [])).toContain('no camera is plugged in');
  expect(deviceProblem('opening: Permission denied', [])).toContain('the group video');
  expect(deviceProblem('the source ended', [])).toBe('the source ended');
});

it('FFmpeg knows V4L2, and a device that is no camera', needs(process.platform === 'linux', 'Linux'), async () => {
  const { address, live } = readRequest(pulledSourceSchema.parse({ name: 'usb', url: '/dev/null' }));
  const opened = MediaReader.open(address, { live });
  await expect(opened).rejects.toMatchObject({ code: 'BAD_VIDEO', detail: 'opening: Inappropriate ioctl for device' });
});
