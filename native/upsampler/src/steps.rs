//! Where depth has a step: the least and the greatest value around each pixel, and how much of their difference lies between
//! close neighbours. On an even slope that is a third, at a step nearly all of it.
use crate::{Plan, RADIUS};
use core::arch::wasm32::*;

/// Least in scratch 0, greatest in 1, share of the difference in 2.
pub unsafe fn find(plan: &Plan) {
    let map = plan.planes[3];
    let [least, most, slope, _] = plan.scratch;
    // Across, into planes that the fit fills later.
    let [low, high, steep, gradient] = plan.fit;
    let rows = |y: usize, d: usize| (inside(y, plan.height) + d).saturating_sub(RADIUS).min(plan.height - 1);
    unsafe {
        for y in 0..plan.height {
            let (here, out) = (map.row(y), gradient.row(y));
            let above = map.row(y.saturating_sub(1));
            let below = map.row((y + 1).min(plan.height - 1));
            for x in (0..plan.width).step_by(4) {
                let across = f32x4_abs(f32x4_sub(load(here.add(x + 1)), load(here.offset(x as isize - 1))));
                let down = f32x4_abs(f32x4_sub(load(below.add(x)), load(above.add(x))));
                v128_store(out.add(x).cast(), f32x4_pmax(across, down));
            }
            gradient.pad(y);
            for x in (0..plan.width).step_by(4) {
                let from = here.offset(x as isize - RADIUS as isize);
                let slopes = gradient.row(y).offset(x as isize - RADIUS as isize);
                let (mut lo, mut hi, mut st) = (load(from), load(from), load(slopes));
                for d in 1..=2 * RADIUS {
                    lo = f32x4_pmin(lo, load(from.add(d)));
                    hi = f32x4_pmax(hi, load(from.add(d)));
                    st = f32x4_pmax(st, load(slopes.add(d)));
                }
                v128_store(low.row(y).add(x).cast(), lo);
                v128_store(high.row(y).add(x).cast(), hi);
                v128_store(steep.row(y).add(x).cast(), st);
            }
            for plane in [low, high, steep] {
                let row = plane.row(y);
                for x in (0..RADIUS).chain(plan.width.saturating_sub(RADIUS)..plan.width) {
                    *row.add(x) = *row.add(inside(x, plan.width));
                }
            }
        }
        for y in 0..plan.height {
            for x in (0..plan.width).step_by(4) {
                let first = rows(y, 0);
                let at = |plane: crate::Plane, row: usize| load(plane.row(row).add(x));
                let (mut lo, mut hi, mut st) = (at(low, first), at(high, first), at(steep, first));
                for d in 1..=2 * RADIUS {
                    let row = rows(y, d);
                    lo = f32x4_pmin(lo, at(low, row));
                    hi = f32x4_pmax(hi, at(high, row));
                    st = f32x4_pmax(st, at(steep, row));
                }
                let reach = f32x4_pmax(f32x4_sub(hi, lo), f32x4_splat(1e-20));
                v128_store(least.row(y).add(x).cast(), lo);
                v128_store(most.row(y).add(x).cast(), hi);
                v128_store(slope.row(y).add(x).cast(), f32x4_div(st, reach));
            }
        }
    }
}

/// The middle of the window of a place: one that reached beyond the map would see less of a slope, and take it for a step.
fn inside(place: usize, length: usize) -> usize {
    if length > 2 * RADIUS { place.clamp(RADIUS, length - 1 - RADIUS) } else { place }
}

pub unsafe fn load(from: *const f32) -> v128 {
    unsafe { v128_load(from.cast()) }
}
