//! Memory, handed out once and never taken back: an instance is dropped as a whole.
use crate::PAD;
use core::arch::wasm32::{memory_grow, memory_size};

const PAGE: usize = 65536;

unsafe extern "C" {
    static __heap_base: u8;
}
static mut NEXT: usize = 0;

/// Aligned to 16 bytes, zeroed.
pub fn reserve(length: usize) -> Option<*mut u8> {
    unsafe {
        let next = if NEXT == 0 { (&raw const __heap_base) as usize } else { NEXT };
        let start = (next + 15) & !15;
        let end = start.checked_add(length)?;
        let missing = end.div_ceil(PAGE).saturating_sub(memory_size(0));
        if missing > 0 && memory_grow(0, missing) == usize::MAX {
            return None;
        }
        NEXT = end;
        Some(start as *mut u8)
    }
}

pub fn bytes(length: usize) -> Option<*mut u8> {
    reserve(length)
}

pub fn floats(length: usize) -> Option<*mut f32> {
    Some(reserve(4 * length)?.cast())
}

/// Numbers of the map's size, whose rows go on at both ends with their last value.
#[derive(Clone, Copy)]
pub struct Plane {
    base: *mut f32,
    width: usize,
    pub stride: usize,
}

impl Plane {
    pub fn stride_of(width: usize) -> usize {
        width.div_ceil(4) * 4 + 2 * PAD
    }

    pub fn new(width: usize, height: usize) -> Option<Plane> {
        let stride = Self::stride_of(width);
        Some(Plane { base: floats(stride * height + 8)?, width, stride })
    }

    /// The first pixel of a row.
    pub unsafe fn row(&self, y: usize) -> *mut f32 {
        unsafe { self.base.add(y * self.stride + PAD) }
    }

    /// The padding before it.
    pub unsafe fn start(&self, y: usize) -> *mut f32 {
        unsafe { self.base.add(y * self.stride) }
    }

    pub unsafe fn pad(&self, y: usize) {
        unsafe {
            let row = self.start(y);
            for x in 0..PAD {
                *row.add(x) = *row.add(PAD);
            }
            for x in PAD + self.width..self.stride {
                *row.add(x) = *row.add(PAD + self.width - 1);
            }
        }
    }
}

/// Each pixel's lower neighbour in a smaller size, and the weight of the upper one; three pixels more, as the last.
pub struct Taps {
    pub low: *mut u32,
    pub part: *mut f32,
}

pub fn taps(from: usize, to: usize) -> Option<Taps> {
    let made = Taps { low: reserve(4 * (to + 3))?.cast(), part: floats(to + 3)? };
    for i in 0..to + 3 {
        let at = ((i.min(to - 1) as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
        unsafe {
            *made.low.add(i) = at as u32;
            *made.part.add(i) = at - (at as u32) as f32;
        }
    }
    Some(made)
}
