//! Memory, handed out in one piece after the other, and taken back all at once.
use core::arch::wasm32::{memory_grow, memory_size};

const PAGE: usize = 65536;

unsafe extern "C" {
    static __heap_base: u8;
}
static mut NEXT: usize = 0;

pub fn reset() {
    unsafe { NEXT = (&raw const __heap_base) as usize }
}

/// Aligned to 16 bytes.
pub fn reserve(length: usize) -> Option<*mut u8> {
    unsafe {
        let start = (NEXT + 15) & !15;
        let end = start.checked_add(length)?;
        let missing = end.div_ceil(PAGE).saturating_sub(memory_size(0));
        if missing > 0 && memory_grow(0, missing) == usize::MAX {
            return None;
        }
        NEXT = end;
        Some(start as *mut u8)
    }
}
