// Things that stand in scenes. Frames: origin on the surface that carries the thing, front along +z.
#pragma once
#include "stage.h"

// Small things on tables and shelves; size 1 is life-size
void item(Stage& g, const Frame& f, float size);
void clutter(Stage& g, const Frame& f, float halfWidth, float halfDepth, int count, float size);
void bookRow(Stage& g, const Frame& f, float width, float height, float depth);
void monitor(Stage& g, const Frame& f);
void laptop(Stage& g, const Frame& f, float size);
void tableLamp(Stage& g, const Frame& f);

void table(Stage& g, const Frame& f, bool withClutter);
void desk(Stage& g, const Frame& f);
void chair(Stage& g, const Frame& f);
void sofa(Stage& g, const Frame& f);
void bed(Stage& g, const Frame& f);
void shelf(Stage& g, const Frame& f);
void cabinet(Stage& g, const Frame& f);
void kitchen(Stage& g, const Frame& f);
void plant(Stage& g, const Frame& f);
void floorLamp(Stage& g, const Frame& f);
void boxes(Stage& g, const Frame& f);
void stairs(Stage& g, const Frame& f, float width, int steps);
void ladder(Stage& g, const Frame& f, float height);
void railing(Stage& g, const Vec3& from, const Vec3& to, float height);
void coatRack(Stage& g, const Frame& f);
void radiator(Stage& g, const Frame& f);
void tripod(Stage& g, const Frame& f);
void curtain(Stage& g, const Frame& wall, float centre, float width, float bottom, float top);

void tree(Stage& g, const Frame& f, float height);
void bush(Stage& g, const Frame& f, float radius);
void boulder(Stage& g, const Frame& f, float radius, int material);
void car(Stage& g, const Frame& f);
void bicycle(Stage& g, const Frame& f);
void pole(Stage& g, const Frame& f, float height);
void bench(Stage& g, const Frame& f);
void fence(Stage& g, const Vec3& from, const Vec3& to);
void truss(Stage& g, const Vec3& origin);
void building(Stage& g, const Frame& f, float width, float height, float depth, float facing, bool detailed);

enum class Pose { Standing, Walking, Sitting };
// A person of random build and dress; near: with a face. Returns the height of the head's centre above the frame.
float person(Stage& g, const Frame& f, Pose pose, bool near);
// An arm and hand reaching from the camera's side to a point
void reachingArm(Stage& g, const Vec3& from, const Vec3& to);
