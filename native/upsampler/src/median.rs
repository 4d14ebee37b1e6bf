//! Weighted medians at the map's size, at steps of depth.
use crate::fit::SLOPE;
use crate::memory::floats;
use crate::steps::load;
use crate::{Plan, steps};
use core::arch::wasm32::*;

const REACH: usize = 4;
const SIDE: usize = 2 * REACH + 1;
/// A window's rows are read in whole vectors.
const WIDE: usize = SIDE.div_ceil(4) * 4;
/// Deviations of colour (0 to 1) and place (pixels) at which a neighbour weighs 0.6.
const COLOUR: f32 = 0.05;
const PLACE: f32 = 3.0;
const PASSES: usize = 2;
/// Bins of a window's values.
const BINS: usize = 32;
/// What the least alike neighbour weighs.
const LEAST: f32 = 1e-6;

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
pub unsafe fn clean(plan: &mut Plan, even: f32) {
    unsafe { steps::find(plan) };
    for _ in 0..PASSES {
        unsafe {
            let [least, most, share, to] = plan.scratch;
            for y in 0..plan.height {
                let from = plan.planes[3].row(y);
                for x in 0..plan.width {
                    let (low, high) = (*least.row(y).add(x), *most.row(y).add(x));
                    let step = high - low > even && *share.row(y).add(x) > SLOPE;
                    *to.row(y).add(x) = if step { median(plan, x, y) } else { *from.add(x) };
                }
                to.pad(y);
            }
        }
        core::mem::swap(&mut plan.planes[3], &mut plan.scratch[3]);
    }
}

unsafe fn median(plan: &Plan, x: usize, y: usize) -> f32 {
    unsafe {
        // Padding is as wide as the window.
        let rows = |d: usize| (y + d).saturating_sub(REACH).min(plan.height - 1);
        let at = |plane: usize, row: usize, c: usize| load(plan.planes[plane].row(row).add(x + c).sub(REACH));
        let (mut low, mut high) = (f32x4_splat(f32::MAX), f32x4_splat(f32::MIN));
        for d in 0..SIDE {
            // The last vector begins one earlier, within the window.
            for c in [0, 4, SIDE - 4] {
                let values = at(3, rows(d), c);
                low = f32x4_pmin(low, values);
                high = f32x4_pmax(high, values);
            }
        }
        let fold = |v: v128, f: fn(f32, f32) -> f32| {
            let (a, b) = (f(f32x4_extract_lane::<0>(v), f32x4_extract_lane::<1>(v)), f32x4_extract_lane::<2>(v));
            f(f(a, b), f32x4_extract_lane::<3>(v))
        };
        let (least, most) = (fold(low, f32::min), fold(high, f32::max));
        if most <= least {
            return least;
        }
        let [hy, hu, hv] = [0, 1, 2].map(|n| f32x4_splat(*plan.planes[n].row(y).add(x)));
        let to_bin = f32x4_splat((BINS as f32 - 0.01) / (most - least));
        // e^-x as (1 - x/16)^16.
        let unlike = f32x4_splat(-1.0 / (32.0 * COLOUR * COLOUR));
        let [zero, one, floor] = [f32x4_splat(0.0), f32x4_splat(1.0), f32x4_splat(LEAST)];
        let square = |a, b| {
            let d = f32x4_sub(a, b);
            f32x4_mul(d, d)
        };
        let (mut weights, mut values) = ([0f32; BINS], [0f32; BINS]);
        let mut total = zero;
        for d in 0..SIDE {
            let row = rows(d);
            for c in (0..WIDE).step_by(4) {
                let difference = f32x4_add(
                    f32x4_add(square(at(0, row, c), hy), square(at(1, row, c), hu)),
                    square(at(2, row, c), hv),
                );
                let mut weight = f32x4_pmax(f32x4_add(one, f32x4_mul(difference, unlike)), zero);
                for _ in 0..4 {
                    weight = f32x4_mul(weight, weight);
                }
                weight = f32x4_mul(f32x4_add(weight, floor), load(plan.weights.add(d * WIDE + c)));
                total = f32x4_add(total, weight);
                let value = at(3, row, c);
                // Beyond the window nothing weighs anything, whatever bin it is counted in.
                let bin = i32x4_trunc_sat_f32x4(f32x4_mul(f32x4_sub(value, f32x4_splat(least)), to_bin));
                let weighted = f32x4_mul(weight, value);
                macro_rules! count {
                    ($($lane:literal)*) => {$(
                        let n = i32x4_extract_lane::<$lane>(bin) as usize & (BINS - 1);
                        weights[n] += f32x4_extract_lane::<$lane>(weight);
                        values[n] += f32x4_extract_lane::<$lane>(weighted);
                    )*};
                }
                count!(0 1 2 3);
            }
        }
        let half = 0.5 * fold(total, |a, b| a + b);
        let mut sum = 0.0;
        for bin in 0..BINS {
            sum += weights[bin];
            if sum >= half {
                return values[bin] / weights[bin];
            }
        }
        most
    }
}
