import { bad } from './file.ts';

/** A tensor that every Video Depth Anything network has once. */
const ANCHOR = 'pretrained.patch_embed.proj.weight';
/** Networks that are named when there are several. */
const MAX_NAMED = 4;

/** What stands before the names of a network's tensors, for each network that is there: DataParallel puts "module.", Lightning "model.". */
export function prefixesOf(names: Iterable<unknown>): string[] {
  const prefixes: string[] = [];
  for (const name of names)
    if (typeof name === 'string' && name.endsWith(ANCHOR)) {
      const prefix = name.slice(0, -ANCHOR.length);
      if (prefix === '' || prefix.endsWith('.')) prefixes.push(prefix);
    }
  return prefixes;
}

/**
 * The tensors of the one network among them, under the names that it gives them itself; all of them where none is known.
 * @throws DepthcastError BAD_CHECKPOINT: there are several networks
 */
export function withoutPrefix<T extends { name: string }>(tensors: Map<string, T>): Map<string, T> {
  const prefixes = prefixesOf(tensors.keys());
  if (prefixes.length > 1) {
    const named = prefixes.slice(0, MAX_NAMED).map((prefix) => `"${prefix}"`);
    throw bad(`it holds ${prefixes.length} networks (${named.join(', ')}); save the one that is to run alone`);
  }
  const [prefix] = prefixes;
  if (!prefix) return tensors;
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(
    own.map(([full, tensor]) => {
      const name = full.slice(prefix.length);
      return [name, { ...tensor, name }];
    }),
  );
}
