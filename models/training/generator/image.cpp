#include "image.h"
#include <algorithm>
#include <cmath>
#include <cstdint>

using std::max, std::min, std::vector;

namespace {

constexpr float kPi = 3.14159265f;

int gaussian(float sigma, float* kernel) {
  int radius = min(6, max(1, int(std::ceil(sigma * 2))));
  float total = 0;
  for (int i = -radius; i <= radius; i++) total += kernel[i + radius] = std::exp(-0.5f * i * i / (sigma * sigma));
  for (int i = 0; i <= 2 * radius; i++) kernel[i] /= total;
  return radius;
}

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

}  // namespace

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

template void resample(const uint8_t*, int, float, const vector<Taps>&, const vector<Taps>&, Image&);
template void resample(const float*, int, float, const vector<Taps>&, const vector<Taps>&, Image&);

void blockCode(Image& image, int quality) {
  static const BlockCoder coder;
  coder.degrade(image, quality);
}
