//! Differences from the median prediction of JPEG-LS (ITU-T T.87, A.4.2), zigzag-coded, low bytes first: src/protocol/planes.ts.
use core::arch::wasm32::*;

pub fn to_planes(codes: &[u16], width: usize, planes: &mut [u8]) {
    let count = codes.len();
    let (low, high) = planes.split_at_mut(count);
    for start in (0..count).step_by(width) {
        let mut i = start;
        let mut scalar = |i: usize| {
            let zigzag = one(codes, start, i, width);
            (low[i], high[i]) = (zigzag as u8, (zigzag >> 8) as u8);
        };
        scalar(i);
        i += 1;
        let wide = if start == 0 { 0 } else { (width - 1) / 16 };
        let tail = i + 16 * wide;
        for i in tail..start + width {
            scalar(i);
        }
        while i < tail {
            unsafe {
                let (a, b) = (eight(codes.as_ptr().add(i), width), eight(codes.as_ptr().add(i + 8), width));
                let mask = u16x8_splat(0xff);
                v128_store(low.as_mut_ptr().add(i).cast(), u8x16_narrow_i16x8(v128_and(a, mask), v128_and(b, mask)));
                v128_store(high.as_mut_ptr().add(i).cast(), u8x16_narrow_i16x8(u16x8_shr(a, 8), u16x8_shr(b, 8)));
            }
            i += 16;
        }
    }
}

/// In the first row and column the prediction is the one neighbour that there is.
fn one(codes: &[u16], start: usize, i: usize, width: usize) -> u16 {
    let predicted = match (i > start, start > 0) {
        (false, false) => 0,
        (true, false) => codes[i - 1],
        (false, true) => codes[i - width],
        (true, true) => {
            let (left, above, corner) = (codes[i - 1], codes[i - width], codes[i - width - 1]);
            let (least, most) = (left.min(above), left.max(above));
            if corner >= most {
                least
            } else if corner <= least {
                most
            } else {
                left.wrapping_add(above).wrapping_sub(corner)
            }
        }
    };
    let delta = codes[i].wrapping_sub(predicted) as i16;
    ((delta << 1) ^ (delta >> 15)) as u16
}

unsafe fn eight(at: *const u16, width: usize) -> v128 {
    unsafe {
        let load = |back: usize| v128_load(at.sub(back).cast());
        let (code, left, above, corner) = (load(0), load(1), load(width), load(width + 1));
        let (least, most) = (u16x8_min(left, above), u16x8_max(left, above));
        let plane = i16x8_sub(i16x8_add(left, above), corner);
        let upper = v128_bitselect(most, plane, u16x8_le(corner, least));
        // Of equal neighbours both are the same.
        let predicted = v128_bitselect(least, upper, u16x8_ge(corner, most));
        let delta = i16x8_sub(code, predicted);
        v128_xor(i16x8_shl(delta, 1), i16x8_shr(delta, 15))
    }
}
