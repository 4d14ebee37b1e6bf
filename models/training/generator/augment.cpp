// From rendered clips to training input: crop and scale, then what cameras and codecs do to an image.
// Exposed to Python as augment_clips().
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>
#include "random.h"

namespace {

using std::max, std::min, std::vector;
constexpr float kMean = 0.45f, kStd = 0.25f;
constexpr float kPi = 3.14159265f;

float clamp01(float v) { return min(max(v, 0.f), 1.f); }

// An interleaved RGB float image
struct Image {
  int width = 0, height = 0;
  vector<float> data;
  void resize(int w, int h) { width = w; height = h; data.resize(size_t(w) * h * 3); }
  float* at(int x, int y) { return &data[(size_t(y) * width + x) * 3]; }
  const float* at(int x, int y) const { return &data[(size_t(y) * width + x) * 3]; }
};

// One output sample's source taps along an axis: a triangle as wide as the scale, so that shrinking does not alias
struct Taps { int first; vector<float> weights; };

vector<Taps> resampling(int from, int to, float start, float length, bool mirrored) {
  vector<Taps> taps(to);
  float scale = length / to, support = max(1.f, scale);
  for (int i = 0; i < to; i++) {
    int o = mirrored ? to - 1 - i : i;
    float centre = start + (o + 0.5f) * scale - 0.5f;
    int low = int(std::ceil(centre - support)), high = int(std::floor(centre + support));
    Taps& t = taps[i];
    t.first = min(max(low, 0), from - 1);
    int last = min(max(high, 0), from - 1);
    t.weights.assign(last - t.first + 1, 0.f);
    float total = 0;
    for (int k = low; k <= high; k++) {
      float w = max(0.f, 1 - std::fabs(k - centre) / support);
      t.weights[min(max(k, t.first), last) - t.first] += w;
      total += w;
    }
    for (float& w : t.weights) w /= total;
  }
  return taps;
}

template <class Source>
void resample(const Source* source, int sourceWidth, float unit, const vector<Taps>& columns, const vector<Taps>& rows, Image& out) {
  int width = int(columns.size()), height = int(rows.size());
  out.resize(width, height);
  vector<float> line(size_t(sourceWidth) * 3);
  for (int y = 0; y < height; y++) {
    std::fill(line.begin(), line.end(), 0.f);
    for (size_t k = 0; k < rows[y].weights.size(); k++) {
      const Source* row = source + size_t(rows[y].first + k) * sourceWidth * 3;
      float w = rows[y].weights[k] * unit;
      for (int i = 0; i < sourceWidth * 3; i++) line[i] += w * row[i];
    }
    float* o = out.at(0, y);
    for (int x = 0; x < width; x++, o += 3) {
      o[0] = o[1] = o[2] = 0;
      const float* p = &line[size_t(columns[x].first) * 3];
      for (float w : columns[x].weights) {
        o[0] += w * p[0]; o[1] += w * p[1]; o[2] += w * p[2];
        p += 3;
      }
    }
  }
}

void rescale(const Image& in, int width, int height, Image& out) {
  resample(in.data.data(), in.width, 1.f, resampling(in.width, width, 0, float(in.width), false),
           resampling(in.height, height, 0, float(in.height), false), out);
}

int gaussian(float sigma, float* kernel) {
  int radius = min(6, max(1, int(std::ceil(sigma * 2))));
  float total = 0;
  for (int i = -radius; i <= radius; i++) total += kernel[i + radius] = std::exp(-0.5f * i * i / (sigma * sigma));
  for (int i = 0; i <= 2 * radius; i++) kernel[i] /= total;
  return radius;
}

void blur(Image& image, float sigmaX, float sigmaY, Image& scratch) {
  float kernel[16];
  const int stride = image.width * 3;
  if (sigmaX > 0.2f) {
    int radius = gaussian(sigmaX, kernel);
    scratch.resize(image.width, image.height);
    for (int y = 0; y < image.height; y++)
      for (int x = 0; x < image.width; x++) {
        float* o = scratch.at(x, y);
        o[0] = o[1] = o[2] = 0;
        for (int i = -radius; i <= radius; i++) {
          const float* p = image.at(min(max(x + i, 0), image.width - 1), y);
          for (int c = 0; c < 3; c++) o[c] += kernel[i + radius] * p[c];
        }
      }
    std::swap(image.data, scratch.data);
  }
  if (sigmaY > 0.2f) {
    int radius = gaussian(sigmaY, kernel);
    scratch.resize(image.width, image.height);
    for (int y = 0; y < image.height; y++) {
      float* o = scratch.at(0, y);
      std::fill(o, o + stride, 0.f);
      for (int i = -radius; i <= radius; i++) {
        const float* p = image.at(0, min(max(y + i, 0), image.height - 1));
        for (int j = 0; j < stride; j++) o[j] += kernel[i + radius] * p[j];
      }
    }
    std::swap(image.data, scratch.data);
  }
}

// Block-transform coding loss: 8x8 DCT, JPEG's luma table (chroma twice as coarse), `quality` as libjpeg scales it
class BlockCoder {
 public:
  BlockCoder() {
    for (int k = 0; k < 8; k++)
      for (int n = 0; n < 8; n++) basis_[k][n] = (k ? 0.5f : 0.35355339f) * std::cos((2 * n + 1) * k * kPi / 16);
  }

  void degrade(Image& image, int quality) const {
    float scale = (quality < 50 ? 5000.f / quality : 200.f - 2 * quality) / 100;
    for (int by = 0; by + 8 <= image.height; by += 8)
      for (int bx = 0; bx + 8 <= image.width; bx += 8) {
        float planes[3][64];
        for (int i = 0; i < 64; i++) {
          const float* p = image.at(bx + i % 8, by + i / 8);
          float luma = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
          planes[0][i] = luma * 255 - 128;
          planes[1][i] = (p[2] - luma) * 0.564f * 255;
          planes[2][i] = (p[0] - luma) * 0.713f * 255;
        }
        for (int c = 0; c < 3; c++) quantise(planes[c], c ? 2 * scale : scale);
        for (int i = 0; i < 64; i++) {
          float* p = image.at(bx + i % 8, by + i / 8);
          float luma = (planes[0][i] + 128) / 255;
          p[0] = luma + planes[2][i] / (0.713f * 255);
          p[2] = luma + planes[1][i] / (0.564f * 255);
          p[1] = (luma - 0.299f * p[0] - 0.114f * p[2]) / 0.587f;
        }
      }
  }

 private:
  void quantise(float* block, float scale) const {
    static const int table[64] = {16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57,
                                  69, 56, 14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64,
                                  81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
    float half[64], frequency[64];
    for (int k = 0; k < 8; k++)
      for (int x = 0; x < 8; x++) {
        float sum = 0;
        for (int n = 0; n < 8; n++) sum += basis_[k][n] * block[n * 8 + x];
        half[k * 8 + x] = sum;
      }
    for (int y = 0; y < 8; y++)
      for (int k = 0; k < 8; k++) {
        float sum = 0;
        for (int n = 0; n < 8; n++) sum += basis_[k][n] * half[y * 8 + n];
        float q = max(1.f, table[y * 8 + k] * scale);
        frequency[y * 8 + k] = std::rint(sum / q) * q;
      }
    for (int n = 0; n < 8; n++)
      for (int x = 0; x < 8; x++) {
        float sum = 0;
        for (int k = 0; k < 8; k++) sum += basis_[k][n] * frequency[k * 8 + x];
        half[n * 8 + x] = sum;
      }
    for (int y = 0; y < 8; y++)
      for (int n = 0; n < 8; n++) {
        float sum = 0;
        for (int k = 0; k < 8; k++) sum += basis_[k][n] * half[y * 8 + k];
        block[y * 8 + n] = sum;
      }
  }
  float basis_[8][8];
};
const BlockCoder kCoder;

// What one clip's camera and codec do. Drawn once a clip; noise, exposure flicker and shake are drawn again each frame.
struct Recipe {
  bool degrade, mirrored, reversed, frozen, autoExposure;
  float exposure, exposureTarget, gamma, contrast, brightness, saturation, red, blue, flicker, drift, driftPhase;
  float veil, veilLevel, vignette, lowResolution, blurX, blurY, sharpen, noise, shotNoise, noiseSigma, shake;
  int quality;

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
                 float strength, float* image, float* disparity) {
  Recipe q(r, strength, take > 1);
  int firstFrame = r.below(frames - take + 1);
  float aspect = float(width) / height * r.uniform(0.88f, 1.14f), zoom = r.uniform(0.62f, 1.f);
  float cropHeight = min(float(size), size / aspect) * zoom, cropWidth = min(float(size), cropHeight * aspect);
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
      if (q.noise + q.shotNoise > 0) addNoise(im, q, r, other2, scratch);
      for (float& v : im.data) v = clamp01(v);
      if (q.quality) kCoder.degrade(im, q.quality);
    }
    float* out = image + size_t(f) * 3 * width * height;
    for (int c = 0; c < 3; c++)
      for (int i = 0; i < width * height; i++) out[c * width * height + i] = (clamp01(im.data[i * 3 + c]) - kMean) / kStd;
  }
}

}  // namespace

// For each of `count` clips: `take` frames of rgb [frames,size,size,3] and half-precision disparity [frames,size,size] become
// image [take,3,height,width] (normalised) and disparity [take,height,width]. Frames before cuts[i] come from the clip `others`.
extern "C" void augment_clips(const uint8_t* const* rgb, const uint16_t* const* disparity, const uint8_t* const* otherRgb,
                              const uint16_t* const* otherDisparity, const int32_t* cuts, int count, int frames, int size,
                              int take, int width, int height, uint64_t seed, float strength, int threads, float* image,
                              float* outDisparity) {
  std::atomic<int> next(0);
  auto work = [&] {
    for (int i; (i = next++) < count;)
      augmentClip({rgb[i], disparity[i]}, {otherRgb[i], otherDisparity[i]}, cuts[i], frames, size, take, width, height,
                  Random(seed * 1000003 + i), strength, image + size_t(i) * take * 3 * width * height,
                  outDisparity + size_t(i) * take * width * height);
  };
  vector<std::thread> pool;
  for (int i = 1; i < threads; i++) pool.emplace_back(work);
  work();
  for (auto& t : pool) t.join();
}
