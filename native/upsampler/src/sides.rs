//! Blurred steps of depth made steep, at the map's size: the texels around each vote for the nearer or the farther side.
use crate::memory::floats;
use crate::steps::load;
use crate::{Plan, Plane, fit, steps};
use core::arch::wasm32::*;

const REACH: usize = 4;
const SIDE: usize = 2 * REACH + 1;
/// A window's rows are read in whole vectors.
const WIDE: usize = SIDE.div_ceil(4) * 4;
/// Deviations of colour (0 to 1) and place (texels) at which a neighbour weighs 0.6.
const COLOUR: f32 = 0.04;
const PLACE: f32 = 3.0;
/// What the least alike neighbour weighs.
const LEAST: f32 = 1e-5;
const PASSES: usize = 2;
/// Shares of a window's difference that lie between close neighbours where nothing is decided, and where all is: a network spreads its
/// steps over half a window.
const SLOPE: f32 = 0.35;
const STEP: f32 = 0.6;
/// The same between a texel's own neighbours, where it is on a side, and where it is between both; and what the latter weighs.
const PURE: f32 = 0.3;
const MIXED: f32 = 0.6;
const DOUBT: f32 = 0.02;
/// Shares of the votes between which a texel takes something of both sides, so that outlines do not flicker.
const LOSES: f32 = 0.15;
const WINS: f32 = 0.85;

/// By place: [SIDE][WIDE], zero beyond the window.
pub fn weights() -> Option<*mut f32> {
    let made = floats(SIDE * WIDE)?;
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (across, down) = (x as f32 - REACH as f32, y as f32 - REACH as f32);
            unsafe { *made.add(y * WIDE + x) = exp(-0.5 * (across * across + down * down) / (PLACE * PLACE)) };
        }
    }
    Some(made)
}

/// e^x for small negative x.
fn exp(x: f32) -> f32 {
    let mut power = 1.0 + x / 4096.0;
    for _ in 0..12 {
        power *= power;
    }
    power
}

/// Replaces the map, from one copy to another.
pub unsafe fn decide(plan: &mut Plan, even: f32) {
    for _ in 0..PASSES {
        unsafe {
            steps::find(plan);
            let sure = doubt(plan);
            let [least, most, share, to] = plan.scratch;
            for y in 0..plan.height {
                let from = plan.planes[3].row(y);
                for x in 0..plan.width {
                    let (low, high) = (*least.row(y).add(x), *most.row(y).add(x));
                    let uneven = ((high - low) / even - 1.0).clamp(0.0, 1.0);
                    let steep = ((*share.row(y).add(x) - SLOPE) / (STEP - SLOPE)).clamp(0.0, 1.0);
                    let value = *from.add(x);
                    *to.row(y).add(x) = match uneven * steep {
                        part if part > 0.0 => value + (vote(plan, sure, x, y, 0.5 * (low + high)) - value) * part,
                        _ => value,
                    };
                }
                to.pad(y);
            }
        }
        core::mem::swap(&mut plan.planes[3], &mut plan.scratch[3]);
    }
}

/// What each texel's vote weighs, by how clearly it is on one side.
unsafe fn doubt(plan: &Plan) -> Plane {
    let [least, most, ..] = plan.scratch;
    let [sure, _, _, gradient] = plan.fit;
    unsafe {
        for y in 0..plan.height {
            for x in (0..plan.width).step_by(4) {
                let at = |plane: Plane| load(plane.row(y).add(x));
                let reach = f32x4_pmax(f32x4_sub(at(most), at(least)), f32x4_splat(1e-20));
                let mixed = fit::ramp(f32x4_div(at(gradient), reach), PURE, MIXED);
                let weight = f32x4_pmax(f32x4_sub(f32x4_splat(1.0), mixed), f32x4_splat(DOUBT));
                v128_store(sure.row(y).add(x).cast(), weight);
            }
            sure.pad(y);
        }
    }
    sure
}

/// The mean of the side that wins, weighted as its votes: a joint bilateral filter (Kopf et al., SIGGRAPH 2007) of that side alone.
unsafe fn vote(plan: &Plan, sure: Plane, x: usize, y: usize, middle: f32) -> f32 {
    unsafe {
        let [hy, hu, hv] = [0, 1, 2].map(|n| f32x4_splat(*plan.planes[n].row(y).add(x)));
        // e^-x as (1 - x/16)^16.
        let unlike = f32x4_splat(-1.0 / (32.0 * COLOUR * COLOUR));
        let [zero, one, floor, middle] = [0.0, 1.0, LEAST, middle].map(|value| f32x4_splat(value));
        let square = |a, b| {
            let d = f32x4_sub(a, b);
            f32x4_mul(d, d)
        };
        let (mut all, mut sum, mut near, mut near_sum) = (zero, zero, zero, zero);
        for d in 0..SIDE {
            let row = (y + d).saturating_sub(REACH).min(plan.height - 1);
            for c in (0..WIDE).step_by(4) {
                // Padding is as wide as the window; beyond it nothing weighs anything.
                let at = |plane: Plane| load(plane.row(row).add(x + c).sub(REACH));
                let difference = f32x4_add(
                    f32x4_add(square(at(plan.planes[0]), hy), square(at(plan.planes[1]), hu)),
                    square(at(plan.planes[2]), hv),
                );
                let mut weight = f32x4_pmax(f32x4_add(one, f32x4_mul(difference, unlike)), zero);
                for _ in 0..4 {
                    weight = f32x4_mul(weight, weight);
                }
                let place = f32x4_mul(load(plan.weights.add(d * WIDE + c)), at(sure));
                weight = f32x4_mul(f32x4_add(weight, floor), place);
                let value = at(plan.planes[3]);
                let weighted = f32x4_mul(weight, value);
                let nearer = f32x4_ge(value, middle);
                all = f32x4_add(all, weight);
                sum = f32x4_add(sum, weighted);
                near = f32x4_add(near, v128_and(weight, nearer));
                near_sum = f32x4_add(near_sum, v128_and(weighted, nearer));
            }
        }
        let [all, sum, near, near_sum] = [all, sum, near, near_sum].map(|v| {
            f32x4_extract_lane::<0>(v)
                + f32x4_extract_lane::<1>(v)
                + f32x4_extract_lane::<2>(v)
                + f32x4_extract_lane::<3>(v)
        });
        let share = ((near / all - LOSES) / (WINS - LOSES)).clamp(0.0, 1.0);
        // Of a side without votes nothing is taken.
        match share {
            1.0 => near_sum / near,
            0.0 => (sum - near_sum) / (all - near),
            _ => {
                let far = (sum - near_sum) / (all - near);
                far + (near_sum / near - far) * share
            }
        }
    }
}
