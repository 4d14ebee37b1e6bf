//! Sixteen bits over a map's own range, in doubles, as src/protocol/quantise.ts does it.
use core::arch::wasm32::*;

/// @returns offset and step; nothing where a value is not finite, or where the last code might exceed `steps`
pub fn quantise(values: &[f32], codes: &mut [u16], steps: u32) -> Option<[f64; 2]> {
    let (min, max) = extremes(values)?;
    let (offset, steps) = (min as f64, steps as f64);
    let scale = ((max as f64 - offset) / steps) as f32;
    // At the upper limit of float32 the last code could be carried beyond it.
    if !((offset + scale as f64 * steps) as f32).is_finite() {
        return None;
    }
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale as f64 };
    if !((max as f64 - offset) * inverse < steps + 0.5) {
        return None;
    }
    let (shift, factor, half) = (f64x2_splat(offset), f64x2_splat(inverse), f64x2_splat(0.5));
    let two = |pair: v128| {
        let code = f64x2_add(f64x2_mul(f64x2_sub(f64x2_promote_low_f32x4(pair), shift), factor), half);
        i32x4_trunc_sat_f64x2_zero(code)
    };
    let four = |v: v128| {
        let high = i64x2_shuffle::<1, 1>(v, v);
        i64x2_shuffle::<0, 2>(two(v), two(high))
    };
    let (from, to) = (values.as_ptr(), codes.as_mut_ptr());
    let mut i = 0;
    unsafe {
        // The last ones read and write into the slack behind both.
        while i < values.len() {
            let (a, b) = (v128_load(from.add(i).cast()), v128_load(from.add(i + 4).cast()));
            v128_store(to.add(i).cast(), u16x8_narrow_i32x4(four(a), four(b)));
            i += 8;
        }
    }
    Some([offset, scale as f64])
}

fn extremes(values: &[f32]) -> Option<(f32, f32)> {
    let first = f32x4_splat(*values.first()?);
    let (mut least, mut most, mut sum) = ([first; 2], [first; 2], [f32x4_splat(0.0); 2]);
    let mut take = |n: usize, v: v128| {
        // NaN fails the comparison and would hide, but not from the sum of differences, which are 0 otherwise.
        least[n] = f32x4_pmin(least[n], v);
        most[n] = f32x4_pmax(most[n], v);
        sum[n] = f32x4_add(sum[n], f32x4_sub(v, v));
    };
    let mut eights = values.chunks_exact(8);
    for eight in &mut eights {
        unsafe {
            take(0, v128_load(eight.as_ptr().cast()));
            take(1, v128_load(eight.as_ptr().add(4).cast()));
        }
    }
    for &v in eights.remainder() {
        take(0, f32x4_splat(v));
    }
    let across = |v: [v128; 2], of: fn(v128, v128) -> v128| {
        let four = of(v[0], v[1]);
        let two = of(four, i64x2_shuffle::<1, 0>(four, four));
        f32x4_extract_lane::<0>(of(two, i32x4_shuffle::<1, 0, 3, 2>(two, two)))
    };
    if across(sum, |a, b| f32x4_add(a, b)) != 0.0 {
        return None;
    }
    Some((across(least, |a, b| f32x4_pmin(a, b)), across(most, |a, b| f32x4_pmax(a, b))))
}
