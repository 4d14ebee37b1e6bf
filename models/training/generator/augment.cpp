// From rendered clips to training input: crop and scale, then what cameras and codecs do to an image.
// Exposed to Python as augment_clips().
#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>
#include "image.h"
#include "random.h"
#include "sensor.h"

namespace {

using std::max, std::min, std::vector;
constexpr float kMean = 0.45f, kStd = 0.25f;
constexpr float kPi = 3.14159265f;
constexpr float kSensorShare = 0.4f;  // of the noisy clips: the noise of a small sensor instead of an even one

float clamp01(float v) { return min(max(v, 0.f), 1.f); }

// What one clip's camera and codec do. Drawn once a clip; noise, exposure flicker and shake are drawn again each frame.
struct Recipe {
  bool degrade, mirrored, reversed, frozen, autoExposure;
  float exposure, exposureTarget, gamma, contrast, brightness, saturation, red, blue, flicker, drift, driftPhase;
  float veil, veilLevel, vignette, lowResolution, blurX, blurY, sharpen, noise, shotNoise, noiseSigma, shake;
  int quality;
  bool smallSensor = false;
  Sensor sensor{};

  // strength 0: geometry only; 1: full
  Recipe(Random& r, float strength, bool clip) {
    degrade = strength > 0;
    mirrored = r.chance(0.5f);
    reversed = r.chance(0.3f);
    frozen = clip && r.chance(0.12f);
    autoExposure = r.chance(0.8f);
    exposureTarget = 0.42f * std::exp(r.normal() * 0.22f);
    exposure = std::exp(r.normal() * 0.28f);
    gamma = std::exp(r.normal() * 0.2f);
    contrast = 1 + r.normal() * 0.2f;
    brightness = r.normal() * 0.04f;
    saturation = r.chance(0.06f) ? 0 : r.uniform(0.3f, 1.5f);
    red = std::exp(r.normal() * 0.1f);
    blue = std::exp(r.normal() * 0.13f);
    flicker = r.chance(0.5f) ? r.uniform(0, 0.04f) : 0;
    drift = r.chance(0.3f) ? r.uniform(0, 0.2f) : 0;
    driftPhase = r.uniform(0, 2 * kPi);
    bool strong = r.chance(strength);
    veil = strong && r.chance(0.1f) ? r.uniform(0, 0.5f) : 0;
    veilLevel = r.uniform(0.4f, 1);
    vignette = strong && r.chance(0.3f) ? r.uniform(0, 0.6f) : 0;
    lowResolution = strong && r.chance(0.12f) ? r.uniform(1.3f, 2.2f) : 0;
    blurX = blurY = strong && r.chance(0.3f) ? r.uniform(0, 1) : 0;
    if (strong && r.chance(0.06f)) blurX += r.uniform(0, 1.8f);
    else if (strong && r.chance(0.06f)) blurY += r.uniform(0, 1.8f);
    sharpen = strong && blurX < 0.2f && r.chance(0.25f) ? r.uniform(0, 0.8f) : 0;
    noise = strong && r.chance(0.6f) ? r.logUniform(0.003f, 0.03f) : 0;
    shotNoise = strong && r.chance(0.3f) ? r.logUniform(0.005f, 0.04f) : 0;
    noiseSigma = r.chance(0.4f) ? r.uniform(0.3f, 1.2f) : 0;
    quality = strong && r.chance(0.3f) ? int(r.logUniform(18, 80)) : 0;
    shake = clip && r.chance(0.4f) ? r.uniform(0, 0.006f) : 0;
    if (frozen) { shake *= 0.3f; noise = max(noise, 0.004f); }
    Random apart(Random(r).bits());  // leaves the crops that follow as they are
    smallSensor = noise + shotNoise > 0 && apart.chance(kSensorShare);
    sensor.shot = apart.logUniform(0.008f, 0.06f);
    sensor.read = apart.logUniform(0.0007f, 0.008f);
  }
};

void tone(Image& image, const Recipe& q, float exposure, float mean) {
  constexpr int kSteps = 1024;
  static thread_local vector<float> curve(kSteps + 1);
  for (int i = 0; i <= kSteps; i++) curve[i] = std::pow(2.f * i / kSteps, q.gamma);
  auto map = [&](float v) { return curve[int(min(max(v, 0.f), 1.999f) * (kSteps / 2))]; };
  float pivot = mean * exposure;
  for (size_t i = 0; i < image.data.size(); i += 3) {
    float* p = &image.data[i];
    float r = map(p[0] * q.red * exposure), g = map(p[1] * exposure), b = map(p[2] * q.blue * exposure);
    float luma = 0.3f * r + 0.59f * g + 0.11f * b;
    float c[3] = {r, g, b};
    for (int k = 0; k < 3; k++) {
      float v = luma + (c[k] - luma) * q.saturation;
      v = (v - pivot) * q.contrast + pivot + q.brightness;
      p[k] = v * (1 - q.veil) + q.veilLevel * q.veil;
    }
  }
}

void vignette(Image& image, float amount) {
  for (int y = 0; y < image.height; y++)
    for (int x = 0; x < image.width; x++) {
      float dx = 2.f * x / image.width - 1, dy = 2.f * y / image.height - 1;
      float gain = 1 - amount * 0.5f * (dx * dx + dy * dy);
      for (int c = 0; c < 3; c++) image.at(x, y)[c] *= gain;
    }
}

void addNoise(Image& image, const Recipe& q, Random& r, Image& field, Image& scratch) {
  field.resize(image.width, image.height);
  size_t n = field.data.size();
  for (size_t i = 0; i < n; i += 2) {  // sums of two uniforms: unit variance, two a draw
    uint64_t h = r.bits();
    field.data[i] = (int(h & 0xffff) + int((h >> 16) & 0xffff) - 65535) * (1 / 26755.f);
    if (i + 1 < n) field.data[i + 1] = (int((h >> 32) & 0xffff) + int((h >> 48) & 0xffff) - 65535) * (1 / 26755.f);
  }
  float gain = 1;
  if (q.noiseSigma > 0) {
    blur(field, q.noiseSigma, q.noiseSigma, scratch);
    gain = 1 + 1.5f * q.noiseSigma;
  }
  float read = q.noise * gain, shot = q.shotNoise * gain;
  for (size_t i = 0; i < n; i++) image.data[i] += field.data[i] * (read + shot * std::sqrt(clamp01(image.data[i])) * 0.7f);
}

struct Clip { const uint8_t* rgb; const uint16_t* disparity; };

void augmentClip(Clip clip, Clip other, int cut, int frames, int size, int take, int width, int height, Random r,
                 float strength, float* image, float* disparity, float* crop) {
  Recipe q(r, strength, take > 1);
  int firstFrame = r.below(frames - take + 1);
  float aspect = float(width) / height * r.uniform(0.88f, 1.14f), zoom = r.uniform(0.62f, 1.f);
  float cropHeight = min(float(size), size / aspect) * zoom, cropWidth = min(float(size), cropHeight * aspect);
  if (crop) crop[0] = cropWidth, crop[1] = cropHeight;
  float left = (size - cropWidth) * r.unit(), top = (size - cropHeight) * r.unit();
  Image im, scratch, other2;
  for (int f = 0; f < take; f++) {
    const Clip& from = f < cut ? other : clip;
    int step = q.frozen ? 0 : (q.reversed ? take - 1 - f : f);
    const uint8_t* source = from.rgb + size_t(firstFrame + step) * size * size * 3;
    const _Float16* depth = reinterpret_cast<const _Float16*>(from.disparity) + size_t(firstFrame + step) * size * size;
    float x0 = left + r.normal() * q.shake * size, y0 = top + r.normal() * q.shake * size;
    x0 = min(max(x0, 0.f), size - cropWidth);
    y0 = min(max(y0, 0.f), size - cropHeight);
    resample(source, size, 1 / 255.f, resampling(size, width, x0, cropWidth, q.mirrored),
             resampling(size, height, y0, cropHeight, false), im);
    float* d = disparity + size_t(f) * width * height;
    for (int y = 0; y < height; y++) {
      int sy = min(size - 1, max(0, int(y0 + (y + 0.5f) * cropHeight / height)));
      for (int x = 0; x < width; x++) {
        int ox = q.mirrored ? width - 1 - x : x;
        int sx = min(size - 1, max(0, int(x0 + (ox + 0.5f) * cropWidth / width)));
        d[y * width + x] = float(depth[sy * size + sx]);
      }
    }
    if (q.degrade) {
      float mean = 0;
      size_t count = 0;
      for (size_t i = 1; i < im.data.size(); i += 15, count++) mean += im.data[i];
      mean /= count;
      if (q.autoExposure && (f == 0 || f == cut)) q.exposure = min(max(q.exposureTarget / max(mean, 0.02f), 0.5f), 4.f);
      tone(im, q, q.exposure * (1 + q.flicker * r.normal() + q.drift * std::sin(q.driftPhase + 0.5f * f)), mean);
      if (q.vignette > 0) vignette(im, q.vignette);
      if (q.smallSensor) sensorNoise(im, q.sensor.amplified(max(q.exposure, 1.f)), r);
      if (q.lowResolution > 0) {
        rescale(im, max(8, int(width / q.lowResolution)), max(8, int(height / q.lowResolution)), other2);
        rescale(other2, width, height, im);
      }
      blur(im, q.blurX, q.blurY, scratch);
      if (q.sharpen > 0) {
        other2 = im;
        blur(other2, 0.8f, 0.8f, scratch);
        for (size_t i = 0; i < im.data.size(); i++) im.data[i] += q.sharpen * (im.data[i] - other2.data[i]);
      }
      if (!q.smallSensor && q.noise + q.shotNoise > 0) addNoise(im, q, r, other2, scratch);
      for (float& v : im.data) v = clamp01(v);
      if (q.quality) blockCode(im, q.quality);
    }
    float* out = image + size_t(f) * 3 * width * height;
    for (int c = 0; c < 3; c++)
      for (int i = 0; i < width * height; i++) out[c * width * height + i] = (clamp01(im.data[i * 3 + c]) - kMean) / kStd;
  }
}

}  // namespace

// For each of `count` clips: `take` frames of rgb [frames,size,size,3] and half-precision disparity [frames,size,size] become
// image [take,3,height,width] (normalised) and disparity [take,height,width]. Frames before cuts[i] come from the clip `others`.
// crops (may be null): width and height in pixels of `size` of what was enlarged to the image, a pair a clip.
extern "C" void augment_clips(const uint8_t* const* rgb, const uint16_t* const* disparity, const uint8_t* const* otherRgb,
                              const uint16_t* const* otherDisparity, const int32_t* cuts, int count, int frames, int size,
                              int take, int width, int height, uint64_t seed, float strength, int threads, float* image,
                              float* outDisparity, float* crops) {
  std::atomic<int> next(0);
  auto work = [&] {
    for (int i; (i = next++) < count;)
      augmentClip({rgb[i], disparity[i]}, {otherRgb[i], otherDisparity[i]}, cuts[i], frames, size, take, width, height,
                  Random(seed * 1000003 + i), strength, image + size_t(i) * take * 3 * width * height,
                  outDisparity + size_t(i) * take * width * height, crops ? crops + i * 2 : nullptr);
  };
  vector<std::thread> pool;
  for (int i = 1; i < threads; i++) pool.emplace_back(work);
  work();
  for (auto& t : pool) t.join();
}
