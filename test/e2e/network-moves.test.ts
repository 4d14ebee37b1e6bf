import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { peerOf, until } from './support/app.ts';
import { type FilmedRoom, filmRoom } from './support/filmed-room.ts';

let room: FilmedRoom;
beforeAll(async () => {
  room = await filmRoom();
});
afterAll(() => room?.close());
beforeEach(async () => {
  // A session that a busy machine lost is not there for another try.
  if (room.server.context.registry.sessions.length === 0) {
    await room.close();
    room = await filmRoom();
  }
  room.network.impair({ up: {}, down: {} });
});

describe('another address', () => {
  const session = () => room.server.context.registry.sessions[0]!;
  const remote = () => session().peer.getStats().pair?.remote;
  const ufrag = () => peerOf(session()).iceUfrag;

  it('a NAT that forgets its mappings: the session goes on at the new port, without a restart', async () => {
    const { id } = session();
    for (let i = 0; i < 3; i++) {
      const [from, credentials] = [remote(), ufrag()];
      room.network.rebind();
      room.checkTruth(await room.moreFrames(10));
      expect(remote()).not.toBe(from);
      expect(ufrag()).toBe(credentials);
    }
    expect(session().id).toBe(id);
    expect(await room.unexpectedErrors()).toEqual([]);
  });

  it('a path that is dead for a while: the SDK restarts ICE over its signalling, in the same session', async () => {
    const { id } = session();
    const [credentials, epoch] = [ufrag(), await room.page.evaluate(() => window.depthcast.frame!.epoch)];
    room.network.blackout();
    await until('the ICE restart', () => ufrag() !== credentials);
    room.network.rebind();
    room.network.impair({});
    room.checkTruth(await room.moreFrames(15));
    expect(session().id).toBe(id);
    // Pictures were missing for longer than the gap that temporal memory bridges.
    expect(await room.page.evaluate(() => window.depthcast.frame!.epoch)).toBeGreaterThan(epoch);
    await room.page.waitForFunction(() => window.depthcast.session?.state.name === 'live');
  });

  // With an answer that is late, Chromium checks from its new sockets under the server's old name, and never takes the new one for them.
  it.each([
    ['', 0],
    [', its answer late', 400],
  ])(
    'WHIP: a publisher restarts ICE by PATCH from another address, and the stream goes on%s',
    async (_late, lateMs) => {
      const tab = await room.browser.newPage();
      onTestFinished(() => tab.close());
      await tab.goto(`${room.network.url}/livez`);
      const name = `moving-${lateMs}`;
      const post = await tab.evaluate(
        async ({ url, name }) => {
          const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
          const pc = new RTCPeerConnection();
          (window as unknown as { pc: RTCPeerConnection }).pc = pc;
          pc.addTransceiver(media.getVideoTracks()[0]!, { direction: 'sendonly' });
          await pc.setLocalDescription();
          const response = await fetch(`${url}/whip/${name}`, {
            method: 'POST',
            body: pc.localDescription!.sdp,
            headers: { 'content-type': 'application/sdp' },
          });
          await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
          return { location: response.headers.get('location')!, etag: response.headers.get('etag')! };
        },
        { url: room.network.url, name },
      );
      const publisher = room.server.context.registry.sessions.findLast(({ kind }) => kind === 'whip')!;
      const frames = () => publisher.peer.getStats().receiver!.frames;
      await until('the first frames', () => frames() > 10);
      const [credentials, from] = [peerOf(publisher).iceUfrag, publisher.peer.getStats().pair!.remote];
      room.network.rebind();
      const restarted = await tab.evaluate(
        async ({ url, location, etag, lateMs }) => {
          const { pc } = window as unknown as { pc: RTCPeerConnection };
          await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
          const { sdp } = pc.localDescription!;
          const line = (name: string) => new RegExp(`^a=${name}:.*`, 'm').exec(sdp)![0].trim();
          const body = [line('ice-ufrag'), line('ice-pwd'), 'm=video 9 UDP/TLS/RTP/SAVPF 0', line('mid'), ''].join(
            '\r\n',
          );
          const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': etag };
          const response = await fetch(`${url}${location}`, { method: 'PATCH', body, headers });
          const fragment = await response.text();
          const pick = (name: string) => new RegExp(`^a=${name}:(.*)`, 'm').exec(fragment)![1]!.trim();
          const answer = pc
            .currentRemoteDescription!.sdp.replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${pick('ice-ufrag')}`)
            .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${pick('ice-pwd')}`);
          await new Promise((resolve) => setTimeout(resolve, lateMs));
          await pc.setRemoteDescription({ type: 'answer', sdp: answer });
          return { status: response.status, etag: response.headers.get('etag') };
        },
        { url: room.network.url, ...post, lateMs },
      );
      expect(restarted.status).toBe(200);
      expect(restarted.etag).not.toBe(post.etag);
      expect(peerOf(publisher).iceUfrag).not.toBe(credentials);
      // Pictures come from the new address before the peer nominates the pair with it.
      await until('the pair of the new address', () => (publisher.peer.getStats().pair?.remote ?? from) !== from);
      const there = frames();
      await until('frames after the restart', () => frames() > there + 30);
    },
  );
});
