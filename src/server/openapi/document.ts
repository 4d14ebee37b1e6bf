import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CATALOGUE, type ErrorCode } from '../../errors.ts';
import { errorAnswer } from './answers.ts';
import type { Content, RouteDoc } from './route-doc.ts';
import { ROUTES } from './routes.ts';

type Json = Record<string, unknown>;

/** Not the application's: what a plugin registers for files and preflights, and what follows from GET. */
const isOwn = (method: string, url: string) => method !== 'HEAD' && !url.includes('*');

/** Serves `/api/openapi.json`; to be called before other routes are registered, which it sees come. */
export function addOpenApi(app: FastifyInstance, version: string): void {
  const routes = new Set<string>();
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (isOwn(one, url)) routes.add(`${one} ${url}`);
  });
  let document: string | undefined;
  app.get('/api/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(openApi([...routes], version));
    return reply.type('application/json; charset=utf-8').send(document);
  });
}

/**
 * The OpenAPI 3.1 document of these routes.
 * @param routes as `GET /api/streams/:stream`. One that {@link ROUTES} does not know is there without a description.
 */
export function openApi(routes: readonly string[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const doc = ROUTES[route];
    if (doc === 'refused') continue;
    const [method = '', url = ''] = route.split(' ');
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method.toLowerCase()]: doc ? operation(method, url, doc) : undescribed(url) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'depthcast',
      version,
      description:
        'Live depth server. Errors are JSON with a code of one catalogue (docs/errors.md). Rights are those of docs/signalling.md: a call needs its right where the server has tokens and server.protect names the area.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.values(ROUTES).flatMap((doc) => (doc === 'refused' ? [] : doc.tag)))].map((name) => ({
      name,
    })),
    paths,
    components: {
      schemas: { Error: schemaOf(errorAnswer) },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of server.tokens, or a JSON Web Token' },
      },
    },
  };
}

const undescribed = (url: string): Json => ({
  summary: `${url} is not described`,
  parameters: pathParameters(url),
  responses: { default: { description: 'Unknown' } },
});

function operation(method: string, url: string, doc: RouteDoc): Json {
  const { tag, summary, right, also, about, query, headers = {}, body, answers, errors = [] } = doc;
  const parameters = [
    ...pathParameters(url, doc.params),
    ...(query ? queryParameters(query) : []),
    ...Object.entries(headers).map(([name, description]) => parameter('header', name, description, true)),
  ];
  const needs = right === 'none' ? undefined : `Needs the right \`${right}\`${also ? ` and \`${also}\`` : ''}.`;
  return {
    operationId: operationId(method, url),
    tags: [tag],
    summary,
    ...(about || needs ? { description: [about, needs].filter(Boolean).join(' ') } : {}),
    // A server without tokens asks for none.
    security: right === 'none' ? [] : [{ bearer: [right, ...(also ? [also] : [])] }, {}],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: !doc.bodyOptional, content: contentOf(body) } } : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])),
      default: errorOf(errors, right),
    },
  };
}

function errorOf(errors: readonly ErrorCode[], right: RouteDoc['right']): Json {
  const codes = [
    ...new Set<ErrorCode>([...(right === 'none' ? [] : (['UNAUTHORIZED', 'FORBIDDEN'] as const)), ...errors]),
  ];
  const list = codes.map((code) => `${CATALOGUE[code][0]} ${code}`).join(', ');
  return {
    description: `An error of the catalogue${list ? `: ${list}` : ''}`,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

const answerOf = ({ about, content, headers }: RouteDoc['answers'][number]): Json => ({
  description: about,
  ...(content ? { content: contentOf(content) } : {}),
  ...(headers
    ? {
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
        ),
      }
    : {}),
});

const contentOf = (content: Content): Json =>
  'type' in content && typeof content.type === 'string' && !('_zod' in content)
    ? { [content.type]: { schema: { type: 'string', ...(content.about ? { description: content.about } : {}) } } }
    : { 'application/json': { schema: schemaOf(content as z.core.$ZodType) } };

/** JSON Schema (2020-12) of what may be sent. */
function schemaOf(schema: z.core.$ZodType): Json {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Marks of settings (config/rules.ts).
      for (const key of ['reload', 'secrecy', '$schema']) delete (jsonSchema as Json)[key];
    },
  }) as Json;
  delete json['$schema'];
  return json;
}

const parameter = (
  place: string,
  name: string,
  description: string | undefined,
  required: boolean,
  schema?: unknown,
) => ({
  name,
  in: place,
  required,
  ...(description ? { description } : {}),
  schema: schema ?? { type: 'string' },
});

function pathParameters(url: string, about: Record<string, string> = {}) {
  return [...url.matchAll(/:(\w+)/g)].map(([, name = '']) =>
    parameter('path', name, about[name] ?? 'Name of a stream', true),
  );
}

function queryParameters(query: z.core.$ZodType) {
  const { properties = {}, required = [] } = schemaOf(query) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) =>
    parameter('query', name, description as string | undefined, required.includes(name), schema),
  );
}

/** `GET /api/sources/:name` is getApiSourcesName. */
const operationId = (method: string, url: string) =>
  method.toLowerCase() +
  url
    .split(/\W+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
