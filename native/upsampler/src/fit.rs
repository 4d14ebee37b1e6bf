//! The guided filter's factors and offset at the map's size.
use crate::steps::load;
use crate::{Plan, Plane, RADIUS};
use core::arch::wasm32::*;

/// Variance of the guide (0 to 1) that counts as none.
const FLAT: f32 = 1e-4;
/// Shares of a map's variance in a window that are too little to trust the fit, and enough.
const UNEXPLAINED: f32 = 0.1;
const EXPLAINED: f32 = 0.4;
/// Shares of a window's difference that lie between close neighbours on slopes, and at steps.
const SLOPE: f32 = 0.5;
const STEP: f32 = 0.8;
const SIDE: usize = 2 * RADIUS + 1;
const SHARE: f32 = 1.0 / (SIDE * SIDE) as f32;

/// Where depth only slopes, nothing is fitted to colour: these are the shares of a slope and of the softest step.
const EVEN_SLOPE: f32 = 0.35;
const SOFT_STEP: f32 = 0.5;

/// @param even differences of the map that count as none @param steps_alone leaves slopes as they are, however steep
pub unsafe fn fit(plan: &Plan, even: f32, steps_alone: bool) {
    unsafe {
        let products = |row: usize, x: usize| {
            let [y, u, v, p] = plan.planes.map(|plane| load(plane.start(row).add(x)));
            let m = f32x4_mul;
            [y, u, v, p, m(y, y), m(y, u), m(y, v), m(u, u), m(u, v), m(v, v), m(y, p), m(u, p), m(v, p), m(p, p)]
        };
        windows(plan, products, |row, x, sums| {
            let fit = solve(sums.map(|sum| f32x4_mul(sum, f32x4_splat(SHARE))), even * even / 16.0);
            for (plane, value) in fits_of(plan).iter().zip(fit) {
                v128_store(plane.row(row).add(x).cast(), value);
            }
        });
        for plane in fits_of(plan) {
            for y in 0..plan.height {
                plane.pad(y);
            }
        }
        let fits = |row: usize, x: usize| fits_of(plan).map(|plane| load(plane.start(row).add(x)));
        windows(plan, fits, |row, x, sums| {
            let [fy, fu, fv, offset, explained] = sums.map(|sum| f32x4_mul(sum, f32x4_splat(SHARE)));
            let [least, most, slope, _] = plan.scratch.map(|plane: Plane| load(plane.row(row).add(x)));
            let plain = load(plan.planes[3].row(row).add(x));
            // What colour does not explain is interpolated.
            let explained = ramp(explained, UNEXPLAINED, EXPLAINED);
            let trust = match steps_alone {
                true => f32x4_mul(explained, ramp(slope, EVEN_SLOPE, SOFT_STEP)),
                false => explained,
            };
            let factors = [fy, fu, fv].map(|factor| f32x4_mul(factor, trust));
            let first =
                [factors[0], factors[1], factors[2], f32x4_add(plain, f32x4_mul(f32x4_sub(offset, plain), trust))];
            let second = [plain, least, f32x4_sub(most, least), f32x4_mul(ramp(slope, SLOPE, STEP), trust)];
            let cell = plan.table.add((row * (plan.width + 1) + x) * 8);
            let columns = (plan.width - x).min(4);
            for (half, four) in [transpose(first), transpose(second)].into_iter().enumerate() {
                for (n, value) in four.into_iter().take(columns).enumerate() {
                    v128_store(cell.add(8 * n + 4 * half).cast(), value);
                }
            }
            if x + 4 >= plan.width {
                // Each pixel has a right neighbour.
                let last = plan.table.add((row * (plan.width + 1) + plan.width - 1) * 8);
                v128_store(last.add(8).cast(), load(last));
                v128_store(last.add(12).cast(), load(last.add(4)));
            }
        });
    }
}

/// Sums over square windows of N quantities: running sums down the columns, plain ones across.
#[inline(always)]
unsafe fn windows<const N: usize>(
    plan: &Plan,
    quantities: impl Fn(usize, usize) -> [v128; N],
    mut out: impl FnMut(usize, usize, [v128; N]),
) {
    let stride = Plane::stride_of(plan.width);
    let last = plan.height - 1;
    let sums: [*mut f32; N] = core::array::from_fn(|n| unsafe { plan.sums.add(n * stride) });
    unsafe {
        for x in (0..stride).step_by(4) {
            let mut total = [f32x4_splat(0.0); N];
            for d in 0..SIDE {
                let found = quantities(d.saturating_sub(RADIUS).min(last), x);
                total = core::array::from_fn(|n| f32x4_add(total[n], found[n]));
            }
            for n in 0..N {
                v128_store(sums[n].add(x).cast(), total[n]);
            }
        }
        for row in 0..plan.height {
            if row > 0 {
                let (enters, leaves) = ((row + RADIUS).min(last), (row - 1).saturating_sub(RADIUS));
                for x in (0..stride).step_by(4) {
                    let (plus, minus) = (quantities(enters, x), quantities(leaves, x));
                    for n in 0..N {
                        let to = sums[n].add(x);
                        v128_store(to.cast(), f32x4_add(load(to), f32x4_sub(plus[n], minus[n])));
                    }
                }
            }
            for x in (0..plan.width).step_by(4) {
                let found = core::array::from_fn(|n| {
                    let from = sums[n].add(crate::PAD + x - RADIUS);
                    let mut sum = load(from);
                    for d in 1..SIDE {
                        sum = f32x4_add(sum, load(from.add(d)));
                    }
                    sum
                });
                out(row, x, found);
            }
        }
    }
}

/// From 0 at `low` to 1 at `high`.
pub fn ramp(value: v128, low: f32, high: f32) -> v128 {
    let share = f32x4_mul(f32x4_sub(value, f32x4_splat(low)), f32x4_splat(1.0 / (high - low)));
    f32x4_pmin(f32x4_pmax(share, f32x4_splat(0.0)), f32x4_splat(1.0))
}

fn fits_of(plan: &Plan) -> [Plane; 5] {
    let [y, u, v, offset] = plan.fit;
    [y, u, v, offset, plan.explained]
}

/// Solves each window's 3x3 system by its adjugate. @returns factors of Y, U and V, offset, and the share of the variance explained,
/// which is at least `least`
fn solve([y, u, v, p, yy, yu, yv, uu, uv, vv, yp, up, vp, pp]: [v128; 14], least: f32) -> [v128; 5] {
    let m = |a, b| f32x4_mul(a, b);
    let s = |a, b| f32x4_sub(a, b);
    let flat = f32x4_splat(FLAT);
    let a = f32x4_add(s(yy, m(y, y)), flat);
    let b = s(yu, m(y, u));
    let c = s(yv, m(y, v));
    let d = f32x4_add(s(uu, m(u, u)), flat);
    let e = s(uv, m(u, v));
    let f = f32x4_add(s(vv, m(v, v)), flat);
    let (q, r, t) = (s(yp, m(y, p)), s(up, m(u, p)), s(vp, m(v, p)));
    let aa = s(m(d, f), m(e, e));
    let bb = s(m(c, e), m(b, f));
    let cc = s(m(b, e), m(c, d));
    let dd = s(m(a, f), m(c, c));
    let ee = s(m(b, c), m(a, e));
    let ff = s(m(a, d), m(b, b));
    let three = |i, j, k| f32x4_add(f32x4_add(m(i, q), m(j, r)), m(k, t));
    let scale = f32x4_div(f32x4_splat(1.0), f32x4_add(f32x4_add(m(a, aa), m(b, bb)), m(c, cc)));
    let fy = m(scale, three(aa, bb, cc));
    let fu = m(scale, three(bb, dd, ee));
    let fv = m(scale, three(cc, ee, ff));
    let offset = s(p, f32x4_add(f32x4_add(m(fy, y), m(fu, u)), m(fv, v)));
    let variance = f32x4_pmax(s(pp, m(p, p)), f32x4_splat(least));
    let explained = f32x4_div(f32x4_add(f32x4_add(m(fy, q), m(fu, r)), m(fv, t)), variance);
    [fy, fu, fv, offset, ramp(explained, 0.0, 1.0)]
}

pub fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let ab = i32x4_shuffle::<0, 4, 1, 5>(a, b);
    let cd = i32x4_shuffle::<0, 4, 1, 5>(c, d);
    let ef = i32x4_shuffle::<2, 6, 3, 7>(a, b);
    let gh = i32x4_shuffle::<2, 6, 3, 7>(c, d);
    [
        i64x2_shuffle::<0, 2>(ab, cd),
        i64x2_shuffle::<1, 3>(ab, cd),
        i64x2_shuffle::<0, 2>(ef, gh),
        i64x2_shuffle::<1, 3>(ef, gh),
    ]
}
