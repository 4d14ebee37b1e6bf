import { TrackKind, TrackSource } from '@livekit/rtc-node';
import { expect, test } from 'vitest';
import { chooseVideo } from './publisher.ts';

const track = (sid: string, source: TrackSource, kind = TrackKind.KIND_VIDEO) => ({ sid, source, kind });
const screen = track('TR_screen', TrackSource.SOURCE_SCREENSHARE);
const camera = track('TR_camera', TrackSource.SOURCE_CAMERA);
const other = track('TR_other', TrackSource.SOURCE_UNKNOWN);
const sound = track('TR_sound', TrackSource.SOURCE_UNKNOWN, TrackKind.KIND_AUDIO);

test('of several videos one is chosen: the camera before others, never the screen', () => {
  expect(chooseVideo([screen, other, camera, sound], undefined)).toBe(camera);
  expect(chooseVideo([sound, screen, other], undefined)).toBe(other);
  expect(chooseVideo([sound, screen], undefined)).toBeUndefined();
});

test('the one that is read already stays for as long as it is there', () => {
  expect(chooseVideo([camera, other], 'TR_other')).toBe(other);
  expect(chooseVideo([camera], 'TR_other')).toBe(camera);
  expect(chooseVideo([], 'TR_other')).toBeUndefined();
});
