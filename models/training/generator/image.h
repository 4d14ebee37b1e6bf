// Float images: resampling, blur, block coding.
#pragma once
#include <cstddef>
#include <vector>

// Interleaved RGB
struct Image {
  int width = 0, height = 0;
  std::vector<float> data;
  void resize(int w, int h) { width = w; height = h; data.resize(size_t(w) * h * 3); }
  float* at(int x, int y) { return &data[(size_t(y) * width + x) * 3]; }
  const float* at(int x, int y) const { return &data[(size_t(y) * width + x) * 3]; }
};

// One output sample's source taps along an axis: a triangle as wide as the scale, so that shrinking does not alias
struct Taps { int first; std::vector<float> weights; };

// `to` samples of source [start, start + length) out of `from`
std::vector<Taps> resampling(int from, int to, float start, float length, bool mirrored);
// Source values times `unit`; Source is uint8_t or float
template <class Source>
void resample(const Source* source, int sourceWidth, float unit, const std::vector<Taps>& columns, const std::vector<Taps>& rows, Image& out);
void rescale(const Image& in, int width, int height, Image& out);
// Gaussian; below 0.2 pixels an axis is left alone
void blur(Image& image, float sigmaX, float sigmaY, Image& scratch);
// What an 8x8 block-transform codec loses: JPEG's luma table (chroma twice as coarse), quality as libjpeg scales it
void blockCode(Image& image, int quality);
