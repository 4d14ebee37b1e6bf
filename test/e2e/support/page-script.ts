import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** A module of this folder, with all that it imports, as a script that a page can run. */
export async function pageScript(name: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL(name, import.meta.url)),
    platform: 'browser',
    // Of a script nothing is loaded beside it.
    transform: { define: { 'import.meta.url': 'location.href' } },
  });
  const { output } = await bundle.generate({ format: 'iife' });
  await bundle.close();
  return output[0].code;
}
