//! Huffman codes of bounded length (RFC 1951, section 3.2.2).

/// Lengths of at most `longest` bits, 0 for symbols that never come. At least two symbols must come.
pub fn lengths(counts: &[u32], longest: usize, lengths: &mut [u8]) {
    const MAX_SYMBOLS: usize = 288;
    let mut leaves = [(0u32, 0u16); MAX_SYMBOLS];
    let mut n = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        lengths[symbol] = 0;
        if count > 0 {
            leaves[n] = (count, symbol as u16);
            n += 1;
        }
    }
    leaves[..n].sort_unstable();
    // Inner nodes come about in the order of their weights: two queues do (van Leeuwen, 1976).
    let mut weights = [0u32; MAX_SYMBOLS];
    let mut parents = [0u16; 2 * MAX_SYMBOLS];
    let (mut leaf, mut inner) = (0, 0);
    for made in 0..n - 1 {
        let mut take = || {
            if leaf < n && (inner >= made || leaves[leaf].0 <= weights[inner]) {
                leaf += 1;
                (leaves[leaf - 1].0, leaf - 1)
            } else {
                inner += 1;
                (weights[inner - 1], MAX_SYMBOLS + inner - 1)
            }
        };
        let (a, b) = (take(), take());
        weights[made] = a.0 + b.0;
        parents[a.1] = made as u16;
        parents[b.1] = made as u16;
    }
    let mut depths = [0u8; MAX_SYMBOLS];
    for node in (0..n - 2).rev() {
        depths[node] = depths[parents[MAX_SYMBOLS + node] as usize] + 1;
    }
    let mut of_length = [0u32; 64];
    for leaf in 0..n {
        of_length[(depths[parents[leaf] as usize] as usize + 1).min(63)] += 1;
    }
    bound(&mut of_length, longest);
    let mut at = 0;
    for length in (1..=longest).rev() {
        for _ in 0..of_length[length] {
            lengths[leaves[at].1 as usize] = length as u8;
            at += 1;
        }
    }
}

/// Shortens what is too long, at the cost of others, so that the codes are complete again.
fn bound(of_length: &mut [u32; 64], longest: usize) {
    for length in longest + 1..64 {
        of_length[longest] += of_length[length];
        of_length[length] = 0;
    }
    let mut total: u32 = (1..=longest).map(|length| of_length[length] << (longest - length)).sum();
    while total > 1 << longest {
        of_length[longest] -= 1;
        for length in (1..longest).rev() {
            if of_length[length] > 0 {
                of_length[length] -= 1;
                of_length[length + 1] += 2;
                break;
            }
        }
        total -= 1;
    }
}

/// Codes as they are written, their first bit lowest: code | length << 16.
pub fn codes(lengths: &[u8], codes: &mut [u32]) {
    let mut next = [0u32; 17];
    for &length in lengths {
        next[length as usize + 1] += 1;
    }
    next[1] = 0;
    for length in 2..17 {
        next[length] = (next[length - 1] + next[length]) << 1;
    }
    // `next` was counted one place higher: the first code of each length.
    for (symbol, &length) in lengths.iter().enumerate() {
        codes[symbol] = if length == 0 {
            0
        } else {
            let code = next[length as usize];
            next[length as usize] += 1;
            (code.reverse_bits() >> (32 - length as u32)) | (length as u32) << 16
        };
    }
}
