//! The picture at the map's size: means of the area that each pixel of the map covers.
use crate::Plan;
use core::arch::wasm32::*;

/// Pixels from `first` to `last`, these two weighted by what of them is covered.
struct Span {
    first: usize,
    last: usize,
    head: f32,
    tail: f32,
}

fn span(i: usize, from: usize, to: usize) -> Span {
    let step = from as f32 / to as f32;
    let (low, high) = (i as f32 * step, (i + 1) as f32 * step);
    let first = (low as usize).min(from - 1);
    let last = ((high - 1e-3) as usize).clamp(first, from - 1);
    if first == last {
        return Span { first, last, head: high - low, tail: 0.0 };
    }
    Span { first, last, head: (first + 1) as f32 - low, tail: high - last as f32 }
}

/// Fills a plane with one channel of the picture.
pub unsafe fn shrink(plan: &Plan, channel: usize) {
    let (width, height) = match channel {
        0 => (plan.to_width, plan.to_height),
        _ => (plan.to_width.div_ceil(2), plan.to_height.div_ceil(2)),
    };
    let source = plan.guide[channel];
    let sums = plan.line;
    let area = (width as f32 / plan.width as f32) * (height as f32 / plan.height as f32);
    let scale = 1.0 / (255.0 * area);
    unsafe {
        for y in 0..plan.height {
            let rows = span(y, height, plan.height);
            for n in rows.first..=rows.last {
                let weight = match n {
                    _ if n == rows.first => rows.head,
                    _ if n == rows.last => rows.tail,
                    _ => 1.0,
                };
                add(source.add(n * width), sums, width, weight, n == rows.first);
            }
            let out = plan.planes[channel].row(y);
            for x in 0..plan.width {
                let columns = span(x, width, plan.width);
                let mut sum = columns.head * *sums.add(columns.first) + columns.tail * *sums.add(columns.last);
                for n in columns.first + 1..columns.last {
                    sum += *sums.add(n);
                }
                *out.add(x) = sum * scale;
            }
            plan.planes[channel].pad(y);
        }
    }
}

unsafe fn add(row: *const u8, sums: *mut f32, width: usize, weight: f32, fresh: bool) {
    unsafe {
        let weight = f32x4_splat(weight);
        for x in (0..width).step_by(8) {
            let wide = u16x8_load_extend_u8x8(row.add(x));
            for (half, four) in [u32x4_extend_low_u16x8(wide), u32x4_extend_high_u16x8(wide)].into_iter().enumerate() {
                let to = sums.add(x + 4 * half).cast::<v128>();
                let value = f32x4_mul(f32x4_convert_u32x4(four), weight);
                v128_store(to, if fresh { value } else { f32x4_add(v128_load(to), value) });
            }
        }
    }
}
