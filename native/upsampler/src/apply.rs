//! The fit, applied at the picture's size.
use crate::Plan;
use crate::fit::transpose;
use crate::steps::load;
use core::arch::wasm32::*;

/// By how much the middle of a step is steepened.
const GAIN: f32 = 3.0;
/// Shares of a window's difference that lie between close neighbours on slopes, and at steps.
const SLOPE: f32 = 0.5;
const STEP: f32 = 0.8;

pub unsafe fn apply(plan: &Plan, metres: bool, even: f32, luma: bool, scale: f32, shift: f32) {
    let half = plan.to_width.div_ceil(2);
    unsafe {
        for y in 0..plan.to_height {
            blend(plan, y);
            let yy = plan.guide[0].add(y * plan.to_width);
            let uu = plan.guide[1].add((y / 2) * half);
            let vv = plan.guide[2].add((y / 2) * half);
            for x in (0..plan.to_width).step_by(4) {
                let value = pixels(plan, x, yy, uu, vv, even);
                let at = y * plan.to_width + x;
                let count = (plan.to_width - x).min(4);
                if luma {
                    let value = f32x4_add(f32x4_mul(value, f32x4_splat(scale)), f32x4_splat(shift));
                    let four = i32x4_trunc_sat_f32x4(f32x4_nearest(value));
                    let packed = u8x16_narrow_i16x8(i16x8_narrow_i32x4(four, four), i16x8_splat(0));
                    store(plan.out.add(at), packed, count);
                } else {
                    let value = if metres { f32x4_div(f32x4_splat(1.0), value) } else { value };
                    store(plan.out.add(4 * at), value, 4 * count);
                }
            }
        }
    }
}

/// A row of the table at a row of the picture.
unsafe fn blend(plan: &Plan, y: usize) {
    unsafe {
        let length = (plan.width + 1) * 8;
        let low = *plan.rows.low.add(y) as usize;
        let upper = plan.table.add(low * length);
        let lower = plan.table.add((low + 1).min(plan.height - 1) * length);
        let part = f32x4_splat(*plan.rows.part.add(y));
        for x in (0..length).step_by(4) {
            let from = load(upper.add(x));
            let value = f32x4_add(from, f32x4_mul(f32x4_sub(load(lower.add(x)), from), part));
            v128_store(plan.row.add(x).cast(), value);
        }
    }
}

/// Four pixels of a row.
#[inline(always)]
unsafe fn pixels(plan: &Plan, x: usize, yy: *const u8, uu: *const u8, vv: *const u8, even: f32) -> v128 {
    unsafe {
        let mut first = [f32x4_splat(0.0); 4];
        let mut second = first;
        for n in 0..4 {
            // The last pixels of a row may be repeated.
            let at = (x + n).min(plan.to_width - 1);
            let cell = plan.row.add(*plan.columns.low.add(at) as usize * 8);
            let part = f32x4_splat(*plan.columns.part.add(at));
            let lerp = |from: *const f32| {
                let left = load(from);
                f32x4_add(left, f32x4_mul(f32x4_sub(load(from.add(8)), left), part))
            };
            first[n] = lerp(cell);
            second[n] = lerp(cell.add(4));
        }
        let [fy, fu, fv, offset] = transpose(first);
        let [plain, least, reach, share] = transpose(second);
        let m = |a, b| f32x4_mul(a, b);
        let a = |a, b| f32x4_add(a, b);
        let clamp = |v| f32x4_pmin(f32x4_pmax(v, f32x4_splat(0.0)), f32x4_splat(1.0));
        let unit = f32x4_splat(1.0 / 255.0);
        let luma = m(f32x4_convert_u32x4(u32x4_extend_low_u16x8(u16x8_load_extend_u8x8(yy.add(x)))), unit);
        let chroma = |plane: *const u8| {
            let (left, right) = (*plane.add(x / 2) as f32, *plane.add(x / 2 + 1) as f32);
            m(f32x4(left, left, right, right), unit)
        };
        let guided = a(a(m(fy, luma), m(fu, chroma(uu))), a(m(fv, chroma(vv)), offset));
        // Where depth is even, bilinear alone.
        let uneven = clamp(f32x4_sub(m(reach, f32x4_splat(1.0 / even)), f32x4_splat(1.0)));
        let value = a(plain, m(f32x4_sub(guided, plain), uneven));
        let steep = m(clamp(m(f32x4_sub(share, f32x4_splat(SLOPE)), f32x4_splat(1.0 / (STEP - SLOPE)))), uneven);
        let place = clamp(f32x4_div(f32x4_sub(value, least), f32x4_max(reach, f32x4_splat(1e-20))));
        let middle = f32x4_splat(0.5);
        let gain = a(f32x4_splat(1.0), m(steep, f32x4_splat(GAIN)));
        a(least, m(reach, clamp(a(m(f32x4_sub(place, middle), gain), middle))))
    }
}

unsafe fn store(to: *mut u8, value: v128, count: usize) {
    unsafe {
        match count {
            16 => v128_store(to.cast(), value),
            4 => v128_store32_lane::<0>(value, to.cast()),
            _ => {
                let bytes: [u8; 16] = core::mem::transmute(value);
                for (n, byte) in bytes.into_iter().take(count).enumerate() {
                    *to.add(n) = byte;
                }
            }
        }
    }
}
