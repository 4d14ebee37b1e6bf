#include "scene.h"
#include "noise.h"
#include "random.h"

int Scene::vertex(const Vec3& p, const Vec3& n, float u, float v) {
  vertices.push_back({p, n, u, v});
  return int(vertices.size()) - 1;
}

void Scene::triangle(int a, int b, int c, int material) { triangles.push_back({a, b, c, material}); }

void Scene::quad(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d, int material, float u0, float v0) {
  Vec3 n = normalize(cross(b - a, d - a));
  float wide = length(b - a), high = length(d - a);
  int i = vertex(a, n, u0, v0);
  vertex(b, n, u0 + wide, v0);
  vertex(c, n, u0 + wide, v0 + high);
  vertex(d, n, u0, v0 + high);
  triangle(i, i + 1, i + 2, material);
  triangle(i, i + 2, i + 3, material);
}

void Scene::box(const Frame& f, const Vec3& centre, const Vec3& half, int material, int top) {
  Vec3 p[8];
  for (int i = 0; i < 8; i++)
    p[i] = f.point(centre + Vec3{i & 1 ? half.x : -half.x, i & 2 ? half.y : -half.y, i & 4 ? half.z : -half.z});
  quad(p[0], p[1], p[3], p[2], material);
  quad(p[5], p[4], p[6], p[7], material);
  quad(p[4], p[0], p[2], p[6], material);
  quad(p[1], p[5], p[7], p[3], material);
  quad(p[2], p[3], p[7], p[6], top < 0 ? material : top);
  quad(p[4], p[5], p[1], p[0], material);
}

void Scene::lathe(const Frame& f, const Profile& profile, int sides, int material, float stretchX, float stretchZ, float rough, int seed) {
  int count = int(profile.size()), base = int(vertices.size());
  float arc = 0;
  for (int j = 0; j < count; j++) {
    auto [radius, y] = profile[j];
    if (j) arc += std::hypot(radius - profile[j - 1].first, y - profile[j - 1].second);
    auto before = profile[std::max(0, j - 1)], after = profile[std::min(count - 1, j + 1)];
    float dr = after.first - before.first, dy = after.second - before.second;
    for (int i = 0; i <= sides; i++) {
      float angle = 2 * kPi * i / sides, c = std::cos(angle), s = std::sin(angle);
      float lump = rough > 0 ? 1 + rough * (2 * hashUnit(i % sides, j, seed) - 1) : 1;
      Vec3 p{c * radius * stretchX * lump, y * (rough > 0 ? 0.5f + 0.5f * lump : 1), s * radius * stretchZ * lump};
      vertex(f.point(p), f.direction(normalize({c * dy / stretchX, -dr, s * dy / stretchZ})), angle * std::max(radius, 0.02f), arc);
    }
  }
  for (int j = 0; j + 1 < count; j++)
    for (int i = 0; i < sides; i++) {
      int a = base + j * (sides + 1) + i, c = a + sides + 1;
      if (profile[j].first > 0) triangle(a, a + 1, c + 1, material);
      if (profile[j + 1].first > 0) triangle(a, c + 1, c, material);
    }
}

void Scene::cylinder(const Frame& f, float bottom, float top, float height, int sides, int material) {
  lathe(f, {{0, 0}, {bottom, 0}, {bottom, 1e-4f}, {top, height}, {top, height + 1e-4f}, {0, height + 2e-4f}}, sides, material);
}

void Scene::ellipsoid(const Frame& f, const Vec3& centre, const Vec3& radii, int material, int rings, int sides, float rough, int seed) {
  Profile circle;
  for (int j = 0; j <= rings; j++) {
    float angle = kPi * j / rings - kPi / 2;
    circle.push_back({j == 0 || j == rings ? 0.f : std::cos(angle), std::sin(angle)});
  }
  Frame scaled = f;
  scaled.origin = f.point(centre);
  scaled.ey = f.ey * radii.y;
  int first = int(vertices.size());
  lathe(scaled, circle, sides, material, radii.x, radii.z, rough, seed);
  for (int i = first; i < int(vertices.size()); i++) {
    Vec3 d = vertices[i].position - scaled.origin;
    vertices[i].normal = normalize(f.ex * (dot(d, f.ex) / (radii.x * radii.x)) + f.ey * (dot(d, f.ey) / (radii.y * radii.y)) +
                                   f.ez * (dot(d, f.ez) / (radii.z * radii.z)));
    vertices[i].v *= radii.y;
    vertices[i].u *= std::max(radii.x, radii.z);
  }
}

static Frame alongAxis(const Vec3& from, const Vec3& axis) {
  Vec3 y = length(axis) > 1e-5f ? normalize(axis) : Vec3{0, 1, 0};
  Frame f;
  f.origin = from;
  f.ey = y;
  f.ex = normalize(cross(std::fabs(y.y) < 0.9f ? Vec3{0, 1, 0} : Vec3{1, 0, 0}, y));
  f.ez = cross(f.ex, y);
  return f;
}

void Scene::capsule(const Vec3& a, float ra, const Vec3& b, float rb, int material, int sides) {
  float reach = length(b - a);
  Profile p{{0, -ra}};
  for (int k = 1; k < 3; k++) {
    float angle = kPi / 2 * (1 - k / 3.f);
    p.push_back({ra * std::cos(angle), -ra * std::sin(angle)});
  }
  p.push_back({ra, 0});
  p.push_back({rb, reach});
  for (int k = 2; k > 0; k--) {
    float angle = kPi / 2 * (1 - k / 3.f);
    p.push_back({rb * std::cos(angle), reach + rb * std::sin(angle)});
  }
  p.push_back({0, reach + rb});
  lathe(alongAxis(a, b - a), p, sides, material);
}

void Scene::tube(const Vec3& a, float ra, const Vec3& b, float rb, int material, int sides) {
  lathe(alongAxis(a, b - a), {{ra, 0}, {rb, length(b - a)}}, sides, material);
}

void Scene::loft(const std::vector<Ring>& rings, const Vec3& side, int sides, int material, float rough, int seed) {
  int count = int(rings.size()), base = int(vertices.size());
  float arc = 0;
  for (int j = 0; j < count; j++) {
    if (j) arc += length(rings[j].centre - rings[j - 1].centre);
    Vec3 axis = normalize(rings[std::min(count - 1, j + 1)].centre - rings[std::max(0, j - 1)].centre);
    Vec3 wide = normalize(side - axis * dot(side, axis)), deep = cross(wide, axis);
    for (int i = 0; i <= sides; i++) {
      float angle = 2 * kPi * i / sides, c = std::cos(angle), s = std::sin(angle);
      float lump = rough > 0 ? 1 + rough * (2 * valueNoise(i % sides * 0.7f, arc * 12, seed) - 1) : 1;
      Vec3 offset = wide * (c * rings[j].wide * lump) + deep * (s * rings[j].deep * lump);
      Vec3 n = wide * (c / std::max(rings[j].wide, 1e-4f)) + deep * (s / std::max(rings[j].deep, 1e-4f));
      vertex(rings[j].centre + offset, normalize(n), angle * rings[j].wide, arc);
    }
  }
  for (int j = 0; j + 1 < count; j++)
    for (int i = 0; i < sides; i++) {
      int a = base + j * (sides + 1) + i, c = a + sides + 1;
      triangle(a, a + 1, c + 1, material);
      triangle(a, c + 1, c, material);
    }
  for (int end : {0, count - 1}) {  // close both ends
    Vec3 outward = normalize(rings[end].centre - rings[end ? end - 1 : 1].centre);
    int middle = vertex(rings[end].centre + outward * (0.5f * std::min(rings[end].wide, rings[end].deep)), outward, 0, arc);
    for (int i = 0; i < sides; i++) {
      int a = base + end * (sides + 1) + i;
      triangle(a, a + 1, middle, material);
    }
  }
}

void Scene::grid(const std::function<Vec3(float, float)>& surface, int nx, int ny, int material, float uScale, float vScale) {
  int base = int(vertices.size());
  for (int j = 0; j <= ny; j++)
    for (int i = 0; i <= nx; i++) {
      float u = float(i) / nx, v = float(j) / ny;
      vertex(surface(u, v), {}, uScale * u, vScale * v);
    }
  auto at = [&](int i, int j) -> Vertex& {
    return vertices[base + std::min(std::max(j, 0), ny) * (nx + 1) + std::min(std::max(i, 0), nx)];
  };
  for (int j = 0; j <= ny; j++)
    for (int i = 0; i <= nx; i++)
      at(i, j).normal = normalize(cross(at(i, j + 1).position - at(i, j - 1).position, at(i + 1, j).position - at(i - 1, j).position));
  for (int j = 0; j < ny; j++)
    for (int i = 0; i < nx; i++) {
      int a = base + j * (nx + 1) + i;
      triangle(a, a + 1, a + nx + 2, material);
      triangle(a, a + nx + 2, a + nx + 1, material);
    }
}

void Scene::foliage(Random& r, const Vec3& centre, const Vec3& radii, int count, float size, int material, bool shell) {
  auto direction = [&] {
    float z = r.uniform(-1, 1), a = r.uniform(0, 2 * kPi), q = std::sqrt(std::max(0.f, 1 - z * z));
    return Vec3{q * std::cos(a), z, q * std::sin(a)};
  };
  for (int k = 0; k < count; k++) {
    Vec3 d = direction(), p = centre + d * radii * std::pow(r.unit(), shell ? 0.25f : 0.4f);
    Vec3 a = normalize(direction()), b = normalize(cross(a, direction() + Vec3{0, 0.3f, 0}));
    float s = size * r.uniform(0.6f, 1.4f), u = r.uniform(0, 3), v = r.uniform(0, 3);
    Vec3 n = normalize(d + direction() * 0.5f);
    int i = vertex(p - a * s, n, u, v);
    vertex(p + b * (s * 0.5f), n, u + s, v);
    vertex(p + a * s, n, u + s, v + s);
    vertex(p - b * (s * 0.5f), n, u, v + s);
    triangle(i, i + 1, i + 2, material);
    triangle(i, i + 2, i + 3, material);
  }
}
