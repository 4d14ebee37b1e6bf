//! The fit, applied at the picture's size.
use crate::Plan;
use crate::fit::transpose;
use crate::steps::load;
use core::arch::wasm32::*;

/// By how much the middle of a step is steepened.
const GAIN: f32 = 3.0;
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
                    let value = f32x4_pmin(f32x4_pmax(value, f32x4_splat(0.0)), f32x4_splat(255.0));
                    // Beyond 2^23 a float's lowest bits are an integer, rounded.
                    let four = f32x4_add(value, f32x4_splat(8_388_608.0));
                    let packed = i8x16_shuffle::<0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12>(four, four);
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
        let cells: [*const f32; 4] =
            core::array::from_fn(|n| plan.row.add(*plan.columns.low.add(x + n) as usize * 8).cast_const());
        let parts: [v128; 4] = core::array::from_fn(|n| v128_load32_splat(plan.columns.part.add(x + n).cast()));
        let lerp = |half: usize| {
            transpose(core::array::from_fn(|n| {
                let left = load(cells[n].add(half));
                f32x4_add(left, f32x4_mul(f32x4_sub(load(cells[n].add(half + 8)), left), parts[n]))
            }))
        };
        let m = |a, b| f32x4_mul(a, b);
        let a = |a, b| f32x4_add(a, b);
        let (zero, one) = (f32x4_splat(0.0), f32x4_splat(1.0));
        let clamp = |v| f32x4_pmin(f32x4_pmax(v, zero), one);
        let [plain, least, reach, steepness] = lerp(4);
        // Where depth is even, bilinear alone.
        let uneven = f32x4_sub(m(reach, f32x4_splat(1.0 / even)), one);
        if !v128_any_true(f32x4_gt(uneven, zero)) {
            return plain;
        }
        let uneven = clamp(uneven);
        let [fy, fu, fv, offset] = lerp(0);
        let bytes = widened(v128_load32_zero(yy.add(x).cast()));
        let luma = f32x4_convert_i32x4(bytes);
        let chroma = |plane: *const u8| {
            let (left, right) = (*plane.add(x / 2) as f32, *plane.add(x / 2 + 1) as f32);
            f32x4(left, left, right, right)
        };
        let colour = a(a(m(fy, luma), m(fu, chroma(uu))), m(fv, chroma(vv)));
        let guided = a(m(colour, f32x4_splat(1.0 / 255.0)), offset);
        let value = a(plain, m(f32x4_sub(guided, plain), uneven));
        let steep = m(steepness, uneven);
        let place = clamp(f32x4_div(f32x4_sub(value, least), f32x4_pmax(reach, f32x4_splat(1e-20))));
        let middle = f32x4_splat(0.5);
        let gain = a(one, m(steep, f32x4_splat(GAIN)));
        a(least, m(reach, clamp(a(m(f32x4_sub(place, middle), gain), middle))))
    }
}

/// The first four bytes as numbers of 32 bits.
fn widened(bytes: v128) -> v128 {
    u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(bytes))
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
