#include "render.h"
#include <cstring>
#include "noise.h"
#include "random.h"
#include "texture.h"

namespace {

constexpr float kNear = 0.04f;

// Narrow [low, high] to where a x + b y + c >= 0 on row y
void narrow(float a, float b, float y, float c, float& low, float& high) {
  float rest = b * y + c;
  if (a > 1e-12f) low = std::max(low, -rest / a);
  else if (a < -1e-12f) high = std::min(high, -rest / a);
  else if (rest < 0) high = -1e9f;
}

// Linear light to an sRGB byte through a soft shoulder, by table over the square root
uint8_t toneMap(float v) {
  static const std::vector<uint8_t> table = [] {
    std::vector<uint8_t> t(4097);
    for (int i = 0; i <= 4096; i++) {
      float x = i / 512.f;
      x = x * x / 8;
      x = x / (1 + 0.25f * x) * 1.15f;
      t[i] = uint8_t(clamp(std::pow(x, 1 / 2.2f), 0, 1) * 255 + 0.5f);
    }
    return t;
  }();
  return table[int(std::sqrt(clamp(v, 0, 7.9f) * 8) * 512 + 0.5f)];
}

}  // namespace

float Renderer::render(const Scene& scene, int size, float exposure, uint8_t* rgb, float* disparity) {
  size_ = size;
  if (scene.mirror.on) reflect(scene);
  illuminate(scene, size, disparity);
  fall(scene.light);
  if (exposure <= 0) exposure = meter(scene.light.exposure);
  for (const Vec3& v : light_) {
    *rgb++ = toneMap(v.x * exposure);
    *rgb++ = toneMap(v.y * exposure);
    *rgb++ = toneMap(v.z * exposure);
  }
  return exposure;
}

// What the camera would see through the mirror plane: the same pixel of a camera mirrored in it
void Renderer::reflect(const Scene& scene) {
  Scene above = scene;
  above.mirror.on = false;
  const float ground = scene.mirror.height + scene.mirror.lowest;
  auto low = [&](int v) { return scene.vertices[v].position.y < ground; };
  above.triangles.erase(std::remove_if(above.triangles.begin(), above.triangles.end(), [&](const Triangle& t) { return low(t.a) && low(t.b) && low(t.c); }), above.triangles.end());
  auto mirrored = [&](Camera c) {
    c.eye.y = 2 * scene.mirror.height - c.eye.y;
    c.right.y = -c.right.y;
    c.up.y = -c.up.y;
    c.forward.y = -c.forward.y;
    c.focal *= 0.5f;
    c.cx *= 0.5f;
    c.cy *= 0.5f;
    return c;
  };
  above.camera = mirrored(scene.camera);
  above.rows.clear();
  for (size_t row = 1; row < scene.rows.size(); row += 2) above.rows.push_back(mirrored(scene.rows[row]));
  if (!below_) below_ = std::make_unique<Renderer>();
  std::vector<float> unused(size_t(size_ / 2) * (size_ / 2));
  below_->illuminate(above, size_ / 2, unused.data());
}

// x, y: in samples, two a pixel. Rough wet ground draws a light out upright
Vec3 Renderer::reflected(const Mirror& mirror, const Vec3& point, float x, float y) const {
  const int size = below_->size_;
  float sway = mirror.ripple * size * (fractal(point.x * 3, point.z * 3, 2, 5) - 0.37f), rise = mirror.ripple * size * 2 * (fractal(point.x * 3, point.z * 3, 2, 9) - 0.37f);
  constexpr int kTaps = 9;
  Vec3 sum;
  for (int k = 0; k < kTaps; k++) {
    float offset = (k - kTaps / 2) * (2.f / kTaps);
    int px = int(clamp(x / 4 + sway, 0, size - 1.f)), py = int(clamp(y / 4 + rise + offset * mirror.streak * size, 0, size - 1.f));
    sum = sum + below_->light_[size_t(py) * size + px];
  }
  return sum * (1.f / kTaps);
}

void Renderer::illuminate(const Scene& scene, int size, float* disparity) {
  size_ = size;
  rasterise(scene);
  drawShadows(scene);
  resolveDisparity(disparity);
  occlude(scene, disparity);
  light_.resize(size_t(size) * size);
  const int row = 2 * size;
  for (int y = 0; y < size; y++)
    for (int x = 0; x < size; x++) {
      int first = 2 * y * row + 2 * x;
      int ids[4] = {ids_[first], ids_[first + 1], ids_[first + row], ids_[first + row + 1]};
      bool done[4] = {};
      Vec3 colour;
      for (int k = 0; k < 4; k++) {  // one shading a triangle and pixel, at the mean of its samples
        if (done[k]) continue;
        float sx = 0, sy = 0;
        int n = 0;
        for (int j = k; j < 4; j++)
          if (ids[j] == ids[k]) {
            done[j] = true;
            sx += (j & 1) + 0.5f;
            sy += (j >> 1) + 0.5f;
            n++;
          }
        colour = colour + shade(scene, ids[k], 2 * x + sx / n, 2 * y + sy / n, x, y) * (n * 0.25f);
      }
      light_[size_t(y) * size + x] = colour;
    }
}

// Rain and snow veil the picture; they are no surface, so disparity does not know them
void Renderer::fall(const Lighting& light) {
  if (light.drops == 0) return;
  Random r(light.dropSeed);
  float slant = r.normal() * 0.15f, brightness = light.ambientAbove.y * 1.2f;
  auto blend = [&](int x, int y, float amount) {
    if (x < 0 || y < 0 || x >= size_ || y >= size_) return;
    Vec3& pixel = light_[size_t(y) * size_ + x];
    pixel = mix(pixel, grey(brightness), amount);
  };
  for (int k = 0; k < light.drops; k++) {
    float x = r.uniform(0, float(size_)), y = r.uniform(0, float(size_)), nearness = r.unit() * r.unit(), opacity = r.uniform(0.1f, 0.5f);
    if (light.dropLength > 0) {
      float length = size_ * light.dropLength * (0.3f + nearness);
      for (float t = 0; t < length; t += 1) blend(int(x + slant * t), int(y + t), opacity * 0.6f);
    } else {
      float radius = 0.6f + 2.5f * nearness;
      for (int dy = int(-radius); dy <= radius; dy++)
        for (int dx = int(-radius); dx <= radius; dx++)
          if (dx * dx + dy * dy <= radius * radius) blend(int(x) + dx, int(y) + dy, opacity);
    }
  }
}

// As a camera's automatic exposure: burnt-out windows and skies weigh no more than white
float Renderer::meter(float target) const {
  float sum = 0;
  int count = 0;
  for (size_t i = 0; i < light_.size(); i += 7, count++) sum += std::min(1.f, (light_[i].x + light_[i].y + light_[i].z) / 3);
  return clamp(target * count / std::max(sum, 1e-4f), 0.4f, 6.f);
}

// A point as a camera sees it: right, down, forward
Vec3 Renderer::seen(const Camera& c, const Vec3& point) {
  Vec3 d = point - c.eye;
  return {dot(d, c.right), -dot(d, c.up), dot(d, c.forward)};
}

// Of a triangle's corners as the camera sees them: homogeneous edge functions (Olano and Greer 1997), no clipping needed
bool Renderer::prepare(const Camera& c, const Vec3& a, const Vec3& b, const Vec3& e, Setup& s) {
  Vec3 rows[3] = {cross(b, e), cross(e, a), cross(a, b)};
  float determinant = dot(a, rows[0]);
  if (std::fabs(determinant) < 1e-14f) return false;
  for (int j = 0; j < 3; j++) {
    Plane& p = s.weight[j];
    p.a = rows[j].x / determinant / (2 * c.focal);
    p.b = rows[j].y / determinant / (2 * c.focal);
    p.c = rows[j].z / determinant - p.a * (2 * c.cx) - p.b * (2 * c.cy);
  }
  return true;
}

// y: a row of samples; left, right: no sample of the triangle lies beyond them
void Renderer::fillRow(int id, const Setup& s, int y, float left, float right) {
  const int size = 2 * size_;
  const Plane &p = s.weight[0], &q = s.weight[1], &o = s.weight[2];
  const Plane sum{p.a + q.a + o.a, p.b + q.b + o.b, p.c + q.c + o.c};
  float fy = y + 0.5f, low = left - 1, high = right + 1;
  for (const Plane& w : s.weight) narrow(w.a, w.b, fy, w.c, low, high);
  narrow(-sum.a, -sum.b, fy, 1 / kNear - sum.c, low, high);
  int from = std::max(0, int(std::ceil(low - 0.5f))), to = std::min(size - 1, int(std::floor(high - 0.5f)));
  float* nearness = &nearness_[size_t(y) * size];
  int* ids = &ids_[size_t(y) * size];
  float start = sum.b * fy + sum.c;
  for (int x = from; x <= to; x++) {
    float n = start + sum.a * (x + 0.5f);
    bool closer = n > nearness[x];
    nearness[x] = closer ? n : nearness[x];
    ids[x] = closer ? id : ids[x];
  }
}

void Renderer::rasterise(const Scene& scene) {
  const int size = 2 * size_;
  nearness_.assign(size_t(size) * size, 0.f);
  ids_.assign(size_t(size) * size, -1);
  if (!scene.rows.empty()) return rasteriseRolling(scene);
  setups_.resize(scene.triangles.size());
  const Camera& camera = scene.camera;
  std::vector<Vec3> corners(scene.vertices.size());
  for (size_t i = 0; i < corners.size(); i++) corners[i] = seen(camera, scene.vertices[i].position);
  const float f = 2 * camera.focal, cx = 2 * camera.cx, cy = 2 * camera.cy;
  for (int k = 0; k < int(scene.triangles.size()); k++) {
    const Triangle& t = scene.triangles[k];
    const Vec3 &a = corners[t.a], &b = corners[t.b], &e = corners[t.c];
    if (a.z < kNear && b.z < kNear && e.z < kNear) continue;
    float x0 = 0, x1 = float(size), y0 = 0, y1 = float(size);
    if (a.z > kNear && b.z > kNear && e.z > kNear) {
      float ax = a.x / a.z * f + cx, bx = b.x / b.z * f + cx, ex = e.x / e.z * f + cx;
      float ay = a.y / a.z * f + cy, by = b.y / b.z * f + cy, ey = e.y / e.z * f + cy;
      x0 = std::max(0.f, std::min({ax, bx, ex}));
      x1 = std::min(float(size), std::max({ax, bx, ex}) + 1);
      y0 = std::max(0.f, std::min({ay, by, ey}));
      y1 = std::min(float(size), std::max({ay, by, ey}) + 1);
      if (x0 >= x1 || y0 >= y1) continue;
    }
    if (!prepare(camera, a, b, e, setups_[k])) continue;
    for (int y = int(y0), last = std::min(size, int(std::ceil(y1))); y < last; y++) fillRow(k, setups_[k], y, x0, x1);
  }
}

// Each row of pixels by its own camera, so a triangle is prepared anew for each row that it may reach. Which those are is told by
// five cameras along the readout, with room for what the motion between them bends.
void Renderer::rasteriseRolling(const Scene& scene) {
  constexpr int kKeys = 5;
  const float f = scene.camera.focal, cy = scene.camera.cy;
  const size_t count = scene.vertices.size();
  // Of each corner the lowest and highest row in which a key camera sees it; from first > last on: behind one of them
  struct Reach { float first, last; bool behind, before; };
  std::vector<Reach> reach(count, {1e9f, -1e9f, false, false});
  for (int k = 0; k < kKeys; k++) {
    const Camera& key = scene.rows[k * (size_ - 1) / (kKeys - 1)];
    for (size_t i = 0; i < count; i++) {
      Vec3 p = seen(key, scene.vertices[i].position);
      if (p.z <= kNear) { reach[i].behind = true; continue; }
      reach[i].before = true;
      float y = p.y / p.z * f + cy;
      reach[i].first = std::min(reach[i].first, y);
      reach[i].last = std::max(reach[i].last, y);
    }
  }
  for (Reach& r : reach) {
    float room = 1.5f + 0.3f * (r.last - r.first);
    r.first -= room;
    r.last += room;
  }
  for (int k = 0; k < int(scene.triangles.size()); k++) {
    const Triangle& t = scene.triangles[k];
    const Reach &a = reach[t.a], &b = reach[t.b], &e = reach[t.c];
    if (!a.before && !b.before && !e.before) continue;
    int first = 0, last = size_ - 1;
    if (!a.behind && !b.behind && !e.behind) {
      first = int(std::max(0.f, std::min({a.first, b.first, e.first})));
      last = int(std::min(size_ - 1.f, std::max({a.last, b.last, e.last})));
    }
    const Vec3 &pa = scene.vertices[t.a].position, &pb = scene.vertices[t.b].position, &pe = scene.vertices[t.c].position;
    for (int row = first; row <= last; row++) {
      const Camera& camera = scene.rows[row];
      Vec3 qa = seen(camera, pa), qb = seen(camera, pb), qe = seen(camera, pe);
      Setup s;
      if ((qa.z < kNear && qb.z < kNear && qe.z < kNear) || !prepare(camera, qa, qb, qe, s)) continue;
      fillRow(k, s, 2 * row, 0, 2.f * size_);
      fillRow(k, s, 2 * row + 1, 0, 2.f * size_);
    }
  }
}

void Renderer::drawShadows(const Scene& scene) {
  const Lighting& light = scene.light;
  const Vec3& sun = light.sunDirection;
  lightX_ = normalize(cross(std::fabs(sun.y) < 0.95f ? Vec3{0, 1, 0} : Vec3{1, 0, 0}, sun));
  lightY_ = cross(sun, lightX_);
  shadowMap_.assign(kShadowSize * kShadowSize, -1e9f);
  if (light.sun.x + light.sun.y + light.sun.z <= 0) return;
  float scale = kShadowSize * 0.5f / light.shadowRadius;
  std::vector<Vec3> lit(scene.vertices.size());
  for (size_t i = 0; i < lit.size(); i++) {
    Vec3 d = scene.vertices[i].position - light.shadowCentre;
    lit[i] = {dot(d, lightX_) * scale + kShadowSize * 0.5f, dot(d, lightY_) * scale + kShadowSize * 0.5f, dot(d, sun)};
  }
  for (const Triangle& t : scene.triangles) {
    if (!scene.materials[t.material].castsShadow) continue;
    const Vec3 &a = lit[t.a], &b = lit[t.b], &e = lit[t.c];
    float determinant = (b.x - a.x) * (e.y - a.y) - (e.x - a.x) * (b.y - a.y);
    if (std::fabs(determinant) < 1e-6f) continue;
    float y0 = std::max(0.f, std::min({a.y, b.y, e.y})), y1 = std::min(float(kShadowSize), std::max({a.y, b.y, e.y}) + 1);
    if (y0 >= y1) continue;
    float a1 = (e.y - a.y) / determinant, b1 = -(e.x - a.x) / determinant, c1 = -(a1 * a.x + b1 * a.y);
    float a2 = -(b.y - a.y) / determinant, b2 = (b.x - a.x) / determinant, c2 = -(a2 * a.x + b2 * a.y);
    float za = a1 * (b.z - a.z) + a2 * (e.z - a.z), zb = b1 * (b.z - a.z) + b2 * (e.z - a.z);
    float zc = a.z + c1 * (b.z - a.z) + c2 * (e.z - a.z);
    for (int y = int(y0), last = std::min(kShadowSize, int(std::ceil(y1))); y < last; y++) {
      float fy = y + 0.5f, low = -1, high = kShadowSize + 1;
      narrow(a1, b1, fy, c1, low, high);
      narrow(a2, b2, fy, c2, low, high);
      narrow(-a1 - a2, -b1 - b2, fy, 1 - c1 - c2, low, high);
      int from = std::max(0, int(std::ceil(low - 0.5f))), to = std::min(kShadowSize - 1, int(std::floor(high - 0.5f)));
      float* row = &shadowMap_[y * kShadowSize];
      for (int x = from; x <= to; x++) row[x] = std::max(row[x], zb * fy + zc + za * (x + 0.5f));
    }
  }
}

// A pixel's disparity is one of its surfaces', never a blend of two: the surface that most of its four samples see
void Renderer::resolveDisparity(float* disparity) {
  const int row = 2 * size_;
  for (int y = 0; y < size_; y++)
    for (int x = 0; x < size_; x++) {
      const float *top = &nearness_[size_t(2 * y) * row + 2 * x], *bottom = top + row;
      float most = std::max({top[0], top[1], bottom[0], bottom[1]}), least = std::min({top[0], top[1], bottom[0], bottom[1]});
      float sum = top[0] + top[1] + bottom[0] + bottom[1], middle = (sum - most - least) * 0.5f;
      disparity[y * size_ + x] = most - least < 0.02f * most ? sum * 0.25f : most - middle < middle - least ? most : least;
    }
}

// Screen-space ambient occlusion: concave neighbourhoods, by the disparity at opposite offsets
void Renderer::occlude(const Scene& scene, const float* disparity) {
  const int size = size_;
  occlusion_.assign(size_t(size) * size, 1.f);
  if (scene.light.occlusion <= 0) return;
  static const float offsets[8][2] = {{1, 0.15f}, {0.7f, 0.75f}, {-0.1f, 1}, {-0.8f, 0.6f}, {0.45f, -0.2f}, {0.2f, 0.45f}, {-0.35f, 0.3f}, {0.3f, 0.1f}};
  for (int y = 0; y < size; y++)
    for (int x = 0; x < size; x++) {
      float here = disparity[y * size + x];
      if (here <= 0) continue;
      float radius = clamp(scene.light.occlusionRadius * scene.camera.focal * here, 2.f, size * 0.12f);
      float jitter = 0.7f + 0.15f * (hash(x, y, 3) & 3), hidden = 0;
      for (auto& o : offsets) {
        int dx = int(std::lrint(o[0] * radius * jitter)), dy = int(std::lrint(o[1] * radius * jitter));
        int xa = x + dx, ya = y + dy, xb = x - dx, yb = y - dy;
        if (std::min({xa, ya, xb, yb}) < 0 || std::max({xa, ya, xb, yb}) >= size) continue;
        float hollow = (disparity[ya * size + xa] + disparity[yb * size + xb] - 2 * here) / here;
        float weight = hollow * scene.camera.focal / (radius * 8);
        if (hollow > 0.5f) weight *= std::max(0.f, 2 - 2 * hollow);  // a nearer object, not a corner
        hidden += clamp(weight * 3, 0, 1);
      }
      occlusion_[y * size + x] = 1 - scene.light.occlusion * std::min(1.f, hidden / 6);
    }
}

float Renderer::shadowed(const Scene& scene, const Vec3& point, int px, int py) const {
  const Lighting& light = scene.light;
  float scale = kShadowSize * 0.5f / light.shadowRadius;
  Vec3 d = point - light.shadowCentre;
  float fx = dot(d, lightX_) * scale + kShadowSize * 0.5f, fy = dot(d, lightY_) * scale + kShadowSize * 0.5f;
  float fz = dot(d, light.sunDirection) + light.shadowRadius * 0.004f;
  uint32_t h = hash(px, py, 11);
  float turn = (h & 255) * (2 * kPi / 256), c = std::cos(turn), s = std::sin(turn), hidden = 0;
  static const float offsets[8][2] = {{-0.9f, -0.2f}, {0.2f, -0.9f}, {0.9f, 0.2f}, {-0.2f, 0.9f}, {0.35f, 0.35f}, {-0.35f, 0.35f}, {-0.35f, -0.35f}, {0.35f, -0.35f}};
  for (auto& o : offsets) {
    int x = int(fx + (o[0] * c - o[1] * s) * light.shadowSoftness), y = int(fy + (o[0] * s + o[1] * c) * light.shadowSoftness);
    if (x < 0 || y < 0 || x >= kShadowSize || y >= kShadowSize) continue;
    if (shadowMap_[y * kShadowSize + x] > fz) hidden += 0.125f;
  }
  return 1 - hidden;
}

Vec3 Renderer::shade(const Scene& scene, int id, float x, float y, int px, int py) const {
  const bool rolling = !scene.rows.empty();
  const Camera& camera = rolling ? scene.rows[py] : scene.camera;
  const float f = 2 * camera.focal;
  Vec3 ray = camera.right * ((x - 2 * camera.cx) / f) - camera.up * ((y - 2 * camera.cy) / f) + camera.forward;
  if (id < 0) return skyColour(scene.sky, scene.light, ray);
  const Triangle& t = scene.triangles[id];
  const Vertex &a = scene.vertices[t.a], &b = scene.vertices[t.b], &c = scene.vertices[t.c];
  Setup own;
  if (rolling) prepare(camera, seen(camera, a.position), seen(camera, b.position), seen(camera, c.position), own);
  const Setup& s = rolling ? own : setups_[id];
  float w0 = std::max(s.weight[0].at(x, y), 0.f), w1 = std::max(s.weight[1].at(x, y), 0.f), w2 = std::max(s.weight[2].at(x, y), 0.f);
  float z = 1 / std::max(w0 + w1 + w2, 1e-9f);
  w0 *= z; w1 *= z; w2 *= z;
  const Material& m = scene.materials[t.material];
  const Lighting& light = scene.light;
  Vec3 point = a.position * w0 + b.position * w1 + c.position * w2;
  Vec3 n = normalize(a.normal * w0 + b.normal * w1 + c.normal * w2), view = normalize(-ray);
  Vec3 face = cross(b.position - a.position, c.position - a.position);
  if (dot(face, view) < 0) face = -face;
  if (dot(n, face) < 0) n = -n;
  float facing = std::fabs(dot(normalize(face), view));

  float u = a.u * w0 + b.u * w1 + c.u * w2, v = a.v * w0 + b.v * w1 + c.v * w2;
  float tu = (u * m.cosine - v * m.sine) * m.scale, tv = (u * m.sine + v * m.cosine) * m.scale;
  float level = std::log2(std::max(1e-4f, Texture::kSize * m.scale * z / camera.focal / std::sqrt(std::max(facing, 0.05f))));
  Vec3 albedo = m.offset + m.gain * gTextures[m.texture].sample(tu, tv, level);
  if (m.stain > 0) albedo = albedo * (1 + m.stain * (2 * fractal(u * 0.9f, v * 0.9f, 2, t.material) - 0.75f));
  albedo = {clamp(albedo.x, 0.01f, 1), clamp(albedo.y, 0.01f, 1), clamp(albedo.z, 0.01f, 1)};
  albedo = albedo * albedo;  // to linear light, nearly
  float wet = 0;
  if (m.mirror > 0 && scene.mirror.on && std::fabs(n.y) > 0.7f) {
    wet = m.mirror;
    if (m.puddles > 0) wet *= mix(1.f, clamp((fractal(point.x * 0.35f, point.z * 0.35f, 4, 77) - 0.45f) * 9, 0, 1), m.puddles);
    albedo = albedo * (1 - 0.6f * wet);
  }

  float open = occlusion_[py * size_ + px];
  float direct = std::max(0.f, dot(n, light.sunDirection));
  if (direct > 0) direct *= shadowed(scene, point + n * (light.shadowRadius * 0.006f), px, py);
  Vec3 incoming = light.sun * direct + mix(light.ambientBelow, light.ambientAbove, 0.5f + 0.5f * n.y) * open;
  Vec3 shine;
  auto highlight = [&](const Vec3& from) { return m.specular * std::pow(std::max(0.f, dot(n, normalize(view + from))), m.gloss); };
  if (m.specular > 0 && direct > 0) shine = light.sun * (highlight(light.sunDirection) * direct);
  for (const PointLight& p : light.points) {
    Vec3 d = p.position - point;
    float square = dot(d, d), fall = 1 / (1 + square * 0.5f);
    Vec3 from = d * (1 / std::sqrt(square + 1e-6f));
    incoming = incoming + p.colour * (std::max(0.f, dot(n, from)) * fall * (0.4f + 0.6f * open));
    if (m.specular > 0) shine = shine + p.colour * (highlight(from) * fall);
  }
  if (m.specular > 0) {  // a smooth surface mirrors the sky at grazing angles
    Vec3 mirrored = n * (2 * dot(n, view)) - view;
    Vec3 there = mirrored.y > 0 ? mix(light.ambientAbove, scene.sky.horizon, 0.5f) : light.ambientBelow;
    shine = shine + there * (std::pow(1 - facing, 4.f) * m.specular);
  }
  if (wet > 0) shine = shine + reflected(scene.mirror, point, x, y) * (wet * (0.2f + 0.8f * std::pow(1 - facing, 2.f)));
  if (m.glaze > 0) {
    Vec3 mirrored = normalize(n * (2 * dot(n, view)) - view);
    float roofs = 0.35f * valueNoise(std::atan2(mirrored.x, mirrored.z) * 9, 0.5f, t.material) - 0.05f;
    Vec3 there = mirrored.y > roofs ? skyColour(scene.sky, light, mirrored) : mix(light.ambientBelow, light.ambientAbove, 0.3f) * 0.4f;
    shine = shine + there * (m.glaze * (0.1f + 0.9f * std::pow(1 - facing, 2.f)));
  }
  Vec3 colour = albedo * incoming * (0.6f + 0.4f * open) + shine + albedo * m.emission;
  return light.fog > 0 ? mix(light.fogColour, colour, std::exp(-z * light.fog)) : colour;
}
