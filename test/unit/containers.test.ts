import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';

const root = new URL('../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Instructions of a Dockerfile, continued lines joined. */
const instructions = (file: string): [name: string, text: string][] =>
  read(file)
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return [name, text];
    });

/** Whether .dockerignore lets a path into the build: it names what may pass, after keeping out everything. */
function passes(path: string): boolean {
  const allowed = read('.dockerignore').match(/(?<=^!).+$/gm) ?? [];
  return allowed.some((pattern) =>
    new RegExp(`^${pattern.replace(/[.]/g, '\\.').replace(/\*/g, '[^/]*')}(/|$)`).test(path),
  );
}

const dockerfiles = readdirSync(join(root, 'docker')).filter((name) => name.startsWith('Dockerfile'));

it('images and packages hold what an embedded network is checked by', () => {
  const kinds = [
    ...new Set(readdirSync(join(root, 'models')).filter((name) => /\.\w+$/.test(name) && !/\.jpg$/.test(name))),
  ];
  const copied = instructions('docker/Dockerfile').flatMap(([name, text]) =>
    name === 'COPY' ? text.split(/\s+/) : [],
  );
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  for (const name of kinds) {
    const pattern = `models/*${/\.\w+$/.exec(name)![0]}`;
    expect(copied, name).toContain(pattern);
    expect(files, name).toContain(pattern);
  }
});

describe.each(dockerfiles.map((name) => `docker/${name}`))('%s', (file) => {
  const lines = instructions(file);
  const of = (name: string): string[] => lines.flatMap(([n, text]) => (n === name ? [text] : []));

  it('builds on images of a named version', () => {
    const stages = of('FROM').flatMap((text) => / AS (\S+)/i.exec(text)?.[1] ?? []);
    for (const text of of('FROM')) {
      const image = text.split(/\s+/)[0]!;
      if (!stages.includes(image)) expect(image).toMatch(/:\d+\.\d+[\w.-]*$/);
    }
  });

  it('copies what exists and what .dockerignore lets through', () => {
    for (const text of of('COPY')) {
      const words = text.split(/\s+/).filter((word) => word !== '');
      if (words.some((word) => word.startsWith('--from='))) continue;
      for (const source of words.slice(0, -1)) {
        const pattern = new RegExp(`^${basename(source).replace(/\./g, '\\.').replace(/\*/g, '.*')}$`);
        const found = readdirSync(join(root, dirname(source))).filter((name) => pattern.test(name));
        expect(found, source).not.toEqual([]);
        for (const name of found) expect(passes(join(dirname(source), name)), name).toBe(true);
      }
    }
  });

  it('runs as a numbered user that is not root, with what the server needs set to existing settings', () => {
    expect(of('USER').at(-1)).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    const env = Object.fromEntries(of('ENV').flatMap((text) => text.split(/\s+/).map((pair) => pair.split('='))));
    expect(loadConfig({ env }).server.host).toBe('0.0.0.0');
    expect(env.ORT_DISABLE_TELEMETRY).toBe('1');
  });

  it('asks a program that is in the image for its health', () => {
    const [, script] = /"node", "([^"]+)"/.exec(of('HEALTHCHECK').join('')) ?? [];
    expect(existsSync(join(root, script!))).toBe(true);
    expect(of('COPY').some((text) => text.includes(script!))).toBe(true);
  });
});

describe('compose.yaml', () => {
  const { services } = parse(read('docker/compose.yaml')) as {
    services: Record<
      string,
      { image?: string; environment?: Record<string, string>; ports: string[]; volumes: string[] }
    >;
  };
  const { depthcast } = services;
  const secrets = read('docker/compose.env.example').match(/^\w+(?==)/gm)!;
  const filled = Object.fromEntries(
    Object.entries(depthcast!.environment!).map(([name, text]) => [
      name,
      text.replace(/\$\{\w+(:[^}]*)?\}/g, 'example-value'),
    ]),
  );

  it('gives the server settings that it takes, and asks for every secret', () => {
    const config = loadConfig({ env: filled });
    expect(config.server.tokens).toEqual(['example-value']);
    for (const [, name] of read('docker/compose.yaml').matchAll(/\$\{(\w+):\?/g)) expect(secrets).toContain(name);
  });

  it('publishes the ports that media uses, and mounts what exists', () => {
    const [from, to] = loadConfig({ env: filled }).rtc.portRange!;
    expect(depthcast!.ports).toContain(`${from}-${to}:${from}-${to}/udp`);
    const turn = read('docker/coturn/turnserver.conf');
    const [min, max] = ['min', 'max'].map((end) => new RegExp(`^${end}-port=(\\d+)`, 'm').exec(turn)![1]);
    expect(services.coturn!.ports).toContain(`${min}-${max}:${min}-${max}/udp`);
    for (const { volumes, image } of Object.values(services)) {
      for (const volume of volumes)
        if (volume.startsWith('.')) expect(existsSync(join(root, 'docker', volume.split(':')[0]!)), volume).toBe(true);
      expect(image).toMatch(/:v?\d+\.\d+/);
    }
  });

  it('lets TURN reach the server and nothing else', () => {
    const address = /ipv4_address: (\S+)/.exec(read('docker/compose.yaml'))![1];
    const allowed = read('docker/coturn/turnserver.conf').match(/(?<=^allowed-peer-ip=).+$/gm);
    expect(allowed).toEqual([address]);
  });
});

type Labels = Record<string, string>;
interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  lifecycle: { preStop: { exec: { command: string[] } } };
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string }[];
  env: { name: string; valueFrom: { secretKeyRef: { key: string } } }[];
}
interface Pod {
  metadata: { labels: Labels };
  spec: {
    terminationGracePeriodSeconds: number;
    securityContext: { runAsUser: number };
    containers: Container[];
    volumes: { name: string }[];
  };
}
/** Of each kind what is looked at below. */
interface Specs {
  Deployment: { selector: { matchLabels: Labels }; template: Pod };
  Service: { selector: Labels };
  PodDisruptionBudget: { selector: { matchLabels: Labels } };
  HorizontalPodAutoscaler: { scaleTargetRef: { name: string } };
  NetworkPolicy: { podSelector: { matchLabels: Labels }; ingress: { ports: Record<string, unknown>[] }[] };
}
interface Manifest<K extends keyof Specs = keyof Specs> {
  kind: K;
  metadata: { name: string };
  spec: Specs[K];
}

describe('the Kubernetes manifests', () => {
  const folder = join(root, 'docker/k8s/base');
  const manifests = (
    parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] }
  ).resources
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => document.toJSON() as Manifest);
  const all = <K extends keyof Specs>(kind: K): Manifest<K>[] =>
    manifests.filter((manifest): manifest is Manifest<K> => manifest.kind === kind);
  const get = <K extends keyof Specs>(kind: K): Manifest<K> => all(kind)[0]!;
  const pod = get('Deployment').spec.template;
  const container = pod.spec.containers[0]!;
  const settings = loadConfig({ file: join(folder, 'depthcast.yaml') });

  it('select the pods that the Deployment makes', () => {
    const selectors = [
      get('Deployment').spec.selector.matchLabels,
      get('PodDisruptionBudget').spec.selector.matchLabels,
      get('NetworkPolicy').spec.podSelector.matchLabels,
      ...all('Service').map(({ spec }) => spec.selector),
    ];
    for (const selector of selectors) {
      expect(Object.keys(selector)).not.toEqual([]);
      expect(pod.metadata.labels).toMatchObject(selector);
    }
    expect(get('HorizontalPodAutoscaler').spec.scaleTargetRef.name).toBe(get('Deployment').metadata.name);
  });

  it('probe addresses that the server answers, at the port that it listens on', () => {
    const health = read('src/server/health.ts');
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
      expect(health).toContain(`app.get('${container[probe].httpGet.path}'`);
      expect(container.ports.map(({ name }) => name)).toContain(container[probe].httpGet.port);
    }
    expect(container.ports[0]!.containerPort).toBe(settings.server.port);
    expect(container.livenessProbe.httpGet.path).toBe('/livez');
  });

  it('wait for a drain to end before they kill', () => {
    const preStop = Number(container.lifecycle.preStop.exec.command[1]);
    const closing = Number(/CLOSE_MS = (\d+)/.exec(read('src/cli/serve.ts'))![1]) / 1000;
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(preStop + settings.server.drainSeconds + closing);
  });

  it('run as the user of the image, with nothing to write to but its volumes', () => {
    const [uid] = instructions('docker/Dockerfile')
      .findLast(([name]) => name === 'USER')![1]
      .split(':');
    expect(pod.spec.securityContext.runAsUser).toBe(Number(uid));
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const volumes = pod.spec.volumes.map(({ name }) => name);
    for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
  });

  it('open the ports of the settings, and take settings and secrets that the server reads', () => {
    const [from, to] = settings.rtc.portRange!;
    const udp = get('NetworkPolicy').spec.ingress.flatMap(({ ports }) => ports);
    expect(udp).toContainEqual({ protocol: 'UDP', port: from, endPort: to });
    const { stringData } = parse(read('docker/k8s/secret.example.yaml')) as { stringData: Record<string, string> };
    const env = Object.fromEntries(
      container.env.map(({ name, valueFrom }) => [name, stringData[valueFrom.secretKeyRef.key]]),
    );
    expect(loadConfig({ env }).server.tokens).toHaveLength(2);
  });
});
