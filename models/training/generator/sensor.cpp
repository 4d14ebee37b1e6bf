#include "sensor.h"
#include <algorithm>
#include <cmath>
#include <cstdint>

using std::max, std::min, std::vector;

namespace {

constexpr int kSteps = 2048;
constexpr float kGamma = 2.2f;
constexpr float kRed = 1.5f, kBlue = 1.7f;  // what white balance multiplies the weaker channels by, and so their noise

float clamp01(float v) { return min(max(v, 0.f), 1.f); }

// Display value to linear light and back; the way back by the root, which has the steps where the curve is steep
struct Curves {
  float linear[kSteps + 1], display[kSteps + 1];
  Curves() {
    for (int i = 0; i <= kSteps; i++) {
      float x = float(i) / kSteps;
      linear[i] = std::pow(x, kGamma);
      display[i] = std::pow(x * x, 1 / kGamma);
    }
  }
  float toLinear(float v) const { return linear[int(clamp01(v) * kSteps + 0.5f)]; }
  float toDisplay(float l) const { return display[int(std::sqrt(clamp01(l)) * kSteps + 0.5f)]; }
};

const Curves& curves() {
  static const Curves c;
  return c;
}

// Sites of the colour filter: red where both are even, blue where both are odd, green between
int colourAt(int x, int y) { return (x & 1) == (y & 1) ? (x & 1 ? 2 : 0) : 1; }

}  // namespace

Sensor Sensor::amplified(float gain) const { return {shot * std::sqrt(gain), read * gain}; }

// One noisy sample a site, spread to the other colours' pixels as bilinear demosaicing does: red and blue noise is coarse, so
// that dark areas become blotched, and colours are noisier than brightness
void sensorNoise(Image& image, const Sensor& sensor, Random& r) {
  const Curves& c = curves();
  const int w = image.width, h = image.height;
  static thread_local vector<float> sites;
  sites.resize(size_t(w + 2) * (h + 2));  // with a border, mirrored so that the pattern goes on
  auto site = [&](int x, int y) -> float& { return sites[size_t(y + 1) * (w + 2) + x + 1]; };
  const float square = sensor.shot * sensor.shot, floor = sensor.read * sensor.read, balance[3] = {kRed, 1, kBlue};
  for (int y = 0; y < h; y++) {
    uint64_t bits = 0;
    for (int x = 0; x < w; x++) {
      bits = x & 1 ? bits >> 32 : r.bits();
      float normal = (int(bits & 0xffff) + int((bits >> 16) & 0xffff) - 65535) * (1 / 26755.f);  // sum of two uniforms: unit variance
      int colour = colourAt(x, y);
      float light = c.toLinear(image.at(x, y)[colour]) / balance[colour];
      site(x, y) = normal * balance[colour] * std::sqrt(square * light + floor);
    }
    site(-1, y) = site(1, y);
    site(w, y) = site(w - 2, y);
  }
  for (int x = -1; x <= w; x++) {
    site(x, -1) = site(x, 1);
    site(x, h) = site(x, h - 2);
  }
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      float own = site(x, y), beside = (site(x - 1, y) + site(x + 1, y)) * 0.5f, above = (site(x, y - 1) + site(x, y + 1)) * 0.5f;
      float corners = (site(x - 1, y - 1) + site(x + 1, y - 1) + site(x - 1, y + 1) + site(x + 1, y + 1)) * 0.25f;
      float noise[3];
      int colour = colourAt(x, y);
      if (colour == 1) {
        noise[1] = own;
        noise[0] = y & 1 ? above : beside;
        noise[2] = y & 1 ? beside : above;
      } else {
        noise[colour] = own;
        noise[1] = (beside + above) * 0.5f;
        noise[2 - colour] = corners;
      }
      float* p = image.at(x, y);
      for (int k = 0; k < 3; k++) p[k] = c.toDisplay(c.toLinear(p[k]) + noise[k]);
    }
}

// Frames as a camera takes them, in place: rgb [frames,height,width,3], both even and at least 4; gains: of the light, one a frame
extern "C" void capture_frames(uint8_t* rgb, int frames, int height, int width, const float* gains, float shot, float read, uint64_t seed) {
  const Curves& c = curves();
  Random r(seed);
  Image image;
  image.resize(width, height);
  const size_t count = image.data.size();
  for (int f = 0; f < frames; f++) {
    uint8_t* frame = rgb + f * count;
    for (size_t i = 0; i < count; i++) image.data[i] = c.toDisplay(c.toLinear(frame[i] / 255.f) * gains[f]);
    sensorNoise(image, Sensor{shot, read}.amplified(max(gains[f], 1.f)), r);
    for (size_t i = 0; i < count; i++) frame[i] = uint8_t(image.data[i] * 255 + 0.5f);
  }
}
