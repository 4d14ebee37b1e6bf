"""Write the eight-bit form of a streaming graph: its convolutions, its linear layers and what lies between them in integers.

Usage: python3 -m depthtrain.quantise IN.onnx OUT.onnx --clips DIR [--focal PIXELS]

Weights have a scale for each output channel, activations one range each, taken from what streams of rendered clips make of it
(--clips: shards of the generator, of which the first is not read). Float stay: the stem and the first block of the encoder, whose
channels differ so much that they alone would be more than half of the error; a skip of so few channels that integers are slower;
the last convolution, whose output is depth; and what attention does with its keys. Beside OUT.onnx, OUT.reference is written: what the
float graph makes of the picture on which a server tries networks, for it to tell whether a CPU computes what it should.
"""
import argparse
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .evaluate import run
from .export import EMPTY
from .network import WINDOW
from .pool import VALIDATION_SHARD, read_shard, shard_number, shard_paths
from .sequences import network_input

INTEGER = ('Conv', 'Clip', 'Relu', 'Resize', 'Concat', 'Add', 'Gemm', 'MatMul')
FLOAT = re.compile(r'(^|/)(encoder/stem|encoder/blocks\.0|skip1|out)([./_]|$)')
REFERENCE_WIDTH, REFERENCE_HEIGHT = 160, 128  # src/depth/engines/reference.ts
ASSUMED_DEGREES = 65  # across, of a camera that nobody knows: src/protocol/camera.ts
SIZES = ((256, 192), (256, 160), (192, 256), (160, 128), (320, 256))
CLIPS_A_SIZE = 5
FRAMES = (0, 1, 4, 9)  # of each clip, that are calibrated on; the others fill the memory
STREAMS = 12  # that the file is checked on
LARGEST_ERROR = 0.03  # mean absolute difference over the deviation of the map: a third of what a server lets pass


def clips_of(folder, count, skip=0):
    """`count` clips, uint8 [frames,S,S,3], behind the first `skip`; never of the validation shard."""
    for path in shard_paths(folder):
        if shard_number(path) == VALIDATION_SHARD:
            continue
        for clip in read_shard(path)[0]:
            skip -= 1
            if skip < 0:
                yield clip
                count -= 1
                if count == 0:
                    return
    raise SystemExit(f'{folder} has too few clips')


def fit(frame, width, height):
    """Network input of the middle of a square frame, in the shape of width x height."""
    side = frame.shape[0]
    w, h = (side, round(side * height / width)) if width >= height else (round(side * width / height), side)
    left, top = (side - w) // 2, (side - h) // 2
    return network_input(cv2.resize(frame[top:top + h, left:left + w], (width, height), interpolation=cv2.INTER_LINEAR), width, height)


def streamed(session, images, focal):
    """What a server feeds the graph for each frame of a stream: one dict of inputs after the other."""
    height, width = images[0].shape[1:]
    sizes = {'N32': (width // 32) * (height // 32), 'N16': (width // 16) * (height // 16)}
    caches = {i.name: np.zeros([sizes.get(d, d) for d in i.shape], np.float32) for i in session.get_inputs() if re.fullmatch(r'c\d', i.name)}
    mask = np.full(WINDOW + 1, EMPTY, np.float32)
    mask[-1] = 0
    names = [o.name for o in session.get_outputs()]
    for frame, image in enumerate(images):
        slots = np.array([(frame - 1 - slot) % WINDOW + 1 for slot in range(WINDOW)] + [0], np.int64)
        feed = {'image': image[None], 'slots': slots, 'mask': mask.copy(), **{name: cache.copy() for name, cache in caches.items()}}
        if any(i.name == 'focal' for i in session.get_inputs()):
            feed['focal'] = np.full(2, focal * width / 256, np.float32)
        yield feed
        outputs = dict(zip(names, session.run(names, feed)))
        for name, cache in caches.items():
            cache[:, frame % WINDOW] = outputs[f'h{name[1:]}'][:, 0]
        mask[frame % WINDOW] = 0


class Reader(CalibrationDataReader):
    def __init__(self, model, folder, focal):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
        self.feeds = self.walk(session, folder, focal)

    @staticmethod
    def walk(session, folder, focal):
        clips = clips_of(folder, CLIPS_A_SIZE * len(SIZES))
        for index, clip in enumerate(clips):
            width, height = SIZES[index % len(SIZES)]
            images = [fit(frame, width, height) for frame in clip[:max(FRAMES) + 1]]
            for number, feed in enumerate(streamed(session, images, focal)):
                if number in FRAMES:
                    yield feed

    def get_next(self):
        return next(self.feeds, None)


def quantise(source, out, folder, focal):
    with tempfile.TemporaryDirectory() as scratch:
        prepared = str(Path(scratch) / 'prepared.onnx')
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        kept = [node.name for node in graph.node if node.op_type in INTEGER and not integer(node, graph)]
        quantize_static(prepared, out, Reader(source, folder, focal), quant_format=QuantFormat.QDQ, op_types_to_quantize=list(INTEGER),
                        nodes_to_exclude=kept, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                        calibrate_method=CalibrationMethod.MinMax)
    model = onnx.load(out)
    share_scalars(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, out)


def share_scalars(graph):
    """One tensor for all scalars of one value: bounds of activations, which the runtime makes part of quantising, and warns of."""
    for node in [node for node in graph.node if node.op_type == 'Constant']:
        tensor = onnx.TensorProto()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
        graph.node.remove(node)
    kept, renamed = {}, {}
    for tensor in graph.initializer:
        value = onnx.numpy_helper.to_array(tensor)
        key = (tensor.data_type, value.tobytes()) if value.shape == () else tensor.name
        renamed[tensor.name] = kept.setdefault(key, tensor).name
    wanted = list(kept.values())
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    del graph.initializer[:]
    graph.initializer.extend(wanted)


def integer(node, graph):
    """Whether a node is computed in integers."""
    if FLOAT.search(node.name):
        return False
    if node.op_type in ('Gemm', 'MatMul'):
        return any(tensor.name == node.input[1] for tensor in graph.initializer)
    if node.op_type != 'Add':
        return True
    # Sums of two maps (residuals, skips); those of attention are of tokens, and behind no convolutions
    makers = [other for other in graph.node if set(other.output) & set(node.input)]
    return any(maker.op_type in ('Conv', 'Resize') for maker in makers)


def trial_picture():
    """As src/depth/engines/trial.ts has it: [1,3,h,w]."""
    width, height = REFERENCE_WIDTH, REFERENCE_HEIGHT
    y, x = np.mgrid[0:height, 0:width]
    disc = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2, 1.2, -0.8)
    return np.repeat((disc + y / height + 0.3 * np.sin(0.7 * x) * np.cos(0.4 * y))[None, None], 3, 1).astype(np.float32)


def error_of(source, out, folder, focal):
    """Mean absolute difference of both files' maps over the deviation of the float one's, of streams that were not calibrated on."""
    errors = []
    for index, clip in enumerate(clips_of(folder, STREAMS, skip=CLIPS_A_SIZE * len(SIZES))):
        width, height = SIZES[index % len(SIZES)]
        images = np.stack([fit(frame, width, height) for frame in clip])
        exact, _ = run(source, images, focal=focal and [focal * width / 256] * 2)
        rounded, _ = run(out, images, focal=focal and [focal * width / 256] * 2)
        errors.append(np.abs(exact - rounded).mean((1, 2)) / exact.std((1, 2)))
    return np.concatenate(errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source')
    parser.add_argument('out')
    parser.add_argument('--clips', required=True)
    parser.add_argument('--focal', type=float, help='of a network in metres: pixels of an input 256 wide')
    options = parser.parse_args()
    quantise(options.source, options.out, options.clips, options.focal)
    # The focal length that a server assumes: src/depth/focal.ts
    assumed = options.focal and [REFERENCE_WIDTH / (2 * np.tan(np.radians(ASSUMED_DEGREES / 2)))] * 2
    reference, _ = run(options.source, trial_picture(), focal=assumed)
    reference.astype('<f4').tofile(re.sub(r'\.onnx$', '', options.out) + '.reference')
    errors = error_of(options.source, options.out, options.clips, options.focal)
    size = Path(options.out).stat().st_size / 1e6
    print(f'{options.out}: {size:.1f} MB; of {len(errors)} frames the maps differ by {100 * errors.mean():.2f} % of their spread, at most {100 * errors.max():.2f} %')
    if errors.mean() > LARGEST_ERROR:
        raise SystemExit(f'a mean of more than {100 * LARGEST_ERROR:.0f} % is too much')


if __name__ == '__main__':
    main()
