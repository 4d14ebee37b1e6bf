import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { STREAM_NAME } from '../config/pulled-source.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import { type MatteChange, type MatteSettings, matteChange } from '../protocol/matte.ts';
import type { Admission } from '../session/admission.ts';
import { iceServers } from '../session/client-ice-servers.ts';
import type { ServerContext } from '../session/server-context.ts';
import type { Session } from '../session/session.ts';
import type { AddressPlace } from './address-places.ts';
import type { Grant } from './authorizer.ts';
import type { Guards } from './guards.ts';
import { clientAddress, clientKey } from './request-limit.ts';
import { TOKEN_EXPIRED, TokenExpiry } from './token-expiry.ts';
import { iceCredentials, readFragment, restartedOffer, restartFragment } from './trickle.ts';
import { type WhipSettings, whepLayout, whipSettings } from './whip-query.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

type StreamRequest = FastifyRequest<{ Params: { stream: string }; Querystring: Record<string, unknown> }>;
type SessionRequest = FastifyRequest<{ Params: { id: string } }>;

type Context = Pick<ServerContext, 'config' | 'metrics' | 'peers' | 'mattes' | 'registry' | 'recordings'> & {
  admission: Pick<Admission, 'checkStreams'>;
};

/** A session as WHIP and WHEP see it: who it is, and what its ICE state is named. */
interface Resource {
  session: Session;
  kind: 'whip' | 'whep';
  stream: string;
  offer: string;
  /** Changes with each ICE restart (RFC 9725 sections 4.3.1 and 4.3.3). */
  etag: string;
  /** Undefined where sessions outlast their tokens. */
  expiry: TokenExpiry | undefined;
}

/** WHIP ingest (RFC 9725), WHEP egress (draft-ietf-action-whep) and the session resources that both create. */
export function addWhip(app: FastifyInstance, context: Context, { places, authorizer }: Guards): void {
  const resources = new Map<string, Resource>();
  const { config } = context;

  const mayUse = ({ ip, headers }: FastifyRequest, kind: 'whip' | 'whep', stream: string): Promise<Grant> =>
    authorizer.admit(clientKey({ ip }), headers.authorization, { do: kind === 'whip' ? 'publish' : 'view', stream });

  const streamOf = (name: string) => context.registry.streams.find((stream) => stream.name === name);

  const publish = async (request: StreamRequest, offer: string, name: string, asked: WhipSettings) => {
    const { change, camera, recording } = asked;
    const { model, size, upsampling, still, layout, range } = change;
    const publisher = await context.peers.publish(offer, {
      role: 'publish',
      stream: name,
      model,
      size,
      ...(upsampling && { upsampling }),
      camera,
      track: false,
      data: 'none',
      client: clientAddress(request),
    });
    try {
      const { stream } = publisher;
      if (still) stream.setStill(still === 'on');
      if (layout) stream.layout = layout;
      if (range) stream.setRange(range);
      // Of streams that the settings name it runs already.
      if (recording && !context.recordings.isRecording(stream)) await context.recordings.start(name);
      return publisher;
    } catch (thrown) {
      await publisher.close('refused', toDepthcastError(thrown));
      throw thrown;
    }
  };

  const open = async (request: StreamRequest, reply: FastifyReply, kind: 'whip' | 'whep'): Promise<FastifyReply> => {
    const name = request.params.stream;
    const grant = await mayUse(request, kind, name);
    if (!STREAM_NAME.test(name)) throw new DepthcastError('BAD_REQUEST', { detail: 'that stream name cannot be used' });
    const layout = kind === 'whep' ? (whepLayout(request.query) ?? streamOf(name)?.layout) : undefined;
    const settings = kind === 'whip' ? whipSettings(request.query) : undefined;
    const matte = kind === 'whep' ? matteOf(request.query, (preset) => context.mattes.preset(name, preset)) : undefined;
    const offer = sdpBody(request, SDP);
    let session: Session;
    let place: AddressPlace | undefined;
    try {
      // A full server says so, or redirects, before it looks at who asks.
      if (kind === 'whip') context.admission.checkStreams();
      place = places.take(clientKey(request));
      session =
        kind === 'whep'
          ? await context.peers.view(offer, name, { client: clientAddress(request), layout, matte })
          : await publish(request, offer, name, settings!);
    } catch (thrown) {
      place?.leave();
      const { redirectWhenBusy } = config.server;
      if (redirectWhenBusy && thrown instanceof DepthcastError && thrown.code === 'BUSY') {
        context.metrics.redirected.inc();
        const query = request.url.indexOf('?');
        const search = query < 0 ? '' : request.url.slice(query);
        return reply.redirect(`${redirectWhenBusy.replace(/\/+$/, '')}/${kind}/${name}${search}`, 307);
      }
      throw thrown;
    }
    if (session.closed) {
      place.leave();
      throw new DepthcastError('NO_PUBLISHER', { detail: name, retryAfter: 1 });
    }
    const resource: Resource = { session, kind, stream: name, offer, etag: etagOf(offer), expiry: undefined };
    resources.set(session.id, resource);
    session.peer.once('connected', place.settle);
    session.once('closed', () => {
      resources.delete(session.id);
      place.leave();
    });
    if (config.jwt.endsSessions) resource.expiry = new TokenExpiry(session, grant);
    if (session.closed || resource.expiry?.passed) throw new DepthcastError('UNAUTHORIZED', { detail: TOKEN_EXPIRED });
    return reply
      .code(201)
      .headers({
        'content-type': SDP,
        location: `/session/${session.id}`,
        etag: resource.etag,
        'accept-patch': FRAGMENT,
        ...iceServerLinks(config),
      })
      .send(session.peer.answerSdp);
  };

  for (const kind of ['whip', 'whep'] as const) {
    app.post(`/${kind}/:stream`, (request: StreamRequest, reply) => open(request, reply, kind));
    app.options(`/${kind}/:stream`, async (request: StreamRequest, reply) => {
      // Credentials of a TURN server are for those who may use it; a browser's preflight never carries a token.
      const known = await mayUse(request, kind, request.params.stream).catch(() => undefined);
      const links = known === undefined ? {} : iceServerLinks(config);
      return reply
        .code(204)
        .headers({ 'accept-post': SDP, allow: 'POST, OPTIONS', ...links })
        .send();
    });
    // Reserved by RFC 9725 section 4.1 for later versions.
    app.route({
      method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
      url: `/${kind}/:stream`,
      handler: refuse('POST, OPTIONS'),
    });
  }

  const find = async (request: SessionRequest): Promise<{ resource: Resource; grant: Grant }> => {
    const resource = resources.get(request.params.id);
    if (resource !== undefined) return { resource, grant: await mayUse(request, resource.kind, resource.stream) };
    // Without a good token nobody learns which sessions there are.
    await mayUse(request, 'whip', '').catch((thrown: DepthcastError) => {
      if (thrown.code !== 'FORBIDDEN') throw thrown;
    });
    throw new DepthcastError('SESSION_NOT_FOUND');
  };

  app.patch('/session/:id', async (request: SessionRequest, reply) => {
    const { resource, grant } = await find(request);
    const body = sdpBody(request, FRAGMENT);
    const fragment = readFragment(body);
    const ifMatch = request.headers['if-match'];
    if (ifMatch === undefined) throw new DepthcastError('ETAG_REQUIRED');
    const current = iceCredentials(resource.offer);
    const restarts = fragment.ufrag !== undefined && fragment.pwd !== undefined && fragment.ufrag !== current.ufrag;
    if (ifMatch !== '*' && ifMatch !== resource.etag) throw new DepthcastError('ETAG_MISMATCH');
    resource.expiry?.renew(grant);
    if (!restarts) {
      // Those behind one that cannot be read count, too.
      const { peer } = resource.session;
      const taken = await Promise.allSettled(
        fragment.candidates.map(async (candidate) => peer.addCandidate(candidate)),
      );
      const refused = taken.find(({ status }) => status === 'rejected');
      if (refused?.status === 'rejected') throw refused.reason;
      return reply.code(204).send();
    }
    const offer = restartedOffer(resource.offer, fragment);
    const answer = await resource.session.peer.restart(offer, Buffer.byteLength(body));
    resource.offer = offer;
    resource.etag = etagOf(offer);
    return reply
      .code(200)
      .headers({ 'content-type': FRAGMENT, etag: resource.etag, ...iceServerLinks(config) })
      .send(restartFragment(answer));
  });

  app.delete('/session/:id', async (request: SessionRequest, reply) => {
    const { resource } = await find(request);
    await resource.session.close('client ended it');
    return reply.code(200).send();
  });
  app.options('/session/:id', (_request, reply) =>
    reply.code(204).headers({ 'accept-patch': FRAGMENT, allow: 'PATCH, DELETE, OPTIONS' }).send(),
  );
  app.route({ method: ['GET', 'HEAD', 'POST', 'PUT'], url: '/session/:id', handler: refuse('PATCH, DELETE, OPTIONS') });
}

const MATTE_KEYS = ['unit', 'near', 'far', 'soft'] as const;

/**
 * The matte in the query of a WHEP address: `?layout=matte&near=1&far=0.6&soft=0.05`, or `&preset=Presenter`, with these or without.
 * undefined where it has nothing of it.
 */
function matteOf(query: Record<string, unknown>, presetOf: (name: string) => MatteSettings): MatteChange | undefined {
  const given = MATTE_KEYS.filter((key) => query[key] !== undefined);
  const preset = query['preset'] === undefined ? undefined : presetOf(String(query['preset']));
  if (given.length === 0) return preset;
  const number = (text: unknown) => (typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN);
  const read = matteChange.safeParse(
    Object.fromEntries(given.map((key) => [key, key === 'unit' ? query[key] : number(query[key])])),
  );
  if (read.success) return { ...preset, ...read.data };
  const detail = 'a matte is unit (normalised or metres), near, far and soft, numbers from 0 to 10000';
  throw new DepthcastError('BAD_REQUEST', { detail });
}

function refuse(allow: string) {
  return async (_request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    reply.header('allow', allow);
    throw new DepthcastError('METHOD_NOT_ALLOWED');
  };
}

function sdpBody(request: FastifyRequest, type: string): string {
  const given = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (given !== type) throw new DepthcastError('UNSUPPORTED_MEDIA_TYPE', { detail: `send ${type}` });
  if (typeof request.body !== 'string' || request.body === '')
    throw new DepthcastError('BAD_REQUEST', { detail: 'the body is empty' });
  return request.body;
}

/** A strong entity tag that names the offer's ICE session. */
function etagOf(offer: string): string {
  const { ufrag, pwd } = iceCredentials(offer);
  return `"${Buffer.from(`${ufrag}:${pwd.slice(0, 6)}`).toString('base64url')}"`;
}

/** STUN and TURN servers as Link headers (RFC 9725 section 4.6). */
function iceServerLinks({ rtc }: Config): Record<string, string> {
  const quote = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  const links = iceServers(rtc).flatMap(({ urls, username, credential }) =>
    [urls].flat().map((url) => {
      if (username === undefined || credential === undefined) return `<${url}>; rel="ice-server"`;
      const secret = `username=${quote(username)}; credential=${quote(credential)}; credential-type="password"`;
      return `<${url}>; rel="ice-server"; ${secret}`;
    }),
  );
  return links.length > 0 ? { link: links.join(', ') } : {};
}
