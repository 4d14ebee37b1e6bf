"""What single frames are put through while training, so that depth is read from things and not from where renderers and photographers
put them: pictures before pictures, marks that mean nothing, turned and stretched cameras. In place; image float32 [N,3,H,W] (network
input), truth float32 [N,1,H,W] (disparity). rng: numpy's."""
import cv2
import numpy as np

from .network import IMAGE_MEAN, IMAGE_STD

FRONT_SHARE = (0.04, 0.6)  # of a picture that another may cover; otherwise it is left alone
FRONT_SCALE = (0.2, 5)  # of the other's disparity
TILT, MOST_TILT = np.radians(9), np.radians(20)
STRETCH = 0.2  # of the logarithm of a picture's aspect
MARKS = (0.05, 0.35)  # of the logarithm of light, for each deviation of the photograph


def composite(rng, image, truth, share):
    """Puts what is near in another picture before this one: at each pixel the nearer surface is seen. Things then stand where no
    scene would have them, some of them mirrored, before and behind what they never meet; the truth stays exact."""
    count = len(truth)
    if count < 2:
        return
    images, truths = image.copy(), truth[:, 0].copy()
    for i in np.flatnonzero(rng.random(count) < share):
        j = (i + rng.integers(1, count)) % count
        front, disparity = images[j], truths[j]
        if rng.random() < 0.5:
            front, disparity = front[:, :, ::-1], disparity[:, ::-1]
        theirs = np.quantile(disparity[::4, ::4], rng.uniform(0.5, 0.95))
        ours = np.quantile(truths[i][::4, ::4], rng.uniform(0.4, 1.0))
        if min(theirs, ours) < 1e-3:  # mostly sky
            continue
        moved = disparity * np.float32(np.clip(ours / theirs, *FRONT_SCALE))
        nearer = moved > truths[i]
        if FRONT_SHARE[0] < nearer.mean() < FRONT_SHARE[1]:
            image[i] = np.where(nearer, front, image[i])
            truth[i, 0] = np.where(nearer, moved, truths[i])


def overlay(rng, image, textures, share):
    """Darkens and lightens by photographs (uint8 RGB [count,S,S,3]): marks and patterns that say nothing of depth."""
    height, width = image.shape[2:]
    size = textures.shape[1]
    for i in np.flatnonzero(rng.random(len(image)) < share):
        side = int(size * rng.uniform(0.35, 1))
        top, left = rng.integers(0, size - side + 1, 2)
        crop = textures[rng.integers(len(textures)), top:top + side, left:left + side]
        marks = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        if rng.random() < 0.6:
            marks = marks.mean(2, keepdims=True)
        marks = np.clip((marks - marks.mean((0, 1))) / (marks.std((0, 1)) + 4), -2.5, 2.5).transpose(2, 0, 1)
        if rng.random() < 0.5:
            marks = marks[:, ::-1]
        light = image[i] * np.float32(IMAGE_STD) + np.float32(IMAGE_MEAN)
        light = np.clip(light * np.exp(np.float32(rng.uniform(*MARKS)) * marks), 0, 1)
        image[i] = (light - np.float32(IMAGE_MEAN)) / np.float32(IMAGE_STD)


def warp(rng, image, truth, share):
    """Turns cameras about their axis and stretches pictures, enlarged until nothing from outside shows. Disparity is along that axis,
    which stays, so it goes with its pixels."""
    height, width = image.shape[2:]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    for i in np.flatnonzero(rng.random(len(image)) < share):
        angle = np.clip(rng.normal(0, TILT), -MOST_TILT, MOST_TILT)
        stretch = np.exp(rng.uniform(-STRETCH, STRETCH))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        towards = turn @ np.diag([stretch ** 0.5, stretch ** -0.5])
        towards /= max(1.0, *(np.abs(towards) @ centre / centre))
        matrix = np.concatenate([towards, (centre - towards @ centre)[:, None]], 1)

        def warped(x, flags):
            return cv2.warpAffine(x, matrix, (width, height), flags=flags | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
        image[i] = warped(image[i].transpose(1, 2, 0), cv2.INTER_LINEAR).transpose(2, 0, 1)
        truth[i, 0] = warped(truth[i, 0], cv2.INTER_NEAREST)
