import { cameraError, DepthError } from '../errors.ts';
import { type Source, sourceOf } from './source.ts';

export interface CameraSpec {
  kind: 'camera';
  /** From `listCameras()`; takes precedence over `facing`. */
  deviceId?: string;
  facing?: 'user' | 'environment';
  /** Wanted size in pixels and frame rate; the camera delivers what it has nearest. */
  width?: number;
  height?: number;
  frameRate?: number;
}

export interface CameraInfo {
  deviceId: string;
  /** Empty until the page has once been allowed to use a camera. */
  label: string;
}

function mediaDevices(): MediaDevices {
  // Browsers hide the whole interface from insecure pages (Media Capture and Streams, section 9.2).
  const devices: MediaDevices | undefined = globalThis.navigator?.mediaDevices;
  if (!devices) throw new DepthError(globalThis.isSecureContext === false ? 'INSECURE_CONTEXT' : 'NO_CAMERA');
  return devices;
}

/** The cameras of this device; empty where there is none or the page may not know. */
export async function listCameras(): Promise<CameraInfo[]> {
  if (!globalThis.navigator?.mediaDevices) return [];
  const devices = await mediaDevices().enumerateDevices();
  return devices.filter((d) => d.kind === 'videoinput').map(({ deviceId, label }) => ({ deviceId, label }));
}

export async function openCamera({
  deviceId,
  facing,
  width = 640,
  height = 480,
  frameRate = 30,
}: CameraSpec): Promise<Source> {
  const devices = mediaDevices();
  const which = deviceId ? { deviceId: { exact: deviceId } } : facing ? { facingMode: { ideal: facing } } : {};
  const video = { ...which, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate } };
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ video, audio: false });
  } catch (thrown) {
    throw cameraError(thrown);
  }
  return sourceOf(stream, '', () => {
    for (const track of stream.getTracks()) track.stop();
  });
}
