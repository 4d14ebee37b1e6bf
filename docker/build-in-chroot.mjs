#!/usr/bin/env node
// Builds docker/Dockerfile where there is no container engine: every FROM becomes a folder made by debootstrap, every
// RUN is run in it with chroot, every COPY copies what .dockerignore lets through. It checks that an image's steps work;
// it makes no image. Linux, root, debootstrap and the network are needed.
//
//   node docker/build-in-chroot.mjs FOLDER              builds FOLDER/<stage> for each stage, the last as FOLDER/image
//   node docker/build-in-chroot.mjs FOLDER --run [...]  then runs it as its user with a read-only root; arguments follow
//                                                       the entry point, as with docker run
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const [folder, mode, ...args] = process.argv.slice(2);
if (folder === undefined || (mode !== undefined && mode !== '--run')) {
  console.error('node docker/build-in-chroot.mjs FOLDER [--run ...]');
  process.exit(2);
}
const work = resolve(folder);
const state = join(work, 'image.json');
if (mode === '--run') runImage(JSON.parse(readFileSync(state, 'utf8')), args);
else buildImage(join(ROOT, 'docker/Dockerfile'));

function buildImage(file) {
  mkdirSync(work, { recursive: true });
  const ignored = dockerIgnore(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));
  const instructions = parseDockerfile(readFileSync(file, 'utf8'));
  const last = instructions.findLastIndex(({ name }) => name === 'FROM');
  let stage;
  instructions.forEach(({ name, text }, i) => {
    console.log(`\x1b[36m${name} ${text.slice(0, 140)}\x1b[0m`);
    if (name === 'FROM') {
      const [image, , alias] = text.split(/\s+/);
      stage = { root: join(work, i === last ? 'image' : (alias ?? `stage${i}`)), cwd: '/', env: { PATH }, user: '0:0' };
      makeBase(image, stage.root);
    } else if (name === 'WORKDIR') {
      stage.cwd = text;
      mkdirSync(join(stage.root, text), { recursive: true });
    } else if (name === 'ENV') Object.assign(stage.env, keyValues(text));
    else if (name === 'USER') stage.user = text;
    else if (name === 'ENTRYPOINT') stage.entrypoint = JSON.parse(text);
    else if (name === 'CMD') stage.command = JSON.parse(text);
    else if (name === 'VOLUME') stage.volume = text;
    else if (name === 'HEALTHCHECK') stage.healthcheck = JSON.parse(text.slice(text.indexOf('[')));
    else if (name === 'RUN') inChroot(stage, text.replace(/^(--\S+\s+)*/, ''));
    else if (name === 'COPY') copy(stage, text, ignored);
    else if (!['LABEL', 'EXPOSE', 'STOPSIGNAL'].includes(name)) throw new Error(`${name} is not known here`);
  });
  writeFileSync(state, JSON.stringify(stage, null, 2));
  for (const path of ['usr/local/bin/node', 'app/node_modules', 'app/dist', 'app/models'])
    run('du', ['-sm', join(stage.root, path)]);
}

/** Base images: Debian's own, and Debian with this machine's node and npm where the official image has its. */
function makeBase(image, root) {
  const base = join(work, 'base');
  if (!existsSync(base)) run('debootstrap', ['--variant=minbase', 'bookworm', base]);
  rmSync(root, { recursive: true, force: true });
  run('cp', ['-a', '--reflink=auto', base, root]);
  for (const file of ['resolv.conf', 'hosts']) cpSync(`/etc/${file}`, join(root, 'etc', file), { dereference: true });
  if (image.startsWith('debian:')) return;
  if (!image.startsWith('node:')) throw new Error(`no stand-in for the base image ${image}`);
  const npm = resolve(dirname(realpathSync(process.execPath)), '../lib/node_modules/npm');
  run('cp', [realpathSync(process.execPath), join(root, 'usr/local/bin/node')]);
  mkdirSync(join(root, 'usr/local/lib/node_modules'), { recursive: true });
  run('cp', ['-a', npm, join(root, 'usr/local/lib/node_modules/npm')]);
  run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
}

/** Runs a shell command in a stage as root, with /proc and /dev of its own mount namespace. */
function inChroot({ root, cwd, env }, command) {
  // Behind a proxy with a certificate of its own npm needs this machine's list of authorities, as a build secret would be.
  const ca = process.env.NODE_EXTRA_CA_CERTS;
  const extra = ca ? { NODE_EXTRA_CA_CERTS: '/mnt/authorities' } : {};
  const bind = ca ? `mount -t tmpfs tmpfs "$0/mnt" && cp ${ca} "$0/mnt/authorities" &&` : '';
  const script = `mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && ${bind} exec chroot "$0" /bin/sh -c "$1"`;
  const options = { env: { ...env, ...extra, HOME: '/root' } };
  run('unshare', ['--mount', 'sh', '-c', script, root, `cd ${cwd} && ${command}`], options);
}

function copy(stage, text, ignored) {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice(7);
  const [target, ...sources] = words.filter((word) => !word.startsWith('--')).reverse();
  const root = from === undefined ? ROOT : join(work, from);
  const into = join(stage.root, resolve(stage.cwd, target));
  for (const source of sources.reverse()) {
    const found = expand(root, source);
    if (found.length === 0) throw new Error(`COPY ${source}: nothing matches`);
    for (const path of found) {
      // A folder's contents go into the target; a file goes into it by name when the target is a folder.
      const isFolder = readdirOf(join(root, path)) !== undefined;
      const asFolder = isFolder || target.endsWith('/') || sources.length > 1;
      const to = !isFolder && asFolder ? join(into, basename(path)) : into;
      mkdirSync(dirname(to), { recursive: true });
      const filter = (file) => from !== undefined || !ignored(file.slice(root.length + 1));
      if (!filter(join(root, path)) && !isFolder) throw new Error(`COPY ${path}: .dockerignore keeps it out`);
      cpSync(join(root, path), to, { recursive: true, verbatimSymlinks: true, filter, preserveTimestamps: true });
    }
  }
}

/** Starts the image: its user, its working folder, a read-only root, /tmp and its volume in memory. */
function runImage({ root, cwd, env, user, entrypoint, command, volume }, args) {
  const [uid, gid] = user.split(':');
  const settings = Object.entries(process.env).filter(([name]) => /^(DEPTHCAST_|HEALTHCHECK_)/.test(name));
  const script = `
    mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
    mount -t tmpfs -o mode=1777 tmpfs "$0/tmp" && mount -t tmpfs -o uid=${uid},gid=${gid} tmpfs "$0${volume}" &&
    exec chroot "$0" setpriv --reuid=${uid} --regid=${gid} --clear-groups --inh-caps=-all --bounding-set=-all \\
      --no-new-privs env -C ${cwd} "$@"`;
  const run = [...entrypoint, ...(args.length > 0 ? args : command)];
  // A process namespace too, so that the entry point is process 1, as in a container.
  const { status } = spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, root, ...run],
    {
      stdio: 'inherit',
      env: { ...env, HOME: volume, ...Object.fromEntries(settings) },
    },
  );
  process.exit(status ?? 1);
}

function parseDockerfile(text) {
  return text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, rest] = /^(\S+)\s+(.*)$/.exec(line.trim());
      return { name: name.toUpperCase(), text: rest };
    });
}

/** A predicate of paths that a .dockerignore keeps out; the last pattern that matches a path or a parent decides. */
function dockerIgnore(text) {
  const rules = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line
        .replace(/^!/, '')
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*/g, '[^/]*');
      return { keeps: line.startsWith('!'), expression: new RegExp(`^${pattern}(/|$)`) };
    });
  return (path) => rules.reduce((out, { keeps, expression }) => (expression.test(path) ? !keeps : out), false);
}

/** Paths below `root` that a COPY source names; * within its last part. */
function expand(root, source) {
  const path = source.replace(/^\//, '');
  if (!path.includes('*')) return existsSync(join(root, path)) ? [path] : [];
  const expression = new RegExp(`^${basename(path).replace(/\./g, '\\.').replace(/\*/g, '[^/]*')}$`);
  return readdirSync(join(root, dirname(path)))
    .filter((name) => expression.test(name))
    .map((name) => join(dirname(path), name));
}

function readdirOf(path) {
  try {
    return readdirSync(path);
  } catch {
    return undefined;
  }
}

function keyValues(text) {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, key, value]) => [key, value.replaceAll('"', '')]),
  );
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? `status ${status}`}`);
}
