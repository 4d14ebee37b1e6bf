//! The picture at the map's size: means of the area that each pixel of the map covers.
use crate::Plan;
use crate::memory::reserve;
use core::arch::wasm32::*;

/// Pixels from `first` to `last`, these two weighted by what of them is covered.
#[derive(Clone, Copy)]
pub struct Span {
    first: usize,
    last: usize,
    head: f32,
    tail: f32,
}

pub fn spans(from: usize, to: usize) -> Option<*mut Span> {
    let made: *mut Span = reserve(to * size_of::<Span>())?.cast();
    let step = from as f32 / to as f32;
    for i in 0..to {
        let (low, high) = (i as f32 * step, (i + 1) as f32 * step);
        let first = (low as usize).min(from - 1);
        let last = ((high - 1e-3) as usize).clamp(first, from - 1);
        let span = match first == last {
            true => Span { first, last, head: high - low, tail: 0.0 },
            false => Span { first, last, head: (first + 1) as f32 - low, tail: high - last as f32 },
        };
        unsafe { *made.add(i) = span };
    }
    Some(made)
}

/// Fills a plane with one channel of the picture.
pub unsafe fn shrink(plan: &Plan, channel: usize) {
    let (width, height) = match channel {
        0 => (plan.to_width, plan.to_height),
        _ => (plan.to_width.div_ceil(2), plan.to_height.div_ceil(2)),
    };
    let [across, down] = plan.spans[channel.min(1)];
    let source = plan.guide[channel];
    let sums = plan.line;
    let area = (width as f32 / plan.width as f32) * (height as f32 / plan.height as f32);
    let scale = 1.0 / (255.0 * area);
    unsafe {
        for y in 0..plan.height {
            let rows = *down.add(y);
            for n in rows.first..=rows.last {
                let weight = match n {
                    _ if n == rows.first => rows.head,
                    _ if n == rows.last => rows.tail,
                    _ => 1.0,
                };
                add(source.add(n * width), sums, width, weight * scale, n == rows.first);
            }
            let out = plan.planes[channel].row(y);
            for x in 0..plan.width {
                let Span { first, last, head, tail } = *across.add(x);
                let mut sum = head * *sums.add(first) + tail * *sums.add(last);
                for n in first + 1..last {
                    sum += *sums.add(n);
                }
                *out.add(x) = sum;
            }
            plan.planes[channel].pad(y);
        }
    }
}

#[inline(always)]
unsafe fn add(row: *const u8, sums: *mut f32, width: usize, weight: f32, fresh: bool) {
    unsafe {
        let weight = f32x4_splat(weight);
        for x in (0..width).step_by(8) {
            let wide = u16x8_load_extend_u8x8(row.add(x));
            let low = f32x4_mul(f32x4_convert_i32x4(u32x4_extend_low_u16x8(wide)), weight);
            let high = f32x4_mul(f32x4_convert_i32x4(u32x4_extend_high_u16x8(wide)), weight);
            let to: *mut v128 = sums.add(x).cast();
            if fresh {
                v128_store(to, low);
                v128_store(to.add(1), high);
            } else {
                v128_store(to, f32x4_add(v128_load(to), low));
                v128_store(to.add(1), f32x4_add(v128_load(to.add(1)), high));
            }
        }
    }
}
