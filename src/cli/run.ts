import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONFIG, integer } from './options.ts';
import type { RunOptions } from './run-action.ts';
import { deviceOption, modelOption, SettingOption, settingsOf, threadsOption } from './setting-option.ts';

// What the command does is loaded when it runs: help need not wait for a network's runtime.

const AFTER = `
INPUT is a video file, a folder or glob of images, a URL (http, https, rtsp, ...), - for a video on standard
input, or scene:NAME, scene:NAME@640x480 for a synthetic scene.

Written to --out, named after the input:
  NAME_vis.mp4     depth as colour, near bright, at the size and frame rate of the input
  NAME_src.mp4     the frames that depth was made of
  NAME_depths.json what the files are: model, unit, sizes, frames, epochs
and where asked for NAME_depths.npz, NAME_depths_exr/, NAME_depths_png16/, NAME_side.mp4, NAME_stacked.mp4,
NAME_points/, NAME_depths.mcap (docs/files.md).

Examples:
  depthcast run street.mp4 --out depth
  depthcast run street.mp4 --out depth --encoder vits --save-npz --side-by-side
  depthcast run frames/ --fps 24 --out depth --save-exr
  depthcast run 'frames/*.jpg' --out depth --metric --encoder vits --save-png16
  depthcast run rtsp://camera.local/stream --out depth --max-len 900
  ffmpeg -i in.avi -f yuv4mpegpipe - | depthcast run - --out depth
  depthcast run scene:street --out depth --max-len 120
  depthcast run walk.mp4 --out depth --anchors walk.json --hfov 68 --save-ply 0-300/30

Exit status:
  0    all frames were processed
  1    an error; what was done until then is kept
  2    done, but the input was damaged, cut short or stalled; what could be read is written
  130  stopped by Ctrl-C (143: SIGTERM); what was done plays and loads, and --resume continues it`;

export function runCommand(): Command {
  return new Command('run')
    .description('depth of a video file, images or a stream, as video and as numbers')
    .argument('<input>', 'file, folder, glob, URL, - or scene:NAME')
    .requiredOption('-o, --out <folder>', 'where results go')
    .option('-c, --config <file>', `settings (default: ${DEFAULT_CONFIG}, where it exists)`)
    .addOption(modelOption())
    .addOption(new Option('--encoder <name>', 'Video Depth Anything of this size').choices(['vits', 'vitb', 'vitl']))
    .option('--metric', 'metres: the metric model of --encoder, or the checkpoint of --model gives them')
    .addOption(
      new Option('--mode <mode>', 'frame by frame, or in windows of 32 frames')
        .choices(['streaming', 'offline'])
        .default('streaming'),
    )
    .option('--input-size <pixels>', 'network size (default: 518; of other models their own)', integer(16, 4096))
    .option('--max-res <pixels>', 'longest side of what is written; -1: any', orMinusOne(16, 16384), 1280)
    .option('--max-len <frames>', 'most frames of the result; -1: all', orMinusOne(1, 2 ** 31), -1)
    .option('--target-fps <number>', 'take every n-th frame, to about this rate; -1: all', rate, -1)
    .option('--fps <number>', 'frame rate of images and scenes', rate, 30)
    .addOption(
      new SettingOption('depth.precision', '--fp32', 'arithmetic in 32 bits, whatever the settings say', {
        value: 'fp32',
      }),
    )
    .addOption(deviceOption())
    .addOption(threadsOption('of the network'))
    .addOption(
      new SettingOption('depth.sceneCuts', '--no-scene-cuts', 'do not start anew at scene cuts (streaming)', {
        value: false,
      }),
    )
    .option('--grayscale', 'gray instead of inferno')
    .option('--save-npz', 'NAME_depths.npz: key depths, float32 [N,H,W]')
    .option('--save-exr', 'NAME_depths_exr/00000.exr, ...: one float channel')
    .option('--save-png16', 'NAME_depths_png16/00000.png, ...: 16 bits, with frames.csv')
    .option('--side-by-side', 'NAME_side.mp4: source and depth')
    .addOption(
      new Option(
        '--layout <name>',
        'source and depth in one video: NAME_side.mp4, or NAME_stacked.mp4, depth below',
      ).choices(['side-by-side', 'stacked']),
    )
    .addOption(
      new SettingOption('output.upsampling', '--upsampling <name>', 'enlarge depth along the edges of its picture'),
    )
    .option('--anchors <file>', 'metres of known places: JSON of {x, y, metres} with frame or time (docs/files.md)')
    .option(
      '--hfov <degrees>',
      'field of view across the picture (default: depth.camera, EXIF, or 65 of the longer side)',
      degrees,
    )
    .option('--save-ply <frames>', 'NAME_points/00000.ply, ...: coloured points of frames 0,30,60-90, 0-300/30 or all')
    .option('--save-glb <frames>', 'NAME_points/00000.glb, ...: the same as a glTF mesh')
    .option('--mcap [file]', 'NAME_depths.mcap, or this file: ROS 2 messages, for Foxglove and rosbag', mcapFile)
    .option('--timeout <seconds>', 'a network source that is silent for this long has stalled', integer(1, 3600), 10)
    .option('--force', 'replace what is there')
    .option('--resume', 'go on where an earlier run ended')
    .option('--json', 'one JSON object a line: start, progress, warning, done')
    .addHelpText('after', AFTER)
    .action(async (input: string, options: RunOptions, command: Command) =>
      (await import('./run-action.ts')).run(input, options, settingsOf(command)),
    );
}

function orMinusOne(min: number, max: number) {
  const parse = integer(min, max);
  return (text: string): number => (text === '-1' ? -1 : parse(text));
}

/** What follows the option may be the input, where no file was meant. */
function mcapFile(text: string): string {
  if (text.endsWith('.mcap')) return text;
  throw new InvalidArgumentError('a file that ends in .mcap is expected, or none: then another option follows.');
}

function degrees(text: string): number {
  const value = Number(text);
  if (value >= 1 && value <= 179) return value;
  throw new InvalidArgumentError('degrees from 1 to 179 are expected.');
}

function rate(text: string): number {
  const value = Number(text);
  if (text === '-1' || (value > 0 && value <= 1000)) return value;
  throw new InvalidArgumentError('a number above 0, at most 1000, is expected.');
}
