import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import * as answers from '../../src/server/openapi/answers.ts';
import { addOpenApi } from '../../src/server/openapi/document.ts';
import { ROUTES } from '../../src/server/openapi/routes.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { startApp, until } from './support/app.ts';

interface Operation {
  summary: string;
  operationId: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required: boolean }[];
  responses: Record<string, unknown>;
}
type ApiDocument = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
};

const RIGHTS = ['publish', 'view', 'duplex', 'api', 'metrics'] as const;
const TOKENS = { publish: ['*'], view: ['*'], duplex: true, api: true, metrics: true } as const;
const folder = mkdtempSync(join(tmpdir(), 'depthcast-api-'));
let server: DepthServer & { base: string };
let document: ApiDocument;
const token = (right: string) => `only-the-right-${right}`;

beforeAll(async () => {
  server = await startApp({
    'sources.scenes': ['static'],
    'sources.width': 160,
    'sources.height': 120,
    'recording.folder': folder,
    'server.tokens': [
      ...RIGHTS.map((right) => ({ token: token(right), [right]: TOKENS[right] })),
      { token: token('publish+view'), publish: ['*'], view: ['*'] },
    ],
    'server.protect': ['publish', 'view', 'api', 'metrics'],
    'limits.authFailuresPerMinute': 10_000,
    'limits.requestsPerMinute': 100_000,
  });
  document = (await (await fetch(`${server.base}/api/openapi.json`)).json()) as ApiDocument;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      route: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      operation,
    })),
  );
const call = (method: string, path: string, right?: string, body?: unknown) =>
  fetch(server.base + path, {
    method,
    headers: {
      ...(right ? { authorization: `Bearer ${token(right)}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('/api/openapi.json', () => {
  it('is an OpenAPI 3.1 document, for a validator of somebody else', async () => {
    expect(document.openapi).toBe('3.1.0');
    expect(await new Validator().validate(document)).toMatchObject({ valid: true });
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has every route of the server (add yours to src/server/openapi/routes.ts), and no other', () => {
    const missing = operations().filter(({ route }) => !(route in ROUTES));
    expect(missing.map(({ route }) => route)).toEqual([]);
    const there = new Set(operations().map(({ route }) => route));
    // Which of those are there depends on whether the page is built.
    const gone = Object.entries(ROUTES).filter(
      ([route, doc]) => doc !== 'refused' && doc.tag !== 'Pages' && !there.has(route),
    );
    expect(gone.map(([route]) => route)).toEqual([]);
  });

  it('notices a route that nobody described', async () => {
    const app = Fastify();
    addOpenApi(app, 'test');
    app.get('/api/new/:thing', async () => 'new');
    const { paths } = (await app.inject('/api/openapi.json')).json<ApiDocument>();
    expect(Object.keys(paths)).toEqual(['/api/openapi.json', '/api/new/{thing}']);
    expect(paths['/api/new/{thing}']!['get']!.summary).toMatch(/not described/);
  });

  it('says which right each call takes: that is enough, and none is not', async () => {
    for (const { method, path, route, operation } of operations()) {
      const [needed] = operation.security;
      const address = path.replaceAll(/\{\w+\}/g, 'nobody');
      const without = await call(method, address);
      const right = needed?.['bearer']?.join('+');
      // A two-way session is asked for its token behind the handshake: browsers cannot show it before.
      if (right === undefined || route === 'GET /ws') expect([route, without.status]).not.toEqual([route, 401]);
      else {
        expect([route, without.status]).toEqual([route, 401]);
        // A session may be either's.
        const body = method === 'POST' ? { name: 'nobody' } : undefined;
        const enough = await call(method, address, right, body);
        expect([route, [401, 403].includes(enough.status)]).toEqual([route, false]);
        const other = await call(method, address, right === 'metrics' ? 'api' : 'metrics', body);
        // A list is of what may be viewed.
        if (route === 'GET /api/streams') expect(await other.json()).toEqual({ streams: [] });
        else if (!path.startsWith('/session/')) expect([route, other.status]).toEqual([route, 403]);
      }
    }
    for (const [route, doc] of Object.entries(ROUTES)) {
      const [method = '', url = ''] = route.split(' ');
      if (doc === 'refused') expect((await call(method, url.replaceAll(/:\w+/g, 'x'))).status).toBe(405);
    }
  });

  it('describes what calls answer', async () => {
    const of = async (schema: z.ZodType, method: string, path: string, right?: string) => {
      const response = await call(method, path, right);
      const body: unknown = await response.json();
      expect(schema.safeParse(body)).toMatchObject({ success: true });
      // Nothing is there that the document does not know.
      expect(schema.parse(body)).toEqual(body);
    };
    const recording = '/api/streams/scene-static/recording';
    await of(answers.info, 'GET', '/api/info', 'api');
    await of(answers.sessionList, 'GET', '/api/sessions', 'api');
    await of(answers.sourceList, 'GET', '/api/sources', 'api');
    await of(answers.readiness, 'GET', '/readyz');
    await of(answers.streamReport, 'GET', '/api/streams/scene-static', 'view');
    await of(answers.streamList, 'GET', '/api/streams', 'view');
    await of(answers.addresses, 'GET', '/api/addresses', 'api');
    await of(answers.outputReport, 'GET', '/api/streams/scene-static/output', 'view');
    await of(answers.pushList, 'GET', '/api/outputs', 'api');
    await of(answers.recordingStatus, 'POST', recording, 'publish');
    await of(answers.recordingStatus, 'GET', recording, 'publish');
    await of(answers.recordingStatus, 'DELETE', recording, 'publish');
    await of(answers.errorAnswer, 'GET', '/api/sources/nobody', 'publish');
  });
});

describe('settings of a stream', () => {
  const get = async (name: string) => (await (await call('GET', `/api/streams/${name}`, 'view')).json()) as unknown;

  it('are changed while it runs', async () => {
    const change = { size: 160, range: { near: 3, far: -1 }, upsampling: 'fast', still: 'on', layout: 'stacked' };
    const changed = await call('PATCH', '/api/streams/scene-static', 'publish', change);
    expect([changed.status, await changed.json()]).toMatchObject([200, change]);
    expect(await get('scene-static')).toMatchObject({ ...change, model: 'depthcast-nano', unit: 'disparity' });
    for (const [body, status, code] of [
      [{ size: 17 }, 400, 'BAD_SIZE'],
      [{ model: 'nobody' }, 404, 'MODEL_NOT_FOUND'],
      [{ colour: 'blue' }, 400, 'BAD_REQUEST'],
      [{ range: { near: 1, far: 1 } }, 400, 'BAD_REQUEST'],
      [[], 400, 'BAD_REQUEST'],
    ] as const) {
      const refused = await call('PATCH', '/api/streams/scene-static', 'publish', body);
      expect([refused.status, await refused.json()]).toMatchObject([status, { code }]);
    }
    expect(await get('scene-static')).toMatchObject(change);
    expect((await call('GET', '/api/streams/nobody', 'view')).status).toBe(409);
  });

  const publish = async (query: string) => {
    const client = await RtcClient.create({ direction: 'sendonly' });
    const response = await fetch(`${server.base}/whip/cam?${query}`, {
      method: 'POST',
      body: client.offerSdp,
      headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token('publish')}` },
    });
    return { client, response };
  };

  it('come with the address of a WHIP publisher', async () => {
    for (const [query, code] of [
      ['size=17', 'BAD_SIZE'],
      ['size=many', 'BAD_REQUEST'],
      ['model=nobody', 'MODEL_NOT_FOUND'],
      ['layout=round', 'BAD_REQUEST'],
      ['range=1', 'BAD_REQUEST'],
      ['range=1,1', 'BAD_REQUEST'],
      ['size=160&size=256', 'BAD_REQUEST'],
    ] as const) {
      const { client, response } = await publish(query);
      expect([query, ((await response.json()) as { code: string }).code]).toEqual([query, code]);
      await client.close();
    }
    const query = 'size=160&range=2,-1.5&layout=side-by-side&upsampling=best&still=on&recording=on&hfov=80&lang=en';
    const { client, response } = await publish(query);
    expect(response.status).toBe(201);
    expect(await get('cam')).toMatchObject({
      size: 160,
      range: { near: 2, far: -1.5 },
      layout: 'side-by-side',
      upsampling: 'best',
      still: 'on',
      recording: true,
    });
    const stop = await call('DELETE', '/api/streams/cam/recording', 'publish');
    expect(stop.status).toBe(200);
    expect(await get('cam')).toMatchObject({ recording: false });
    const session = response.headers.get('location')!;
    expect((await call('DELETE', session, 'publish')).status).toBe(200);
    await client.close();
    await until('its name is free', () => !server.context.registry.isTaken('cam'));
  });
});
