//! Shades of a map, linear in its values and bit for bit as a clamped array of JavaScript has them: computed in doubles, ties to even,
//! NaN as 0.
use core::arch::wasm32::*;

/// Added to a double of moderate size it leaves the nearest whole number in the low bits, even ones of two (IEEE 754).
const ROUNDER: f64 = 1.5 * (1_u64 << 52) as f64;

/// Reads and writes 15 elements beyond both ends at most.
pub fn shade(values: &[f32], scale: f64, shift: f64, shades: *mut u8) {
    let (factor, offset, rounder) = (f64x2_splat(scale), f64x2_splat(shift), f64x2_splat(ROUNDER));
    let (least, most) = (f64x2_splat(0.0), f64x2_splat(255.0));
    let two = |pair: v128| {
        let shade = f64x2_add(f64x2_mul(f64x2_promote_low_f32x4(pair), factor), offset);
        // NaN fails the comparison and is the least.
        f64x2_add(f64x2_pmin(most, f64x2_pmax(least, shade)), rounder)
    };
    let from = values.as_ptr();
    for i in (0..values.len()).step_by(16) {
        unsafe {
            let four = |n: usize| {
                let v = v128_load(from.add(i + 4 * n).cast());
                i32x4_shuffle::<0, 2, 4, 6>(two(v), two(i64x2_shuffle::<1, 1>(v, v)))
            };
            let (low, high) = (i16x8_narrow_i32x4(four(0), four(1)), i16x8_narrow_i32x4(four(2), four(3)));
            v128_store(shades.add(i).cast(), u8x16_narrow_i16x8(low, high));
        }
    }
}
