import { createScene } from '../scene/scene.ts';
import type { Admission } from './admission.ts';
import { type KeptContext, KeptSource } from './kept-source.ts';
import type { ServerContext } from './server-context.ts';

type Context = KeptContext & Pick<ServerContext, 'config'> & { admission: Pick<Admission, 'reserve'> };

/**
 * Publishes the configured synthetic scenes, each as the stream `scene-NAME`.
 * @throws DepthcastError UNKNOWN_SCENE, BUSY when there are more scenes than places for streams, and what a scene's thread does not start for
 */
export async function publishScenes(context: Context): Promise<void> {
  const { config, admission, log } = context;
  const { scenes, width, height, fps } = config.sources;
  for (const scene of scenes) {
    // Here, so that a misspelt name stops the start and not a thread later.
    createScene(scene, { width: 16, height: 16 });
    const name = `scene-${scene}`;
    const place = admission.reserve(name);
    const still = config.depth.still === 'on';
    const origin = { kind: 'scene', scene, width, height, fps } as const;
    const source = await KeptSource.open(context, { name, origin, still }, place).catch((thrown) => {
      place.free();
      throw thrown;
    });
    /** What was told last: a scene that stays away is one line of the log. */
    let told: string | undefined;
    source.on('lost', ({ code, message }) => {
      if (told === message) log.debug({ stream: name, code }, `${message}: the scene is still not there`);
      else log.warn({ stream: name, code }, `${message}: the scene begins again`);
      told = message;
    });
    source.on('again', () => {
      told = undefined;
      log.info({ stream: name }, 'the scene has begun again');
    });
    source.once('closed', (_, error) => error && log.error({ stream: name, err: error }, 'the scene stopped'));
    source.start();
  }
}
