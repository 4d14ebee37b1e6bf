// What peers in JavaScript share. `exchange` and `countChunks` stand alone: browsers get them as text.

export interface Exchange {
  mode: string;
  url: string;
  name: string;
  sdp: string;
  /** Of `/ws`, as src/protocol/ has it: this function imports nothing. */
  protocol: number;
  WebSocket: typeof globalThis.WebSocket;
}

/** Takes the offer to the server: WHIP, WHEP or /ws. `end` ends the session as a good client does. */
export async function exchange(options: Exchange): Promise<{ answer: string; end: () => Promise<unknown> }> {
  const { mode, url, name, sdp, protocol } = options;
  if (mode !== 'ws') {
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(`${url}/${mode}/${name}`, { method: 'POST', body: sdp, headers });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${answer}`);
    const location = response.headers.get('location');
    return { answer, end: () => fetch(url + location, { method: 'DELETE' }) };
  }
  const socket = new options.WebSocket(`${url.replace('http', 'ws')}/ws`);
  const send = (message: object) => socket.send(JSON.stringify(message));
  const answer = await new Promise<string>((resolve, reject) => {
    socket.onerror = () => reject(new Error('the WebSocket failed'));
    socket.onopen = () => {
      send({ type: 'hello', protocol, client: 'interop' });
      send({ type: 'offer', sdp, output: { track: 'gray', data: 'u16' } });
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data));
      if (message.type === 'answer') resolve(message.sdp);
      else if (message.type === 'error') reject(new Error(`${message.code}: ${message.message}`));
    };
  });
  return { answer, end: async () => send({ type: 'bye' }) };
}

/** Counts whole depth packets (docs/protocol.md, "Chunks"). */
export function countChunks(whole: () => void): (event: { data: unknown }) => void {
  const pieces = new Map<number, number>();
  return ({ data }) => {
    const view = new DataView(data as ArrayBuffer);
    const sequence = view.getUint32(4, true);
    const have = (pieces.get(sequence) ?? 0) + 1;
    if (have < view.getUint16(10, true)) pieces.set(sequence, have);
    else {
      pieces.delete(sequence);
      whole();
    }
  };
}
