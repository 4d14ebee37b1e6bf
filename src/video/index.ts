export { LiveDecoder } from './decoder.ts';
export { GrayEncoder } from './gray-encoder.ts';
export { LayoutEncoder, type Shades, shadesOf } from './layout-encoder.ts';
export type { LiveEncoderOptions } from './live-encoder.ts';
export { callOnThisThread } from './native.ts';
export { Picture } from './picture.ts';
export { rawPicture, rgbaPicture } from './raw-picture.ts';
export { InputScaler } from './scaler.ts';
export type { EncodedFrame, VideoCodec } from './types.ts';
