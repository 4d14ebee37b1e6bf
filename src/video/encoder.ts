import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { check, openCodec, setOptions } from './native.ts';

/**
 * Opens one of FFmpeg's encoders.
 * @param name FFmpeg's, as libx264. @param title for people, as H.264
 * @param configure sets the context's fields
 * @param options the encoder's own; a misspelt one is an error
 * @throws DepthcastError CODEC_FAILED
 */
export async function openEncoder(
  name: string,
  title: string,
  configure: (context: av.CodecContext) => void,
  options: Record<string, string>,
): Promise<av.CodecContext> {
  const implementation = av.Codec.findEncoderByName(name as av.FFVideoEncoder);
  if (!implementation) throw new DepthcastError('CODEC_FAILED', { detail: `FFmpeg has no ${title} encoder` });
  const context = new av.CodecContext();
  context.allocContext3(implementation);
  try {
    configure(context);
    setOptions(context, options);
    check(await openCodec(context, implementation), `opening the ${title} encoder`);
    return context;
  } catch (thrown) {
    context.freeContext();
    throw thrown;
  }
}
