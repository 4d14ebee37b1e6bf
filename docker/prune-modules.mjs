// Removes from node_modules what the server never reads on this machine. Run in an image's build, in the folder that
// holds node_modules. onnxruntime-node brings the libraries of every platform: 290 MB, of which 45 are used.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const remove = (path) => rmSync(path, { recursive: true, force: true });

const runtimes = 'node_modules/onnxruntime-node/bin';
for (const version of readdirSync(runtimes))
  for (const platform of readdirSync(join(runtimes, version)))
    for (const cpu of readdirSync(join(runtimes, version, platform)))
      if (platform !== process.platform || cpu !== process.arch) remove(join(runtimes, version, platform, cpu));

// For people and compilers, not for node.
const UNUSED = /\.(d\.[cm]?ts|map|tsbuildinfo|markdown)$|^(README|CHANGELOG|HISTORY)(\.|$)/i;
for (const entry of readdirSync('node_modules', { recursive: true, withFileTypes: true }))
  if (entry.isFile() && UNUSED.test(entry.name)) remove(join(entry.parentPath ?? entry.path, entry.name));
