#include "texture.h"
#include <thread>
#include "noise.h"

TextureLibrary gTextures;

namespace {

constexpr int S = Texture::kSize;
using Pixels = std::vector<Vec3>;

void makeLevels(Texture& t, Pixels level) {
  int total = 0;
  for (int m = 0; m < Texture::kLevels; m++) {
    t.offset[m] = total;
    total += (S >> m) * (S >> m) * 4;
  }
  t.texels.resize(total);
  for (int m = 0, size = S; m < Texture::kLevels; m++, size /= 2) {
    uint8_t* out = &t.texels[t.offset[m]];
    for (int i = 0; i < size * size; i++, out += 4) {
      out[0] = uint8_t(clamp(level[i].x, 0, 1) * 255 + 0.5f);
      out[1] = uint8_t(clamp(level[i].y, 0, 1) * 255 + 0.5f);
      out[2] = uint8_t(clamp(level[i].z, 0, 1) * 255 + 0.5f);
      out[3] = 255;
    }
    if (size == 1) t.mean = level[0];
    Pixels half(size_t(size / 2) * (size / 2));
    for (int y = 0; y < size / 2; y++)
      for (int x = 0; x < size / 2; x++)
        half[y * (size / 2) + x] = (level[2 * y * size + 2 * x] + level[2 * y * size + 2 * x + 1] +
                                    level[(2 * y + 1) * size + 2 * x] + level[(2 * y + 1) * size + 2 * x + 1]) * 0.25f;
    level.swap(half);
  }
}

Vec3& wrapped(Pixels& p, int x, int y) { return p[((y % S + S) % S) * S + (x % S + S) % S]; }

void collage(Random& r, Pixels& p, const Vec3& base, bool leaves) {
  std::fill(p.begin(), p.end(), base);
  float variety = r.uniform(0.1f, 1);
  for (int k = r.between(150, 900); k > 0; k--) {
    Vec3 colour = leaves ? base * r.uniform(0.4f, 1.6f) : mix(base, randomColour(r), variety);
    float cx = r.uniform(0, S), cy = r.uniform(0, S), radius = leaves ? r.uniform(2, 7) : r.logUniform(2, 30);
    float aspect = leaves ? r.uniform(1.5f, 3) : r.uniform(0.4f, 1.6f), angle = r.uniform(0, kPi);
    int shape = leaves ? 0 : r.below(3), reach = int(radius) + 1;
    float c = std::cos(angle), s = std::sin(angle);
    for (int y = int(cy) - reach; y <= cy + reach; y++)
      for (int x = int(cx) - reach; x <= cx + reach; x++) {
        float dx = (x - cx) * c + (y - cy) * s, dy = ((y - cy) * c - (x - cx) * s) * aspect;
        bool inside = shape == 0 ? dx * dx + dy * dy < radius * radius
                      : shape == 1 ? std::fabs(dx) < radius && std::fabs(dy) < radius
                                   : std::fabs(dx) + std::fabs(dy) < radius;
        if (inside) wrapped(p, x, y) = colour * (1 + 0.01f * dx);
      }
  }
}

void grass(Random& r, Pixels& p, const Vec3& a, const Vec3& b) {
  std::fill(p.begin(), p.end(), a * 0.5f);
  for (int k = r.between(600, 2000); k > 0; k--) {
    float x = r.uniform(0, S), y = r.uniform(0, S), lean = r.normal() * 0.5f, blade = r.uniform(4, 22);
    Vec3 colour = mix(a, b, r.unit()) * r.uniform(0.5f, 1.2f);
    for (float l = 0; l < blade; l += 0.7f) wrapped(p, int(x + std::sin(lean) * l), int(y - std::cos(lean) * l)) = colour;
  }
}

void text(Random& r, Pixels& p, const Vec3& paper, const Vec3& ink, int seed) {
  std::fill(p.begin(), p.end(), paper);
  int height = r.between(3, 9);
  for (int y = r.below(6); y + height < S; y += height + r.between(2, 6)) {
    float density = r.uniform(0.6f, 0.95f);
    for (int x = r.below(8); x < S;) {
      int width = r.between(1, std::max(2, height / 2));
      if (!r.chance(density)) { x += height; continue; }
      for (int dy = 0; dy < height; dy++)
        for (int dx = 0; dx < width && x + dx < S; dx++)
          if (hash(x * 7 + dx, y * 3 + dy / 2, seed) & 3) p[(y + dy) * S + x + dx] = ink;
      x += width + 1;
    }
    if (r.chance(0.1f)) y += height * 2;
  }
}

void cells(Random& r, Pixels& p, const Vec3& a, const Vec3& b, const Vec3& joint) {
  struct Seed { float x, y, id; };
  std::vector<Seed> seeds(r.between(20, 160));
  for (auto& s : seeds) s = {r.uniform(0, S), r.uniform(0, S), r.unit()};
  for (int y = 0; y < S; y++)
    for (int x = 0; x < S; x++) {
      float first = 1e9f, second = 1e9f, id = 0;
      for (auto& s : seeds) {
        float dx = std::fabs(s.x - x), dy = std::fabs(s.y - y);
        dx = std::min(dx, S - dx);
        dy = std::min(dy, S - dy);
        float d = dx * dx + dy * dy;
        if (d < first) { second = first; first = d; id = s.id; } else if (d < second) second = d;
      }
      p[y * S + x] = std::sqrt(second) - std::sqrt(first) < 1.3f ? joint : mix(a, b, id) * r.uniform(0.9f, 1.1f);
    }
}

// Everything that is a function of the position alone
void pattern(Random& r, Pixels& p, Surface kind, const Vec3& a, const Vec3& b, const Vec3& c) {
  int seed = int(r.bits() & 0x7fffffff), rows = r.between(3, 12), columns = r.between(2, 6), style = r.below(3);
  int windowsX = r.between(2, 7), windowsY = r.between(2, 8), cellsPerTile = 1 << r.between(2, 6);
  float joint = r.uniform(0.02f, 0.12f), stretch = r.uniform(1, 6), share = r.uniform(0.45f, 0.75f), rough = r.uniform(0, 0.25f);
  float windowWide = r.uniform(0.35f, 0.8f), windowHigh = r.uniform(0.4f, 0.85f), hue = r.uniform(0, 0.5f), fine = r.uniform(0.03f, 0.12f);
  auto noise = [&](float x, float y, int period, int octaves, int s) { return fractal(x * period, y * period, octaves, s, period); };
  for (int y = 0; y < S; y++)
    for (int x = 0; x < S; x++) {
      float fx = float(x) / S, fy = float(y) / S, n = noise(fx, fy, cellsPerTile, 4, seed);
      Vec3 v = a;
      switch (kind) {
        case Surface::Plain: v = a * (1 + rough * (n - 0.5f)); break;
        case Surface::Plaster: v = a * (1 + 0.3f * rough * (noise(fx, fy, 4, 3, seed) - 0.45f) + fine * (hashUnit(x, y, seed) - 0.5f)); break;
        case Surface::Clouds: v = mix(a, b, clamp((n - 0.47f) * 3 + 0.5f, 0, 1)); break;
        case Surface::Brick: {
          int row = int(fy * rows * 2);
          float across = fx * columns + (row & 1 ? 0.5f : 0.f), lx = across - std::floor(across), ly = fy * rows * 2 - row;
          float tone = hashUnit(int(std::floor(across)) % columns, row, seed);
          bool mortar = lx < joint || ly < joint * 2.5f;
          v = (mortar ? b : mix(a, c, tone * 0.5f) * (0.8f + 0.4f * tone)) * (0.85f + 0.3f * n);
          break;
        }
        case Surface::Tile: {
          float bx = fx * columns, by = fy * columns;
          bool gap = bx - std::floor(bx) < joint * 0.6f || by - std::floor(by) < joint * 0.6f;
          bool odd = ((int(bx) + int(by)) & 1) && style;
          v = (gap ? c : odd ? b : a) * (0.9f + 0.2f * n);
          break;
        }
        case Surface::Wood: {
          float grain = fractal(fx * 8 * stretch, fy * 4, 4, seed);
          int plank = int(fx * columns);
          float tone = hashUnit(plank, 3, seed), wave = std::sin((grain * 12 + tone * 9 + fy * 2) * 3) * 0.5f + 0.5f;
          v = mix(a, b, wave * 0.35f + grain * 0.3f) * (0.8f + 0.35f * tone) * (fx * columns - plank < 0.04f && style ? 0.5f : 1.f);
          break;
        }
        case Surface::Stripe: {
          float q = (style == 0 ? fx : style == 1 ? fy : fx + fy) * rows;
          v = (q - std::floor(q) < share ? a : b) * (0.9f + 0.2f * n);
          break;
        }
        case Surface::Weave: {
          float u = std::sin(fx * 2 * kPi * rows * 2), w = std::sin(fy * 2 * kPi * rows * 2);
          v = mix(a, b, style ? (u * w > 0 ? 0.15f : 0.f) : (u > w ? 0.6f : 0.f)) * (0.85f + 0.15f * u * w + fine * 2 * (hashUnit(x, y, seed) - 0.5f));
          break;
        }
        case Surface::Power: {
          float sum = 0, weight = 0, amplitude = 0.5f;
          for (int o = 0, period = 2; o < 6; o++, period *= 2, amplitude *= share) {
            sum += amplitude * valueNoise(fx * period, fy * period, seed + o, period);
            weight += amplitude;
          }
          float v2 = noise(fx, fy, 4, 5, seed + 99), v3 = noise(fx, fy, 4, 5, seed + 199);
          v = mix(a, b, clamp((sum / weight - 0.5f) * 2.5f + 0.5f, 0, 1)) + Vec3{v2 - 0.47f, v3 - 0.47f, 0.47f - (v2 + v3) * 0.5f} * hue;
          break;
        }
        case Surface::Facade: {
          float bx = fx * windowsX, by = fy * windowsY, lx = std::fabs(bx - std::floor(bx) - 0.5f), ly = by - std::floor(by);
          bool window = lx < windowWide * 0.5f && std::fabs(ly - 0.5f) < windowHigh * 0.5f;
          bool frame = window && (lx > windowWide * 0.5f - 0.05f || std::fabs(ly - 0.5f) > windowHigh * 0.5f - 0.06f || (style && lx < 0.03f));
          Vec3 glass = mix(b * 0.4f, {0.75f, 0.8f, 0.85f}, hashUnit(int(bx), int(by), seed) * ly * 1.2f);
          v = frame ? c : window ? glass : a * (0.85f + 0.3f * n) * (ly > 0.93f ? 0.8f : 1.f);
          break;
        }
        case Surface::Asphalt: v = a * (0.8f + 0.25f * noise(fx, fy, 4, 4, seed) + 3 * fine * (hashUnit(x, y, seed) - 0.4f)); break;
        default: break;
      }
      p[y * S + x] = v;
    }
}

Texture procedural(Surface kind, uint64_t seed) {
  Random r(seed);
  Pixels p(S * S);
  Vec3 a = randomColour(r), b = randomColour(r), c = randomColour(r);
  switch (kind) {
    case Surface::Collage: collage(r, p, a, false); break;
    case Surface::Leaves: collage(r, p, {r.uniform(0.1f, 0.4f), r.uniform(0.25f, 0.6f), r.uniform(0.05f, 0.25f)}, true); break;
    case Surface::Grass: grass(r, p, a, b); break;
    case Surface::Text: text(r, p, a, b, int(r.bits() & 0xffff)); break;
    case Surface::Cells: cells(r, p, a, b, c); break;
    default: pattern(r, p, kind, a, b, c);
  }
  float grain = r.chance(0.5f) ? r.uniform(0, 0.08f) : 0;
  if (grain > 0)
    for (Vec3& v : p) v = v * (1 + grain * r.normal());
  Texture t;
  makeLevels(t, p);
  return t;
}

}  // namespace

Vec3 fromHsv(float h, float s, float v) {
  h = (h - std::floor(h)) * 6;
  int i = int(h);
  float f = h - i, p = v * (1 - s), q = v * (1 - s * f), t = v * (1 - s * (1 - f));
  switch (i % 6) {
    case 0: return {v, t, p};
    case 1: return {q, v, p};
    case 2: return {p, v, t};
    case 3: return {p, q, v};
    case 4: return {t, p, v};
    default: return {v, p, q};
  }
}

Vec3 randomColour(Random& r) {
  float s = r.unit();
  s = s * s * (r.chance(0.6f) ? 0.5f : 1.f);
  float h = r.unit();
  return fromHsv(h, s, std::pow(r.uniform(0.03f, 1), r.uniform(0.5f, 1.5f)));
}

Vec3 Texture::sample(float u, float v, float level) const {
  int m = level <= 0 ? 0 : level >= kLevels - 1 ? kLevels - 1 : int(level + 0.5f);
  int size = kSize >> m, wrap = size - 1;
  float fu = (u - std::floor(u)) * size - 0.5f, fv = (v - std::floor(v)) * size - 0.5f;
  int x = int(std::floor(fu)), y = int(std::floor(fv));
  float a = fu - x, b = fv - y;
  const uint8_t* base = &texels[offset[m]];
  const uint8_t* p00 = base + ((y & wrap) * size + (x & wrap)) * 4;
  const uint8_t* p01 = base + ((y & wrap) * size + ((x + 1) & wrap)) * 4;
  const uint8_t* p10 = base + (((y + 1) & wrap) * size + (x & wrap)) * 4;
  const uint8_t* p11 = base + (((y + 1) & wrap) * size + ((x + 1) & wrap)) * 4;
  float w00 = (1 - a) * (1 - b), w01 = a * (1 - b), w10 = (1 - a) * b, w11 = a * b;
  auto channel = [&](int c) { return (p00[c] * w00 + p01[c] * w01 + p10[c] * w10 + p11[c] * w11) * (1 / 255.f); };
  return {channel(0), channel(1), channel(2)};
}

void TextureLibrary::build(int procedurals, const uint8_t* photos, int photoCount) {
  constexpr int kinds = int(Surface::Count);
  textures_.resize(procedurals + photoCount);
  byKind_.assign(kinds, {});
  auto work = [&](int first, int stride) {
    for (int i = first; i < int(textures_.size()); i += stride) {
      if (i < procedurals) {
        textures_[i] = procedural(Surface(i % (kinds - 1)), 1000 + i);
        continue;
      }
      const uint8_t* photo = photos + size_t(i - procedurals) * S * S * 3;
      Pixels p(S * S);
      for (int k = 0; k < S * S; k++) p[k] = Vec3{float(photo[k * 3]), float(photo[k * 3 + 1]), float(photo[k * 3 + 2])} * (1 / 255.f);
      makeLevels(textures_[i], p);
    }
  };
  std::vector<std::thread> threads;
  int count = std::max(1u, std::thread::hardware_concurrency());
  for (int k = 0; k < count; k++) threads.emplace_back(work, k, count);
  for (auto& t : threads) t.join();
  for (int i = 0; i < int(textures_.size()); i++) byKind_[i < procedurals ? i % (kinds - 1) : kinds - 1].push_back(i);
}

int TextureLibrary::of(Random& r, Surface kind) const {
  auto& list = byKind_[int(kind)];
  return list.empty() ? any(r) : list[r.below(int(list.size()))];
}
