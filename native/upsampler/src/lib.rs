//! Enlarges a depth map along the edges of its picture. A colour guided filter (He, Sun, Tang: Guided Image Filtering,
//! TPAMI 2013) is fitted at the map's size and applied at the picture's (He, Sun: Fast Guided Filter, 2015); where depth has a
//! step, its blur is then steepened between the nearest and the farthest depth around. Where depth is even nothing but bilinear
//! interpolation happens, so the picture's texture has no say. `best` first makes the network's blurred steps steep: each place takes
//! the mean of the near or of the far texels around it, whichever win by likeness of colour.
//!
//! One instance serves one pair of sizes: `plan`, then `at` for the buffers, then `filter` as often as wanted. No allocation
//! after `plan`, no imports. Pixels have their centres at halves in both sizes.
#![no_std]

mod apply;
mod fit;
mod memory;
mod shrink;
mod sides;
mod steps;

use memory::{Plane, Taps, bytes, floats, reserve, taps};
use shrink::{Span, spans};

/// Pixels of the map that a window reaches on each side.
pub const RADIUS: usize = 3;
/// Columns that each plane has more on both sides: a window's, and one for the slope at its end.
pub const PAD: usize = 4;

/// Buffers of one pair of sizes.
pub struct Plan {
    pub width: usize,
    pub height: usize,
    pub to_width: usize,
    pub to_height: usize,
    /// The map as it came, [height][width], and the picture's Y, U and V: U and V of half the size, rounded up.
    map: *mut f32,
    pub guide: [*mut u8; 3],
    /// Bytes or floats.
    pub out: *mut u8,
    /// Y, U, V at the map's size (0 to 1), and the map.
    pub planes: [Plane; 4],
    /// Factors for Y, U and V, and offset.
    pub fit: [Plane; 4],
    pub scratch: [Plane; 4],
    /// Share of the map's variance that the fit explains.
    pub explained: Plane,
    /// [14] rows: column sums.
    pub sums: *mut f32,
    /// [height][width + 1][8]: factors, offset, map, least, reach, steepness.
    pub table: *mut f32,
    /// [width + 1][8]: the table at a row of the picture.
    pub row: *mut f32,
    /// Across and down, of Y, and of U and V.
    pub spans: [[*mut Span; 2]; 2],
    pub columns: Taps,
    pub rows: Taps,
    pub weights: *mut f32,
    /// A row of the picture.
    pub line: *mut f32,
}

static mut PLAN: Option<Plan> = None;

/// @returns whether there is memory for it
#[unsafe(no_mangle)]
pub extern "C" fn plan(width: usize, height: usize, to_width: usize, to_height: usize) -> bool {
    let half = to_width.div_ceil(2) * to_height.div_ceil(2);
    let pixels = to_width * to_height;
    let plane = || Plane::new(width, height);
    let planes = || Some([plane()?, plane()?, plane()?, plane()?]);
    let made = || {
        Some(Plan {
            width,
            height,
            to_width,
            to_height,
            map: floats(width * height)?,
            // Rows are read four pixels at a time.
            guide: [bytes(pixels + 16)?, bytes(half + 16)?, bytes(half + 16)?],
            out: reserve(4 * pixels + 16)?,
            planes: planes()?,
            fit: planes()?,
            scratch: planes()?,
            explained: plane()?,
            sums: floats(14 * Plane::stride_of(width))?,
            table: floats(height * (width + 1) * 8)?,
            row: floats((width + 1) * 8)?,
            spans: [
                [spans(to_width, width)?, spans(to_height, height)?],
                [spans(to_width.div_ceil(2), width)?, spans(to_height.div_ceil(2), height)?],
            ],
            columns: taps(width, to_width)?,
            rows: taps(height, to_height)?,
            weights: sides::weights()?,
            line: floats(to_width + 16)?,
        })
    };
    let plan = made();
    let done = plan.is_some();
    unsafe { *(&raw mut PLAN) = plan };
    done
}

/// Where a buffer begins: 0 map, 1 to 3 Y, U and V, 4 out.
#[unsafe(no_mangle)]
pub extern "C" fn at(buffer: usize) -> *const u8 {
    let Some(plan) = (unsafe { &*(&raw const PLAN) }) else {
        return core::ptr::null();
    };
    match buffer {
        0 => plan.map.cast(),
        1..=3 => plan.guide[buffer - 1],
        _ => plan.out,
    }
}

/// @param metres the map holds metres, not disparity; they are inverted before, and after where floats are written.
/// @param far stands for what is no number. @param even disparity whose differences within a window count as none.
/// @param luma bytes are written, disparity times `scale` plus `shift`; otherwise floats in the map's unit
#[unsafe(no_mangle)]
pub extern "C" fn filter(best: bool, metres: bool, far: f32, even: f32, luma: bool, scale: f32, shift: f32) {
    let Some(plan) = (unsafe { &mut *(&raw mut PLAN) }) else {
        return;
    };
    unsafe {
        take(plan, metres, far);
        for channel in 0..3 {
            shrink::shrink(plan, channel);
        }
        if best {
            sides::decide(plan, even);
        }
        steps::find(plan);
        fit::fit(plan, even, best);
        apply::apply(plan, metres, even, luma, scale, shift);
    }
}

unsafe fn take(plan: &Plan, metres: bool, far: f32) {
    unsafe {
        for y in 0..plan.height {
            let row = plan.planes[3].row(y);
            for x in 0..plan.width {
                let value = *plan.map.add(y * plan.width + x);
                let value = if metres { 1.0 / value } else { value };
                *row.add(x) = if value.is_finite() { value } else { far };
            }
            plan.planes[3].pad(y);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
