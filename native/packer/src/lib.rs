//! Payloads of depth packets (docs/protocol.md): a map is quantised to sixteen bits, predicted, laid out in byte planes and deflated
//! (RFC 1951), all in one call. Codes and planes are bit for bit those of src/protocol/quantise.ts and planes.ts.
//!
//! Also the shades that show a map.
//!
//! One instance serves maps of up to the size that `plan` had last; `at` gives the buffers. No allocation after `plan`, no imports.
#![no_std]

mod deflate;
mod huffman;
mod memory;
mod planes;
mod quantise;
mod shade;

use memory::reserve;

pub struct Plan {
    pixels: usize,
    /// The map, [pixels].
    values: *mut f32,
    /// [pixels].
    codes: *mut u16,
    /// [2 * pixels].
    planes: *mut u8,
    tokens: *mut u16,
    /// What was deflated.
    out: *mut u8,
}

/// SIMD code reads and writes as much beyond an end.
const SLACK: usize = 64;

static mut PLAN: Option<Plan> = None;
static mut AFFINE: [f64; 2] = [0.0; 2];

/// Memory for maps of so many pixels; what was planned before is of no more use. @returns whether there is enough
#[unsafe(no_mangle)]
pub extern "C" fn plan(pixels: usize) -> bool {
    memory::reset();
    let made = || {
        Some(Plan {
            pixels,
            values: reserve(4 * pixels + SLACK)?.cast(),
            codes: reserve(2 * pixels + SLACK)?.cast(),
            planes: reserve(2 * pixels + SLACK)?,
            tokens: reserve(4 * pixels + SLACK)?.cast(),
            out: reserve(deflate::bound(2 * pixels) + SLACK)?,
        })
    };
    unsafe {
        PLAN = made();
        (*&raw const PLAN).is_some()
    }
}

fn planned() -> &'static Plan {
    unsafe { (*&raw const PLAN).as_ref().unwrap() }
}

/// 0 the map, 1 planes or shades, 2 what was deflated, 3 offset and step of the last map, as doubles.
#[unsafe(no_mangle)]
pub extern "C" fn at(buffer: usize) -> *const u8 {
    let plan = planned();
    match buffer {
        0 => plan.values.cast(),
        1 => plan.planes,
        2 => plan.out,
        _ => (&raw const AFFINE).cast(),
    }
}

/// Packs the map in 16 bits, of which `steps` + 1 values are used. @returns bytes that were deflated, as many as the planes or more
/// where it does not pay; 0 where the map holds values that are not finite, or such that need care: nothing is made then
#[unsafe(no_mangle)]
pub extern "C" fn pack16(width: usize, height: usize, steps: u32) -> usize {
    let plan = planned();
    let count = width * height;
    if count > plan.pixels {
        return 0;
    }
    unsafe {
        let values = core::slice::from_raw_parts(plan.values, count);
        let codes = core::slice::from_raw_parts_mut(plan.codes, count);
        let Some(affine) = quantise::quantise(values, codes, steps) else { return 0 };
        AFFINE = affine;
        planes::to_planes(codes, width, core::slice::from_raw_parts_mut(plan.planes, 2 * count));
    }
    deflate(2 * count, count)
}

/// Shades of the map's first `count` values: value * scale + shift, in the place of the planes. @returns whether there is room
#[unsafe(no_mangle)]
pub extern "C" fn shades8(count: usize, scale: f64, shift: f64) -> bool {
    let plan = planned();
    if count > plan.pixels {
        return false;
    }
    shade::shade(unsafe { core::slice::from_raw_parts(plan.values, count) }, scale, shift, plan.planes);
    true
}

/// Deflates what lies in the planes' buffer, a plane after the other. @returns bytes
#[unsafe(no_mangle)]
pub extern "C" fn deflate(length: usize, plane: usize) -> usize {
    let plan = planned();
    let length = length.min(2 * plan.pixels);
    unsafe {
        let planes = core::slice::from_raw_parts(plan.planes, length);
        deflate::deflate(planes, plane.max(1), plan.tokens, plan.out)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
