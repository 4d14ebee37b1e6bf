//! Weighted medians at the map's size, near steps of depth.
use crate::Plan;
use crate::memory::floats;

const REACH: usize = 4;
const SIDE: usize = 2 * REACH + 1;
/// Deviations of colour (0 to 1) and place (pixels) at which a neighbour weighs 0.6.
const COLOUR: f32 = 0.05;
const PLACE: f32 = 3.0;
const PASSES: usize = 2;
/// Steps of squared difference of colour, in COLOUR, and how many of them.
const STEP: f32 = 1.0 / 32.0;
const STEPS: usize = 512;
/// Bins of a window's values.
const BINS: usize = 32;
/// What the least alike neighbour weighs.
const LEAST: f32 = 1e-6;

/// [STEPS + 1] by colour, then [SIDE * SIDE] by place.
pub fn weights() -> Option<*mut f32> {
    let made = floats(STEPS + 1 + SIDE * SIDE)?;
    unsafe {
        for n in 0..STEPS {
            *made.add(n) = exp(-0.5 * (n as f32 + 0.5) * STEP);
        }
        for n in 0..SIDE * SIDE {
            let (x, y) = ((n % SIDE) as f32 - REACH as f32, (n / SIDE) as f32 - REACH as f32);
            *made.add(STEPS + 1 + n) = exp(-0.5 * (x * x + y * y) / (PLACE * PLACE));
        }
    }
    Some(made)
}

/// e^x for x from -16 to 0: (1 + x/1024)^1024 to a hundredth.
fn exp(x: f32) -> f32 {
    let mut power = 1.0 + x / 4096.0;
    for _ in 0..12 {
        power *= power;
    }
    power
}

/// Replaces the map, from one copy to another.
pub unsafe fn clean(plan: &mut Plan, even: f32) {
    for _ in 0..PASSES {
        unsafe {
            let to = plan.scratch[3];
            for y in 0..plan.height {
                for x in 0..plan.width {
                    *to.row(y).add(x) = median(plan, x, y, even);
                }
                to.pad(y);
            }
        }
        core::mem::swap(&mut plan.planes[3], &mut plan.scratch[3]);
    }
}

unsafe fn median(plan: &Plan, x: usize, y: usize, even: f32) -> f32 {
    let [py, pu, pv, map] = plan.planes;
    unsafe {
        // Padding is as wide as the window.
        let rows = |d: usize| (y + d).saturating_sub(REACH).min(plan.height - 1);
        let columns = x as isize - REACH as isize;
        let here = *map.row(y).add(x);
        let (mut least, mut most) = (here, here);
        for d in 0..SIDE {
            let row = map.row(rows(d)).offset(columns);
            for c in 0..SIDE {
                least = least.min(*row.add(c));
                most = most.max(*row.add(c));
            }
        }
        if most - least <= even {
            return here;
        }
        let colour = [py, pu, pv].map(|plane| *plane.row(y).add(x));
        let (mut weights, mut values) = ([0f32; BINS], [0f32; BINS]);
        let mut total = 0.0;
        let to_bin = (BINS as f32 - 0.01) / (most - least);
        for d in 0..SIDE {
            let row = rows(d);
            let [ry, ru, rv, rp] = [py, pu, pv, map].map(|plane| plane.row(row).offset(columns));
            for c in 0..SIDE {
                let [dy, du, dv] = [*ry.add(c) - colour[0], *ru.add(c) - colour[1], *rv.add(c) - colour[2]];
                let unlike = (dy * dy + du * du + dv * dv) * (1.0 / (COLOUR * COLOUR * STEP));
                let weight = *plan.weights.add((unlike as usize).min(STEPS))
                    * *plan.weights.add(STEPS + 1 + d * SIDE + c)
                    + LEAST;
                let value = *rp.add(c);
                let bin = (((value - least) * to_bin) as usize).min(BINS - 1);
                weights[bin] += weight;
                values[bin] += weight * value;
                total += weight;
            }
        }
        let mut sum = 0.0;
        for bin in 0..BINS {
            sum += weights[bin];
            if sum >= 0.5 * total {
                return values[bin] / weights[bin];
            }
        }
        here
    }
}
