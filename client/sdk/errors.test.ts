import { describe, expect, it } from 'vitest';
import { cameraError, DepthError } from './errors.ts';
import { openCamera } from './sources/camera.ts';

describe('DepthError', () => {
  it('names what getUserMedia rejects with', () => {
    const codes = {
      NotAllowedError: 'CAMERA_DENIED',
      SecurityError: 'CAMERA_DENIED',
      NotFoundError: 'NO_CAMERA',
      NotReadableError: 'CAMERA_BUSY',
      AbortError: 'CAMERA_BUSY',
      OverconstrainedError: 'CAMERA_UNSUITABLE',
    };
    for (const [name, code] of Object.entries(codes)) {
      const error = cameraError(new DOMException('why', name));
      expect(error.code).toBe(code);
      expect(error.retryable).toBe(false);
    }
  });

  it('retries what can pass by itself, and whatever the server names a time for', () => {
    expect(new DepthError('SERVER_UNREACHABLE').retryable).toBe(true);
    expect(new DepthError('PROTOCOL_VERSION').retryable).toBe(false);
    const refused = { code: 'BUSY', message: 'full', fatal: true };
    expect(DepthError.fromServer(refused)).toMatchObject({ code: 'BUSY', message: 'full', retryable: true });
    expect(DepthError.fromServer({ code: 'SOMETHING_NEW', message: '' }).retryable).toBe(false);
    expect(DepthError.fromServer({ code: 'SOMETHING_NEW', message: '', retryAfter: 3 }).retryable).toBe(true);
  });

  it('tells a missing camera interface from a missing camera', async () => {
    // Node has navigator without mediaDevices or none at all, as a browser has on an insecure page.
    await expect(openCamera({ kind: 'camera' })).rejects.toMatchObject({ code: 'NO_CAMERA' });
    Object.assign(globalThis, { isSecureContext: false });
    try {
      await expect(openCamera({ kind: 'camera' })).rejects.toMatchObject({ code: 'INSECURE_CONTEXT' });
    } finally {
      Reflect.deleteProperty(globalThis, 'isSecureContext');
    }
  });
});
