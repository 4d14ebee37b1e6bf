"""What live senders do to pictures before a server sees them: a small sensor with automatic exposure, then H.264 or VP8 at a low rate,
by the real encoders (PyAV), set as live senders set them. Pictures stay aligned with their depth to the pixel.

The order is a camera's: exposure and sensor noise, then the encoder, which smears or spends its bits on that noise. What the
augmenter adds while training (colour, blur, noise, shake) comes on top of what was decoded.
"""
import ctypes
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np

from .pool import pointer

CODECS = {'libx264': 'h264', 'libvpx': 'vp8'}  # encoder: decoder
BITS_PER_PIXEL = (0.02, 0.2)  # 640x480 at 15 frames/s: 90 to 900 kbit/s; 1280x720 at 30: 550 kbit/s and up
ENLARGED = (1.0, 1.25, 1.5, 2.0)  # the sender's picture against ours: servers scale pictures down
ENLARGED_SHARES = (0.4, 0.2, 0.2, 0.2)
FRAME_RATES = (10, 15, 24, 30)
INTRA_SHARE = 0.25  # of single pictures: a lone key frame; the rest end a short video
HELD_SHARE = 0.5  # of those videos: of a camera that stands still; the others move a little
LONGEST_LEAD = 6  # frames sent before those that count, so that these are rarely key frames
KEY_SHARE = 0.15  # of the clips: somewhere in them a key frame is asked for, as after lost packets
SENSOR_SHARE = 0.8
METERED_SHARE = 0.3  # exposure that has still to settle
WELL_LIT = 0.15  # mean linear light of a picture that needs no amplification


@dataclass(frozen=True)
class Sender:
    codec: str
    frame_rate: Fraction
    bits_per_second: int
    enlarged: float
    options: dict = field(default_factory=dict)


def draw_sender(rng, size, interval):
    """interval: seconds between our frames. A server sees few of a sender's frames; the bits of those between are spent on ours."""
    codec = list(CODECS)[rng.integers(len(CODECS))]
    sent = int(rng.choice(FRAME_RATES))
    low, high = BITS_PER_PIXEL
    enlarged = float(rng.choice(ENLARGED, p=ENLARGED_SHARES))
    bits = int(low * (high / low) ** rng.random() * (size * enlarged) ** 2 * sent)
    buffered = int(bits * rng.uniform(0.4, 1))
    if codec == 'libx264':
        # Without a lookahead or B frames; key frames on request alone, or a refresh that wanders over the picture
        options = {'preset': str(rng.choice(['ultrafast', 'superfast', 'veryfast'])), 'tune': 'zerolatency', 'profile': 'baseline',
                   'maxrate': str(bits), 'bufsize': str(buffered), 'qmax': '45',
                   'x264-params': 'scenecut=0:' + ('intra-refresh=1:keyint=60' if rng.random() < 0.3 else 'keyint=infinite')}
    else:
        # As browsers' WebRTC sets it: constant rate, realtime, key frames on request alone; a negative speed is kept, where a positive
        # one adapts to the machine's load
        options = {'deadline': 'realtime', 'cpu-used': str(-rng.integers(4, 13)), 'lag-in-frames': '0', 'minrate': str(bits),
                   'maxrate': str(bits), 'bufsize': str(buffered), 'qmin': '2', 'qmax': '56', 'max-intra-rate': '600',
                   'undershoot-pct': '100', 'overshoot-pct': '15', 'static-thresh': '1', 'g': '9999',
                   'noise-sensitivity': str(rng.integers(0, 2))}
    return Sender(codec, min(Fraction(sent), Fraction(1 / interval).limit_denominator(1000)), bits, enlarged, options)


def transmit(frames, sender, keys=()):
    """uint8 RGB [frames,S,S,3] -> the same, encoded and decoded; key frames are forced at `keys`. RuntimeError where the decoder gives
    another number of pictures than the encoder took."""
    size = frames.shape[1]
    sent = 2 * round(size * sender.enlarged / 2)
    encoder = av.CodecContext.create(sender.codec, 'w')
    encoder.width = encoder.height = sent
    encoder.pix_fmt = 'yuv420p'
    encoder.framerate, encoder.time_base = sender.frame_rate, 1 / sender.frame_rate
    encoder.bit_rate = sender.bits_per_second
    encoder.thread_count = 1
    encoder.options = sender.options
    decoder = av.CodecContext.create(CODECS[sender.codec], 'r')
    decoder.thread_count = 1
    packets = []
    for number, image in enumerate(frames):
        if sent != size:
            image = cv2.resize(image, (sent, sent), interpolation=cv2.INTER_CUBIC)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24').reformat(format='yuv420p')
        frame.pts, frame.time_base = number, encoder.time_base
        if number in keys:
            frame.pict_type = av.video.frame.PictureType.I
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [picture for packet in packets + [None] for picture in decoder.decode(packet)]
    if len(decoded) != len(frames):
        raise RuntimeError(f'{sender.codec}: {len(frames)} pictures sent, {len(decoded)} decoded')
    images = [picture.to_ndarray(format='rgb24') for picture in decoded]
    if sent != size:
        images = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(images)


def light(frames):
    """Mean linear light of each picture, nearly."""
    return ((frames[:, ::4, ::4].astype(np.float32) / 255) ** 2.2).mean((1, 2, 3))


def metered(lights, interval, rng):
    """Gains of an automatic exposure that starts wrong and follows the picture's mean with a delay."""
    target = lights[0] * np.exp(0.15 * rng.standard_normal())
    gain = np.exp(0.5 * rng.standard_normal())
    follow = 1 - np.exp(-interval / (0.1 * 10 ** rng.random()))
    gains = []
    for value in lights:
        gain += follow * (target / max(value, 1e-3) - gain)
        gains.append(gain)
    return np.clip(gains, 0.4, 2.5)


def capture(library, frames, interval, rng):
    """Exposure and sensor noise, in place."""
    lights = light(frames)
    gains = metered(lights, interval, rng) if rng.random() < METERED_SHARE else np.ones(len(frames))
    gains = np.ascontiguousarray(gains, np.float32)
    dark = np.clip(WELL_LIT / max(lights[0], 1e-3), 0.5, 8)  # what the camera has amplified the picture by already
    shot, read = 0.006 * 8 ** rng.random() * dark ** 0.5, 0.0004 * 10 ** rng.random() * dark
    if rng.random() >= SENSOR_SHARE:
        shot, read = 0.001, 0.0001
    library.capture_frames(pointer(frames), len(frames), frames.shape[1], frames.shape[2], pointer(gains), ctypes.c_float(shot),
                           ctypes.c_float(read), ctypes.c_uint64(int(rng.integers(1 << 40))))


def lead_in(image, rng):
    """A single picture's short past, oldest first, and the picture itself: [frames,S,S,3]."""
    count = int(rng.integers(1, LONGEST_LEAD + 1))
    if rng.random() < HELD_SHARE:
        return np.repeat(image[None], count + 1, 0)
    step, shake = rng.standard_normal(2) * 1.5, 0.5
    past = []
    for age in range(count, 0, -1):
        x, y = step * age + shake * rng.standard_normal(2)
        past.append(cv2.warpAffine(image, np.float32([[1, 0, x], [0, 1, y]]), image.shape[1::-1], flags=cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_REFLECT))
    return np.stack(past + [image])


def send(library, clip, interval, rng):
    """One clip uint8 RGB [frames,S,S,3] -> as a server would have it, and the Sender."""
    count, keys = len(clip), ()
    if count > 1:
        lead = int(rng.integers(0, min(LONGEST_LEAD, count - 1) + 1))
        video = np.concatenate([clip[lead:0:-1], clip])  # comes back from where it will go
        if rng.random() < KEY_SHARE:
            keys = (lead + int(rng.integers(count)),)
    else:
        video = clip.copy() if rng.random() < INTRA_SHARE else lead_in(clip[0], rng)
        interval = 1 / 15
    capture(library, video, interval, rng)
    sender = draw_sender(rng, clip.shape[1], interval)
    return transmit(video, sender, keys)[-count:], sender


def code(library, rgb, intervals, share, seed):
    """Sends a share of a shard's clips, rgb uint8 [clips,frames,S,S,3] (S even), in place. -> bool [clips]: which."""
    rng = np.random.default_rng([seed, 2])
    chosen = rng.random(len(rgb)) < share
    for index in np.flatnonzero(chosen):
        rgb[index] = send(library, rgb[index], float(intervals[index]), rng)[0]
    return chosen
