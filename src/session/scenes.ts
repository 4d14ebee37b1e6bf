import type { InferencerPool } from '../depth/pool.ts';
import { createScene } from '../scene/scene.ts';
import { SceneSource } from '../sources/scene-source.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { Admission } from './admission.ts';
import type { ServerContext } from './server-context.ts';

/** How often a stream's counters are read, as those of publishers are. */
const REPORT_MS = 1000;

type Context = Pick<ServerContext, 'config' | 'metrics' | 'log'> & {
  admission: Pick<Admission, 'reserve'>;
  pool: Pick<InferencerPool, 'get' | 'sizeOf'>;
};

/**
 * Publishes the configured synthetic scenes, each as the stream `scene-NAME`.
 * @throws DepthcastError UNKNOWN_SCENE, BUSY when there are more scenes than places for streams
 */
export async function publishScenes(context: Context): Promise<void> {
  const { config, metrics, pool, admission, log } = context;
  const { scenes, width, height, fps } = config.sources;
  for (const scene of scenes) {
    // Here, so that a misspelt name stops the start and not a thread later.
    createScene(scene, { width: 16, height: 16 });
    const name = `scene-${scene}`;
    const { filled, free } = admission.reserve(name);
    const inferencer = await pool.get();
    const size = pool.sizeOf(inferencer.model);
    const { upsampling } = config.output;
    const still = config.depth.still === 'on';
    const stream = new LiveStream({ name, inferencer, size, metrics, depth: config.depth, upsampling, still });
    const timer = setInterval(() => stream.stats.report(0), REPORT_MS);
    stream.once('closed', () => {
      clearInterval(timer);
      free();
    });
    stream.on('trouble', (error) => log.debug({ stream: name, code: error.code }, error.message));
    const wanted = () => stream.watched;
    const onError = (error: Error) => {
      log.error({ stream: name, err: error }, 'the scene stopped');
      stream.close('scene failed');
    };
    stream.attach(new SceneSource({ scene, width, height, fps, wanted, onError }));
    filled(stream);
  }
}
