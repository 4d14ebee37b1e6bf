//! Deflate (RFC 1951) for byte planes of maps: Huffman codes and runs of one byte, as zlib does it with Z_RLE. A plane has blocks of its
//! own, since its bytes are distributed otherwise.
use crate::huffman;

const BLOCK_TOKENS: usize = 32768;
/// Of a block's head, and of its end.
const HEAD_BYTES: usize = 512;
const MIN_RUN: usize = 4;
const MAX_RUN: usize = 258;
/// A token below is a byte, others are runs: RUN + length - 3.
const RUN: u16 = 256;
const END: usize = 256;
const LITERALS: usize = 286;
/// Of the distances only the first is used; a second one makes its code complete.
const DISTANCES: usize = 2;
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Symbol - 257, and extra bits, of each length from 3 on.
const LENGTHS: [(u8, u8); 256] = {
    let mut table = [(0, 0); 256];
    let mut length = 3;
    let mut symbol = 0;
    while symbol < 28 {
        let extra = if symbol < 8 { 0 } else { (symbol - 4) / 4 };
        let mut i = 0;
        while i < 1 << extra && length < MAX_RUN {
            table[length - 3] = (symbol as u8, extra as u8);
            length += 1;
            i += 1;
        }
        symbol += 1;
    }
    table[MAX_RUN - 3] = (28, 0);
    table
};

/// Bytes that so many may become.
pub const fn bound(length: usize) -> usize {
    2 * length + (length / BLOCK_TOKENS + 4) * HEAD_BYTES
}

/// @param tokens room for as many as there are bytes. @param out room for `bound`. @returns bytes written
pub unsafe fn deflate(bytes: &[u8], plane: usize, tokens: *mut u16, out: *mut u8) -> usize {
    let mut bits = Bits { out, at: 0, held: 0, count: 0 };
    let mut start = 0;
    while start < bytes.len() {
        let end = (start - start % plane + plane).min(bytes.len());
        unsafe {
            let mut block = Block { counts: [0; LITERALS], runs: [0; 256], tokens, count: 0 };
            let next = block.read(bytes, start, end);
            block.write(&mut bits, next == bytes.len());
            start = next;
        }
    }
    bits.end()
}

struct Block {
    counts: [u32; LITERALS],
    /// By their length - 3.
    runs: [u32; 256],
    tokens: *mut u16,
    count: usize,
}

impl Block {
    /// Takes bytes until the block is full, or the plane ends. @returns the first that was not taken
    unsafe fn read(&mut self, bytes: &[u8], start: usize, end: usize) -> usize {
        let from = bytes.as_ptr();
        let mut i = start;
        unsafe {
            while i < end && self.count < BLOCK_TOKENS {
                let byte = *from.add(i);
                if i > 0 && i + MIN_RUN <= end {
                    let same = *from.add(i - 1) as u32 * 0x0101_0101;
                    if from.add(i).cast::<u32>().read_unaligned() == same {
                        let length = run(from, i, end.min(i + MAX_RUN));
                        self.runs[length - 3] += 1;
                        *self.tokens.add(self.count) = RUN + (length - 3) as u16;
                        self.count += 1;
                        i += length;
                        continue;
                    }
                }
                self.counts[byte as usize] += 1;
                *self.tokens.add(self.count) = byte as u16;
                self.count += 1;
                i += 1;
            }
        }
        i
    }

    unsafe fn write(&mut self, bits: &mut Bits, last: bool) {
        self.counts[END] = 1;
        for (length, &count) in self.runs.iter().enumerate() {
            self.counts[257 + LENGTHS[length].0 as usize] += count;
        }
        let mut lengths = [0u8; LITERALS];
        huffman::lengths(&self.counts, 15, &mut lengths);
        let mut codes = [0u32; LITERALS];
        huffman::codes(&lengths, &mut codes);
        // What each token is written as: bits | length << 32.
        let mut table = [0u64; 512];
        for (byte, entry) in table[..256].iter_mut().enumerate() {
            *entry = (codes[byte] & 0xffff) as u64 | ((codes[byte] >> 16) as u64) << 32;
        }
        let mut base = 0;
        for (i, entry) in table[256..].iter_mut().enumerate() {
            let (symbol, extra) = LENGTHS[i];
            if i > 0 && LENGTHS[i - 1].0 != symbol {
                base = i;
            }
            let code = codes[257 + symbol as usize];
            let length = code >> 16;
            // The distance is the first of two: a 0 bit.
            let total = length + extra as u32 + 1;
            *entry = (code & 0xffff) as u64 | ((i - base) as u64) << length | (total as u64) << 32;
        }
        bits.put(last as u64 | 2 << 1, 3);
        write_head(bits, &lengths);
        unsafe {
            for i in 0..self.count {
                let entry = table[*self.tokens.add(i) as usize & 511];
                bits.put(entry & 0xffff_ffff, (entry >> 32) as u32);
            }
        }
        bits.put((codes[END] & 0xffff) as u64, codes[END] >> 16);
    }
}

/// How many bytes from `i` on are as the one before.
unsafe fn run(from: *const u8, start: usize, end: usize) -> usize {
    unsafe {
        let same = *from.add(start - 1) as u64 * 0x0101_0101_0101_0101;
        let mut i = start;
        while i < end {
            let other = from.add(i).cast::<u64>().read_unaligned() ^ same;
            if other != 0 {
                i += other.trailing_zeros() as usize / 8;
                break;
            }
            i += 8;
        }
        i.min(end) - start
    }
}

/// The lengths of all codes (section 3.2.7), in runs, with a code of their own.
fn write_head(bits: &mut Bits, literals: &[u8; LITERALS]) {
    let used = literals.iter().rposition(|&length| length > 0).unwrap_or(END) + 1;
    let mut all = [0u8; LITERALS + DISTANCES];
    all[..used].copy_from_slice(&literals[..used]);
    all[used..used + DISTANCES].fill(1);
    let all = &all[..used + DISTANCES];
    let mut symbols = [(0u8, 0u8); LITERALS + DISTANCES];
    let mut counts = [0u32; 19];
    let mut count = 0;
    let mut i = 0;
    while i < all.len() {
        let length = all[i];
        let mut run = 1;
        while i + run < all.len() && all[i + run] == length && run < 138 {
            run += 1;
        }
        let (symbol, extra, taken) = match (length, run) {
            (0, 11..) => (18, run - 11, run),
            (0, 3..) => (17, run - 3, run),
            // The first of them stands for itself.
            (1.., 4..) if i == 0 || all[i - 1] != length => (length, 0, 1),
            (1.., 3..) if i > 0 && all[i - 1] == length => (16, run.min(6) - 3, run.min(6)),
            _ => (length, 0, 1),
        };
        symbols[count] = (symbol, extra as u8);
        counts[symbol as usize] += 1;
        count += 1;
        i += taken;
    }
    let mut lengths = [0u8; 19];
    huffman::lengths(&counts, 7, &mut lengths);
    let mut codes = [0u32; 19];
    huffman::codes(&lengths, &mut codes);
    let told = ORDER.iter().rposition(|&symbol| lengths[symbol] > 0).unwrap_or(3).max(3) + 1;
    bits.put((used - 257) as u64, 5);
    bits.put((DISTANCES - 1) as u64, 5);
    bits.put((told - 4) as u64, 4);
    for &symbol in &ORDER[..told] {
        bits.put(lengths[symbol] as u64, 3);
    }
    for &(symbol, extra) in &symbols[..count] {
        let code = codes[symbol as usize];
        bits.put((code & 0xffff) as u64, code >> 16);
        match symbol {
            16 => bits.put(extra as u64, 2),
            17 => bits.put(extra as u64, 3),
            18 => bits.put(extra as u64, 7),
            _ => {}
        }
    }
}

/// Written lowest bit first.
struct Bits {
    out: *mut u8,
    at: usize,
    held: u64,
    /// Fewer than 32 between calls.
    count: u32,
}

impl Bits {
    /// @param count at most 32, of which those of `value` above are 0
    #[inline(always)]
    fn put(&mut self, value: u64, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        if self.count >= 32 {
            unsafe { self.out.add(self.at).cast::<u32>().write_unaligned(self.held as u32) };
            self.at += 4;
            self.held >>= 32;
            self.count -= 32;
        }
    }

    fn end(mut self) -> usize {
        while self.count > 0 {
            unsafe { *self.out.add(self.at) = self.held as u8 };
            self.at += 1;
            self.held >>= 8;
            self.count = self.count.saturating_sub(8);
        }
        self.at
    }
}
